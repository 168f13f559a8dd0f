import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  bytesFeature,
  type FeatureValues,
  featuresOf,
  floatFeature,
  int64Feature,
  makeExample,
  makeSequenceExample,
  sequenceFeaturesOf,
} from "./example.js";
import { readExample, readSequenceExample } from "./example-wire.js";
import { ExampleSchema, SequenceExampleSchema } from "./protobuf/gen/tensorflow/core/example/example_pb.js";
import { decodeBase64, goldenSkip, loadCase } from "./testing/golden.js";
import { mutations, readOrRefuse } from "./testing/mutations.js";

describe("tf.Example", () => {
  const example = makeExample({
    id: int64Feature([1, -2n, 2 ** 40]),
    name: bytesFeature(["é", Uint8Array.of(0xff)]),
    weight: floatFeature([0.1, Infinity]),
    none: bytesFeature([]),
  });
  const expected = new Map<string, FeatureValues>([
    ["id", { kind: "int64", values: BigInt64Array.of(1n, -2n, 2n ** 40n) }],
    ["name", { kind: "bytes", values: [Uint8Array.of(0xc3, 0xa9), Uint8Array.of(0xff)] }],
    ["weight", { kind: "float", values: Float32Array.of(0.1, Infinity) }],
    ["none", { kind: "bytes", values: [] }],
  ]);

  it("is built from values and gives them back", () => assert.deepEqual(featuresOf(example), expected));

  it("is read from its bytes, with and without a message", () => {
    const wire = toBinary(ExampleSchema, example);
    assert.deepEqual(featuresOf(fromBinary(ExampleSchema, wire)), expected);
    assert.deepEqual(readExample(wire), expected);
  });

  it("gives only the wanted features", () => {
    const wire = toBinary(ExampleSchema, example);
    assert.deepEqual([...readExample(wire, (name) => name === "weight").keys()], ["weight"]);
  });

  it("refuses an int64 that is none", () => assert.throws(() => int64Feature([1.5]), RangeError));
});

describe("tf.SequenceExample", () => {
  const example = makeSequenceExample(
    { user: int64Feature([7]) },
    { words: [bytesFeature(["a"]), bytesFeature(["b", "c"])], empty: [] },
  );

  it("keeps the order of steps, with and without a message", () => {
    const wire = toBinary(SequenceExampleSchema, example);
    for (const { context, featureLists } of [sequenceFeaturesOf(example), readSequenceExample(wire)]) {
      assert.deepEqual(context.get("user"), { kind: "int64", values: BigInt64Array.of(7n) });
      const words = featureLists.get("words")?.map((step) => step?.values.length);
      assert.deepEqual(words, [1, 2]);
      assert.deepEqual(featureLists.get("empty"), []);
    }
  });
});

/** Wire format by hand: a varint, a field of bytes. */
const varint = (value: bigint | number): number[] => {
  const rest = BigInt.asUintN(64, BigInt(value));
  return rest < 128n ? [Number(rest)] : [Number(rest & 127n) | 128, ...varint(rest >> 7n)];
};
const field = (number: number, ...content: number[][]): number[] => {
  const bytes = content.flat();
  return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes];
};
const text = (value: string) => [...Buffer.from(value, "latin1")];
const float = (value: number) => [...new Uint8Array(Float32Array.of(value).buffer)];
const ints = (...values: number[]) => field(3, field(1, ...values.map(varint)));
const floats = (...values: number[]) => field(2, field(1, ...values.map(float)));
const bytes = (...values: string[]) => field(1, ...values.map((value) => field(1, text(value))));
const feature = (name: string, ...value: number[][]) => field(1, field(1, text(name)), field(2, ...value));
const exampleOf = (...features: number[][]) => field(1, ...features);

describe("readExample", () => {
  const int64 = (...values: number[]) => ({ kind: "int64", values: BigInt64Array.from(values, BigInt) });

  // What tf.io.parse_single_example of TensorFlow 2.21 makes of the feature "a".
  const meanings: [string, number[], unknown][] = [
    ["a packed list", exampleOf(feature("a", ints(1, -2))), int64(1, -2)],
    ["a list that is not packed", exampleOf(feature("a", field(3, [8, 1], [8, 2]))), int64(1, 2)],
    [
      "floats that are not packed",
      exampleOf(feature("a", field(2, [0x0d], float(1), [0x0d], float(2.5)))),
      { kind: "float", values: Float32Array.of(1, 2.5) },
    ],
    [
      "byte strings",
      exampleOf(feature("a", bytes("x", ""))),
      { kind: "bytes", values: [Uint8Array.of(0x78), new Uint8Array(0)] },
    ],
    ["an empty list", exampleOf(feature("a", field(3))), int64()],
    ["an empty packed list", exampleOf(feature("a", ints())), int64()],
    ["the last of equal names", exampleOf(feature("a", ints(1)), feature("a", ints(2))), int64(2)],
    [
      "the last of equal names, of another kind",
      exampleOf(feature("a", floats(1)), feature("a", ints(2))),
      int64(2),
    ],
    ["the one that has values of equal names", exampleOf(feature("a", ints(1)), feature("a")), int64(1)],
    ["the first list of a feature", exampleOf(feature("a", ints(1), ints(2))), int64(1)],
    ["the first list of a feature, of another kind", exampleOf(feature("a", ints(2), floats(1))), int64(2)],
    ["a value before its name", exampleOf(field(1, field(2, ints(7)), field(1, text("a")))), int64(7)],
    [
      "two Features messages",
      [...exampleOf(feature("a", ints(1))), ...exampleOf(feature("a", ints(5)))],
      int64(5),
    ],
    [
      "a field of the Example that nobody knows",
      [...field(9, text("zz")), ...exampleOf(feature("a", ints(7)))],
      int64(7),
    ],
    [
      "a name that is no UTF-8 beside it",
      exampleOf(feature("\xff", ints(1)), feature("a", ints(2))),
      int64(2),
    ],
    ["a feature without a kind: none", exampleOf(feature("a")), undefined],
    ["nothing: none", [], undefined],
  ];
  for (const [title, wire, expected] of meanings) {
    it(`reads ${title}`, () => assert.deepEqual(readExample(Uint8Array.from(wire)).get("a"), expected));
  }

  it("reads the whole range of int64", () => {
    const values = [
      0n,
      127n,
      128n,
      2n ** 28n,
      2n ** 35n - 1n,
      2n ** 63n - 1n,
      -1n,
      -(2n ** 63n),
      -(2n ** 31n),
    ];
    const list = field(3, field(1, ...values.map(varint)));
    assert.deepEqual(
      readExample(Uint8Array.from(exampleOf(feature("a", list)))).get("a")?.values,
      BigInt64Array.from(values),
    );
  });

  // TensorFlow's parser refuses these too, but for the last one, of which it drops the bytes that are left over.
  const refused: [string, number[]][] = [
    ["an example that is cut off", exampleOf(feature("a", ints(1, 2))).slice(0, -1)],
    ["a feature without a value", exampleOf(field(1, field(1, text("a"))))],
    [
      "a feature with two names",
      exampleOf(field(1, field(1, text("b")), field(1, text("a")), field(2, ints(7)))),
    ],
    [
      "a feature with two values",
      exampleOf(field(1, field(1, text("a")), field(2, ints(7)), field(2, ints(8)))),
    ],
    ["fields that nobody knows beside a feature", exampleOf(field(9, text("zz")), feature("a", ints(7)))],
    ["fields that nobody knows in a feature", exampleOf(feature("a", field(9, text("zz")), ints(7)))],
    ["fields that nobody knows in a list", exampleOf(feature("a", field(3, field(9, text("zz")))))],
    ["doubles in a float list", exampleOf(feature("a", field(2, [9, 0, 0, 0, 0, 0, 0, 0, 64])))],
    [
      "a number of eleven bytes",
      exampleOf(feature("a", field(3, field(1, [...new Array(10).fill(0x80), 1])))),
    ],
    ["a group", [0x0b, 0x0c]],
    ["a length beyond the end", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ["three bytes for a float", exampleOf(feature("a", field(2, field(1, [1, 2, 3]))))],
  ];
  for (const [title, wire] of refused) {
    it(`refuses ${title}`, () => {
      const message = /^StatusError: Could not parse example input: .* at byte \d+ of \d+$/;
      assert.throws(() => readExample(Uint8Array.from(wire)), { codeName: "INVALID_ARGUMENT" });
      assert.throws(() => readExample(Uint8Array.from(wire)), message);
    });
  }

  it("views byte strings, at any offset", () => {
    const wire = Uint8Array.from([
      0,
      0,
      0,
      ...exampleOf(feature("a", bytes("xy")), feature("f", floats(1.5))),
    ]);
    const features = readExample(wire.subarray(3));
    const names = features.get("a");
    assert.ok(names?.kind === "bytes");
    assert.equal(names.values[0]?.buffer, wire.buffer);
    assert.deepEqual(features.get("f")?.values, Float32Array.of(1.5));
  });

  it("survives damage", () => {
    const wire = Uint8Array.from(
      exampleOf(
        feature("a", ints(1, -2)),
        feature("b", floats(1, 2)),
        feature("c", bytes("x", "yy")),
        feature("d", field(3, [8, 1])),
      ),
    );
    for (const { label, bytes: bad } of mutations(wire, 12, 5000)) {
      readOrRefuse(label, () => readExample(bad));
      readOrRefuse(label, () => readSequenceExample(bad));
    }
  });

  it("reads the examples of TensorFlow's own files", { skip: goldenSkip() }, () => {
    for (const { bytes: record, features } of loadCase("tfrecord").records ?? []) {
      const read = [...readExample(decodeBase64(record))].map(([name, { kind, values }]) => {
        const list =
          kind === "bytes" ? values.map((value) => Buffer.from(value).toString("base64")) : [...values];
        return [
          name,
          { [`${kind}_list`]: list.map((value) => (typeof value === "bigint" ? String(value) : value)) },
        ];
      });
      assert.deepEqual(Object.fromEntries(read), features);
    }
  });
});
