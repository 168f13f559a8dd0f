/**
 * tf.Example and tf.SequenceExample (tensorflow/core/example/example.proto, feature.proto): built from plain values
 * and read back with their kinds. For parsing many serialized examples see example-wire.ts.
 */
import { create } from "@bufbuild/protobuf";
import {
  type Example,
  ExampleSchema,
  type SequenceExample,
  SequenceExampleSchema,
} from "./protobuf/gen/tensorflow/core/example/example_pb.js";
import { type Feature, FeatureSchema } from "./protobuf/gen/tensorflow/core/example/feature_pb.js";
import { encodeText } from "./tensor.js";

/** The values of one feature: a list of byte strings, of float32 or of int64. */
export type FeatureValues =
  | { readonly kind: "bytes"; readonly values: Uint8Array[] }
  | { readonly kind: "float"; readonly values: Float32Array }
  | { readonly kind: "int64"; readonly values: BigInt64Array };

/**
 * A feature of byte strings; text is encoded as UTF-8.
 *
 * @example
 * const feature = bytesFeature(["text", Uint8Array.of(0xff)]);
 * assert.deepEqual(featureValues(feature)?.values[1], Uint8Array.of(0xff));
 */
export function bytesFeature(values: readonly (string | Uint8Array)[]): Feature {
  const value = values.map((item) => (typeof item === "string" ? encodeText(item) : item));
  return create(FeatureSchema, { kind: { case: "bytesList", value: { value } } });
}

/**
 * A feature of float32 numbers.
 *
 * @example
 * assert.deepEqual(featureValues(floatFeature([0.5])), { kind: "float", values: Float32Array.of(0.5) });
 */
export function floatFeature(values: Iterable<number>): Feature {
  return create(FeatureSchema, {
    kind: { case: "floatList", value: { value: Array.from(values, Math.fround) } },
  });
}

/**
 * A feature of 64-bit integers. RangeError for a number that is no integer.
 *
 * @example
 * assert.deepEqual(featureValues(int64Feature([7, 8n]))?.values, BigInt64Array.of(7n, 8n));
 */
export function int64Feature(values: Iterable<number | bigint>): Feature {
  return create(FeatureSchema, { kind: { case: "int64List", value: { value: Array.from(values, BigInt) } } });
}

/**
 * A tf.Example of features by name:
 *
 *     makeExample({ id: int64Feature([7]), name: bytesFeature(["seven"]), weights: floatFeature([0.5, 0.25]) })
 *
 * @example
 * const example = makeExample({ id: int64Feature([7]), name: bytesFeature(["seven"]) });
 * assert.deepEqual([...featuresOf(example).keys()], ["id", "name"]);
 */
export function makeExample(features: Readonly<Record<string, Feature>>): Example {
  return create(ExampleSchema, { features: { feature: { ...features } } });
}

/**
 * A tf.SequenceExample: features of the whole sequence, and lists with a feature for each step.
 *
 * @example
 * const example = makeSequenceExample({ id: int64Feature([7]) }, { x: [floatFeature([1]), floatFeature([2])] });
 * assert.equal(sequenceFeaturesOf(example).featureLists.get("x")?.length, 2);
 */
export function makeSequenceExample(
  context: Readonly<Record<string, Feature>>,
  featureLists: Readonly<Record<string, readonly Feature[]>>,
): SequenceExample {
  const lists = Object.entries(featureLists).map(([name, feature]) => [name, { feature: [...feature] }]);
  return create(SequenceExampleSchema, {
    context: { feature: { ...context } },
    featureLists: { featureList: Object.fromEntries(lists) },
  });
}

/**
 * The values of a feature; undefined for one without a kind, which stands for a missing feature.
 *
 * @example
 * assert.deepEqual(featureValues(int64Feature([7])), { kind: "int64", values: BigInt64Array.of(7n) });
 */
export function featureValues(feature: Feature): FeatureValues | undefined {
  const { kind } = feature;
  switch (kind.case) {
    case "bytesList":
      return { kind: "bytes", values: kind.value.value };
    case "floatList":
      return { kind: "float", values: Float32Array.from(kind.value.value) };
    case "int64List":
      return { kind: "int64", values: BigInt64Array.from(kind.value.value) };
    default:
      return undefined;
  }
}

/**
 * The features of a tf.Example by name, without those that have no kind.
 *
 * @example
 * const features = featuresOf(makeExample({ weights: floatFeature([0.5, 0.25]) }));
 * assert.deepEqual(features.get("weights")?.values, Float32Array.of(0.5, 0.25));
 */
export function featuresOf(example: Example): Map<string, FeatureValues> {
  return valuesByName(example.features?.feature ?? {});
}

/**
 * The features of a tf.SequenceExample: of the sequence, and of each step by name.
 *
 * @example
 * const example = makeSequenceExample({ id: int64Feature([7]) }, { x: [floatFeature([1])] });
 * assert.deepEqual(sequenceFeaturesOf(example).context.get("id")?.values, BigInt64Array.of(7n));
 */
export function sequenceFeaturesOf(example: SequenceExample): {
  readonly context: Map<string, FeatureValues>;
  readonly featureLists: Map<string, (FeatureValues | undefined)[]>;
} {
  const lists = Object.entries(example.featureLists?.featureList ?? {});
  return {
    context: valuesByName(example.context?.feature ?? {}),
    featureLists: new Map(lists.map(([name, list]) => [name, list.feature.map(featureValues)])),
  };
}

function valuesByName(features: Readonly<Record<string, Feature>>): Map<string, FeatureValues> {
  const named = Object.entries(features).map(([name, feature]) => [name, featureValues(feature)] as const);
  return new Map(named.filter((entry): entry is [string, FeatureValues] => entry[1] !== undefined));
}
