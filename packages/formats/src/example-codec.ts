/**
 * tf.Examples of one kind: a schema says which features there are and of what, and programs give and get typed values
 * by name, as with tf.io.parse_single_example.
 */
import { toBinary } from "@bufbuild/protobuf";
import { bytesFeature, type FeatureValues, floatFeature, int64Feature, makeExample } from "./example.js";
import { readExample } from "./example-wire.js";
import { ExampleSchema } from "./protobuf/gen/tensorflow/core/example/example_pb.js";
import { invalidArgument } from "./status.js";

/** What a feature holds. */
export type FeatureKind = FeatureValues["kind"];
/** The features of an example by name. */
export type ExampleFields = Readonly<Record<string, FeatureKind>>;

interface Given {
  readonly bytes: readonly (string | Uint8Array)[];
  readonly float: Iterable<number>;
  readonly int64: Iterable<number | bigint>;
}

/** Values to write; text is encoded as UTF-8, and what is left out is not there. */
export type ExampleInput<Fields extends ExampleFields> = {
  readonly [Name in keyof Fields]?: Given[Fields[Name]];
};

/** Values that were read; those of missing features are empty. */
export type ExampleOutput<Fields extends ExampleFields> = {
  readonly [Name in keyof Fields]: Extract<FeatureValues, { kind: Fields[Name] }>["values"];
};

/**
 * Writes and reads serialized tf.Examples of one schema.
 *
 * @example
 * const codec = new ExampleCodec({ id: "int64", name: "bytes", weights: "float" });
 * const bytes = codec.encode({ id: [7], name: ["seven"], weights: [0.5, 0.25] });
 * const { id, weights } = codec.decode(bytes);
 * assert.deepEqual([id, weights], [BigInt64Array.of(7n), Float32Array.of(0.5, 0.25)]);
 */
export class ExampleCodec<const Fields extends ExampleFields> {
  constructor(readonly fields: Fields) {}

  /** A serialized tf.Example. INVALID_ARGUMENT for features that the schema lacks, or integers that are none. */
  encode(values: ExampleInput<Fields>): Uint8Array {
    const unknown = Object.keys(values).filter((name) => !Object.hasOwn(this.fields, name));
    if (unknown.length > 0) throw invalidArgument(`The schema has no features "${unknown.join('", "')}"`);
    const features = Object.entries(this.fields).flatMap(([name, kind]) => {
      const value: Given[FeatureKind] | undefined = values[name];
      return value === undefined ? [] : [[name, featureOf(name, kind, value)] as const];
    });
    return toBinary(ExampleSchema, makeExample(Object.fromEntries(features)));
  }

  /**
   * The values of the schema's features; others are ignored.
   * INVALID_ARGUMENT, listing all, for features of another kind, and for bytes that are no tf.Example.
   */
  decode(serialized: Uint8Array): ExampleOutput<Fields> {
    const found = readExample(serialized, (name) => Object.hasOwn(this.fields, name));
    const problems: string[] = [];
    const values = Object.entries(this.fields).map(([name, kind]) => {
      const feature = found.get(name);
      if (feature !== undefined && feature.kind !== kind) {
        problems.push(`feature "${name}" must be ${kind}, got ${feature.kind}`);
      }
      return [name, feature?.values ?? empty[kind]()];
    });
    if (problems.length > 0) throw invalidArgument(`Example: ${problems.join("; ")}`);
    return Object.fromEntries(values) as ExampleOutput<Fields>;
  }
}

const empty = {
  bytes: (): Uint8Array[] => [],
  float: () => new Float32Array(0),
  int64: () => new BigInt64Array(0),
} as const;

function featureOf(name: string, kind: FeatureKind, value: Given[FeatureKind]) {
  if (kind === "bytes") return bytesFeature(value as Given["bytes"]);
  if (kind === "float") return floatFeature(value as Given["float"]);
  try {
    return int64Feature(value as Given["int64"]);
  } catch (reason) {
    throw invalidArgument(`Feature "${name}" must be whole numbers: ${(reason as Error).message}`, {
      cause: reason,
    });
  }
}
