import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type DType, dtypeInfo, dtypes } from "./dtype.js";
import { GraphDefSchema } from "./protobuf/gen/tensorflow/core/framework/graph_pb.js";
import { TensorProtoSchema } from "./protobuf/gen/tensorflow/core/framework/tensor_pb.js";
import type { DataType } from "./protobuf/gen/tensorflow/core/framework/types_pb.js";
import { decodeText, type NumericTensor, stringTensor, type Tensor, tensor, zeros } from "./tensor.js";
import { partialShapeFromProto, shapeToProto, tensorFromProto, tensorToProto } from "./tensor-proto.js";
import { compareTensor, decodeTensor, type GoldenTensor, goldenSkip, loadCase } from "./testing/golden.js";

type Values = MessageInitShape<typeof TensorProtoSchema>;

function proto(dtype: DType, shape: number[], values: Values) {
  const number = dtypeInfo(dtype).number as DataType;
  return Object.assign(create(TensorProtoSchema, values), {
    dtype: number,
    tensorShape: shapeToProto(shape),
  });
}

const read = (dtype: DType, shape: number[], values: Values): Tensor =>
  tensorFromProto(proto(dtype, shape, values), 'input "x"');

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("tensorFromProto", () => {
  // What TensorFlow 2.21 makes of the same messages (tf.io.parse_tensor).
  const meanings: [string, DType, number[], Values, unknown[]][] = [
    ["a full list", "float32", [2], { floatVal: [1, 2] }, [1, 2]],
    ["a short list, whose last value repeats", "float32", [2, 2], { floatVal: [1, 2] }, [1, 2, 2, 2]],
    ["an empty list: zeros", "int32", [2], {}, [0, 0]],
    ["an empty tensor, whatever its content", "float32", [0], { tensorContent: bytes(1, 2, 3) }, []],
    ["no shape: a scalar", "float32", [], { floatVal: [3] }, [3]],
    [
      "tensor_content before the list",
      "float32",
      [2],
      { floatVal: [5], tensorContent: bytes(0, 0, 0, 0, 0, 0, 0x80, 0x3f) },
      [0, 1],
    ],
    ["int8 values beyond the range, which wrap", "int8", [3], { intVal: [300, -129, 1] }, [44, 127, 1]],
    ["half bits", "float16", [2], { halfVal: [0x3c00] }, [0x3c00, 0x3c00]],
    ["bfloat16 bits", "bfloat16", [1], { halfVal: [0x3f80] }, [0x3f80]],
    ["complex pairs, the last of which repeats", "complex64", [2], { scomplexVal: [1, 2, 3] }, [1, 2, 1, 2]],
    ["complex128 pairs", "complex128", [1], { dcomplexVal: [1, -2] }, [1, -2]],
    ["booleans", "bool", [3], { boolVal: [true, false] }, [1, 0, 0]],
    ["int64", "int64", [2], { int64Val: [-5n] }, [-5n, -5n]],
    ["uint64", "uint64", [1], { uint64Val: [2n ** 64n - 1n] }, [2n ** 64n - 1n]],
    ["uint32", "uint32", [1], { uint32Val: [2 ** 32 - 1] }, [2 ** 32 - 1]],
    ["int4 from its list, four bits of each", "int4", [3], { intVal: [-1, 7, 9] }, [-1, 7, -7]],
    ["int4 from content, one a byte", "int4", [3], { tensorContent: bytes(0xff, 0x0f, 0x78) }, [-1, -1, -8]],
    ["uint4 from content", "uint4", [3], { tensorContent: bytes(0xff, 0x0f, 0x78) }, [15, 15, 8]],
    ["int2 from its list", "int2", [3], { intVal: [1, 2, 7] }, [1, -2, -1]],
    [
      "float8 bits, the last of which repeats",
      "float8_e5m2",
      [3],
      { float8Val: bytes(0x3c, 0x3d) },
      [0x3c, 0x3d, 0x3d],
    ],
    ["float4 from content", "float4_e2m1fn", [2], { tensorContent: bytes(0xff, 0x78) }, [0xf, 0x8]],
    ["quantized values", "quint8", [1], { intVal: [200] }, [200]],
  ];
  for (const [title, dtype, shape, values, expected] of meanings) {
    it(`reads ${title}`, () => {
      const value = read(dtype, shape, values);
      assert.deepEqual([...(value.data as Iterable<unknown>)], expected);
      assert.deepEqual(value.shape, shape);
      assert.equal(value.dtype, dtype);
    });
  }

  it("reads strings from their list and from content", () => {
    const texts = (values: Values) => (read("string", [3], values).data as Uint8Array[]).map(decodeText);
    assert.deepEqual(texts({ stringVal: [bytes(0x61), bytes(0x62)] }), ["a", "b", "b"]);
    assert.deepEqual(texts({}), ["", "", ""]);
    // Lengths 1, 0 and 2, then the bytes.
    assert.deepEqual(texts({ tensorContent: bytes(1, 0, 2, 0x61, 0x62, 0x63) }), ["a", "", "bc"]);
  });

  it("views aligned content, copies what is not", () => {
    const memory = new Uint8Array(24);
    memory.set([0, 0, 0x80, 0x3f], 9);
    const aligned = read("float32", [2], { tensorContent: memory.subarray(8, 16) }).data as Float32Array;
    assert.equal(aligned.buffer, memory.buffer);
    // A Buffer's slice() would be a view that is just as unaligned.
    const unaligned = read("float32", [1], { tensorContent: Buffer.from(memory.buffer).subarray(9, 13) });
    assert.deepEqual(unaligned.data, Float32Array.of(1));
  });

  const refused: [string, Values, RegExp, string][] = [
    [
      "more values than elements",
      proto("float32", [2], { floatVal: [1, 2, 3] }),
      /has 2 elements, got 3 values/,
      "INVALID_ARGUMENT",
    ],
    [
      "too little content",
      proto("float32", [2], { tensorContent: bytes(1, 2, 3, 4) }),
      /8 bytes .*, got 4/,
      "INVALID_ARGUMENT",
    ],
    [
      "too much content",
      proto("int8", [1], { tensorContent: bytes(1, 2) }),
      /1 bytes .*, got 2/,
      "INVALID_ARGUMENT",
    ],
    [
      "a bool byte of 2",
      proto("bool", [1], { tensorContent: bytes(2) }),
      /neither 0 nor 1/,
      "INVALID_ARGUMENT",
    ],
    [
      "string lengths beyond the content",
      proto("string", [2], { tensorContent: bytes(1, 2, 0x61) }),
      /add up to 5 bytes, got 3/,
      "INVALID_ARGUMENT",
    ],
    [
      "content too short for the lengths",
      proto("string", [1000], { tensorContent: bytes(1) }),
      /needs 1000 strings, got 1 bytes/,
      "INVALID_ARGUMENT",
    ],
    [
      "a negative size",
      proto("float32", [-1], { floatVal: [1] }),
      /shape \[\?\] must be fully known/,
      "INVALID_ARGUMENT",
    ],
    [
      "an unknown rank",
      { dtype: 1, tensorShape: { unknownRank: true } },
      /shape <unknown>/,
      "INVALID_ARGUMENT",
    ],
    [
      "a product beyond all numbers",
      proto("float32", new Array(100).fill(2 ** 52), { floatVal: [1] }),
      /too many elements/,
      "INVALID_ARGUMENT",
    ],
    [
      "zero times such a product",
      proto("float32", [...new Array(100).fill(2 ** 52), 0], {}),
      /too many elements/,
      "INVALID_ARGUMENT",
    ],
    [
      "one value for over 2 GiB",
      proto("float32", [2 ** 30], { floatVal: [1] }),
      /only 1 values are given/,
      "RESOURCE_EXHAUSTED",
    ],
    [
      "one string for over 2 GiB",
      proto("string", [2 ** 27], { stringVal: [bytes(1)] }),
      /only 1 values are given/,
      "RESOURCE_EXHAUSTED",
    ],
    ["handles", { dtype: 20 }, /DT_RESOURCE holds handles/, "UNIMPLEMENTED"],
    ["variants", { dtype: 21 }, /DT_VARIANT holds handles/, "UNIMPLEMENTED"],
    ["no dtype", {}, /DT_INVALID is not a tensor dtype/, "INVALID_ARGUMENT"],
    [
      "a dtype that nobody knows",
      { dtype: 77 as DataType },
      /DataType 77 is not a tensor dtype/,
      "INVALID_ARGUMENT",
    ],
  ];
  for (const [title, values, message, codeName] of refused) {
    it(`refuses ${title} with ${codeName}`, () => {
      const read = () => tensorFromProto(create(TensorProtoSchema, values), 'input "x"');
      assert.throws(read, { codeName, message });
      assert.throws(read, /^StatusError: input "x": /);
    });
  }
});

describe("tensorToProto", () => {
  /** Some bits for each dtype, among them all ones. */
  const sample = (dtype: DType): Tensor => {
    if (dtype === "string") return stringTensor([2], ["", "é"]);
    const value = zeros(dtype, [2, 1]) as NumericTensor;
    const { lanes, kind } = dtypeInfo(dtype);
    if (value.data instanceof BigInt64Array) value.data.set([-1n, 1n]);
    else if (value.data instanceof BigUint64Array) value.data.set([2n ** 64n - 1n, 1n]);
    else value.data.set([kind === "int" ? -1 : 0, ...new Array(lanes).fill(1)]);
    return value;
  };
  for (const { name } of dtypes) {
    for (const asContent of [false, true]) {
      it(`${name} ${asContent ? "as content" : "as a list"} comes back over the wire`, () => {
        const value = sample(name);
        const wire = toBinary(TensorProtoSchema, tensorToProto(value, { asContent }));
        compareTensor(tensorFromProto(fromBinary(TensorProtoSchema, wire), name), value);
      });
    }
  }

  it("puts lists where TensorFlow Serving does, unless content is asked for", () => {
    const value = tensor("float32", [2], Float32Array.of(1, 2));
    const list = tensorToProto(value);
    assert.deepEqual([list.floatVal, list.tensorContent.length], [[1, 2], 0]);
    const content = tensorToProto(value, { asContent: true });
    assert.deepEqual([content.floatVal, content.tensorContent.length], [[], 8]);
  });
});

describe("partial shapes", () => {
  for (const shape of [null, [], [2, -1], [0]]) {
    it(`${JSON.stringify(shape)} comes back`, () =>
      assert.deepEqual(partialShapeFromProto(shapeToProto(shape)), shape));
  }
  it("no message is a scalar", () => assert.deepEqual(partialShapeFromProto(undefined), []));
});

describe("Const nodes written by TensorFlow", { skip: goldenSkip() }, () => {
  it("have the values that TensorFlow gives them", () => {
    const golden = loadCase("const_encodings");
    const graph = fromBinary(GraphDefSchema, readFileSync(path.join(golden.dir, golden.path)));
    const outputs = golden.calls?.[0]?.outputs as Record<string, GoldenTensor>;
    assert.equal(graph.node.length, Object.keys(outputs).length);
    for (const node of graph.node) {
      const value = node.attr.value?.value;
      assert.equal(value?.case, "tensor");
      const expected = decodeTensor(outputs[node.name] as GoldenTensor);
      compareTensor(tensorFromProto(value.value as never, node.name), expected, {}, node.name);
    }
  });
});

describe("a shape for a message", () => {
  for (const size of [1e300, 2 ** 63, 0.5, Number.NaN]) {
    it(`of size ${size} is INVALID_ARGUMENT`, () => {
      const message = /a size that is no 64-bit integer/;
      assert.throws(() => shapeToProto([2, size]), { codeName: "INVALID_ARGUMENT", message });
    });
  }
});
