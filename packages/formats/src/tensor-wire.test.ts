import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type DType, dtypeInfo, dtypes, type NumericData } from "./dtype.js";
import { TensorProtoSchema } from "./protobuf/gen/tensorflow/core/framework/tensor_pb.js";
import { allocate, bytesOf, stringTensor, type Tensor, tensor } from "./tensor.js";
import { tensorFromProto, tensorToProto } from "./tensor-proto.js";
import { tensorFromBytes, tensorToBytes } from "./tensor-wire.js";

/** Numbers at the edges of varints and of the integer types. */
const edges = [
  0n,
  1n,
  -1n,
  127n,
  128n,
  -128n,
  255n,
  16_383n,
  16_384n,
  32_767n,
  -32_768n,
  65_535n,
  2n ** 21n,
  2n ** 28n - 1n,
  2n ** 28n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 32n - 1n,
  2n ** 35n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];

/** A tensor of shape [1, n] whose memory is that of the edges. */
function edgesOf(dtype: Exclude<DType, "string">): Tensor {
  const { size, lanes } = dtypeInfo(dtype);
  const words = BigInt64Array.from(edges);
  const count = (words.byteLength / size) | 0;
  const data = allocate(dtype, count) as NumericData;
  bytesOf(data).set(bytesOf(words).subarray(0, data.byteLength));
  if (dtype === "bool") for (let i = 0; i < data.length; i++) data[i] = Number(data[i]) & 1;
  if (dtype.includes("int4") || dtype.includes("int2") || dtype.startsWith("float4")) data.fill(1 as never);
  return tensor(dtype, [1, data.length / lanes], data as never) as Tensor;
}

const samples: Tensor[] = [
  ...dtypes.flatMap(({ name }) => (name === "string" ? [] : [edgesOf(name)])),
  tensor("float32", [], Float32Array.of(-0.5)),
  tensor("float32", [0, 3], new Float32Array(0)),
  tensor("int64", [2, 0], new BigInt64Array(0)),
  stringTensor([2, 1], ["a", Uint8Array.of(0xff, 0)]),
  stringTensor([], [""]),
  stringTensor([0], []),
];

describe("a tensor on the wire", () => {
  for (const one of samples) {
    const title = `${one.dtype}[${one.shape}]`;
    for (const asContent of [false, true]) {
      it(`is written as the message would be: ${title}${asContent ? " as content" : ""}`, () => {
        const message = fromBinary(TensorProtoSchema, tensorToBytes(one, asContent));
        assert.deepEqual(
          message,
          fromBinary(TensorProtoSchema, toBinary(TensorProtoSchema, tensorToProto(one, { asContent }))),
        );
      });

      it(`is read as the message would be: ${title}${asContent ? " as content" : ""}`, () => {
        const bytes = toBinary(TensorProtoSchema, tensorToProto(one, { asContent }));
        assert.deepEqual(
          tensorFromBytes(bytes, "x"),
          tensorFromProto(fromBinary(TensorProtoSchema, bytes), "x"),
        );
      });
    }
  }

  const float32 = { dtype: 1, tensorShape: { dim: [{ size: 4n }] } };
  const others: [string, Parameters<typeof create<typeof TensorProtoSchema>>[1]][] = [
    ["a short list", { ...float32, floatVal: [1, 2] }],
    ["no values", float32],
    ["content beside a list", { ...float32, tensorContent: new Uint8Array(16), floatVal: [1] }],
    ["named dimensions", { ...float32, tensorShape: { dim: [{ size: 1n, name: "batch" }] }, floatVal: [7] }],
    ["a version", { ...float32, versionNumber: 3, floatVal: [1, 2, 3, 4] }],
  ];
  for (const [title, init] of others) {
    it(`may have ${title}`, () => {
      const message = create(TensorProtoSchema, init);
      assert.deepEqual(
        tensorFromBytes(toBinary(TensorProtoSchema, message), "x"),
        tensorFromProto(message, "x"),
      );
    });
  }

  it("may have bools as any varint", () => {
    // dtype bool, shape [3], bool_val [0, 2, 128]
    const bytes = Buffer.from("080a1204120208035a0400028001", "hex");
    assert.deepEqual(tensorFromBytes(bytes, "x"), tensor("bool", [3], Uint8Array.of(0, 1, 1)));
  });

  it("may have a list that is not packed", () => {
    // dtype float32, shape [2], float_val 1, float_val 2
    const bytes = Buffer.from("0801120412020802" + "2d0000803f2d00000040", "hex");
    assert.deepEqual(tensorFromBytes(bytes, "x"), tensor("float32", [2], Float32Array.of(1, 2)));
  });

  const faults: [string, Parameters<typeof create<typeof TensorProtoSchema>>[1]][] = [
    ["an unknown size", { dtype: 1, tensorShape: { dim: [{ size: -1n }] }, floatVal: [1] }],
    ["an unknown rank", { dtype: 1, tensorShape: { unknownRank: true }, floatVal: [1] }],
    ["too many values", { ...float32, floatVal: [1, 2, 3, 4, 5] }],
    ["too little content", { ...float32, tensorContent: new Uint8Array(15) }],
    ["a size beyond memory", { dtype: 1, tensorShape: { dim: [{ size: 2n ** 40n }] }, floatVal: [1] }],
    ["no dtype", { tensorShape: {}, floatVal: [1] }],
    [
      "bools that are none",
      { dtype: 10, tensorShape: { dim: [{ size: 2n }] }, tensorContent: Uint8Array.of(2, 0) },
    ],
    ["handles", { dtype: 20, tensorShape: {} }],
  ];
  for (const [title, init] of faults) {
    it(`is refused with ${title}, in the words of the message's reader`, () => {
      const message = create(TensorProtoSchema, init);
      let expected: unknown;
      try {
        tensorFromProto(message, 'input "x"');
      } catch (reason) {
        expected = reason;
      }
      assert.ok(expected instanceof Error);
      assert.throws(() => tensorFromBytes(toBinary(TensorProtoSchema, message), 'input "x"'), {
        message: expected.message,
      });
    });
  }

  it("is refused when the bytes are no message", () => {
    assert.throws(() => tensorFromBytes(Uint8Array.of(0x12, 0xff), "x"), { codeName: "INVALID_ARGUMENT" });
    assert.throws(() => tensorFromBytes(Uint8Array.of(0x12, 0xff), "x", 13), { codeName: "INTERNAL" });
  });

  it("gives views on content and strings", () => {
    const bytes = tensorToBytes(stringTensor([1], ["text"]));
    assert.equal((tensorFromBytes(bytes, "x").data[0] as Uint8Array).buffer, bytes.buffer);
  });
});
