/** ModelInferRequest from bytes that generated code would not write, and from damaged ones. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, StatusError, WireError } from "@servable/formats";
import { ModelInferRequestSchema } from "@servable/formats/protobuf/open_inference_grpc_pb";
import { decodeInferRequest } from "./infer-messages.js";

const bytesOf = (message: MessageInitShape<typeof ModelInferRequestSchema>) =>
  toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, message));

/** A length-delimited field of fewer than 128 bytes. */
const field = (number: number, ...value: number[]) => [(number << 3) | 2, value.length, ...value];
const text = (value: string) => [...Buffer.from(value)];

describe("ModelInferRequest", () => {
  it("may have its lists unpacked and in pieces", () => {
    // Shape [1, 3], one size at a time; int_contents 1 alone, then 2 and -1 packed.
    const contents = [0x10, 1, ...field(2, 2, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1)];
    const input = [
      ...field(1, ...text("x")),
      ...field(2, ...text("INT32")),
      0x18,
      1,
      0x18,
      3,
      ...field(5, ...contents),
    ];
    const { inputs } = decodeInferRequest(
      Uint8Array.from([...field(1, ...text("m")), ...field(5, ...input)]),
    );
    assert.deepEqual(inputs.get("x")?.(), { dtype: "int32", shape: [1, 3], data: Int32Array.of(1, 2, -1) });
  });

  it("is refused where a list ends within a number, or a number has no end", () => {
    for (const contents of [field(2, 1, 0x80), field(2, ...Array<number>(11).fill(0x80), 1)]) {
      const input = [
        ...field(1, ...text("x")),
        ...field(2, ...text("INT32")),
        0x18,
        1,
        ...field(5, ...contents),
      ];
      const { inputs } = decodeInferRequest(Uint8Array.from(field(5, ...input)));
      assert.throws(
        () => inputs.get("x")?.(),
        (reason: StatusError) => reason.code === Code.INTERNAL,
      );
    }
  });

  it("is refused for floats that are cut off", () => {
    const input = [
      ...field(1, ...text("x")),
      ...field(2, ...text("FP32")),
      0x18,
      1,
      ...field(5, ...field(6, 1, 2, 3)),
    ];
    const { inputs } = decodeInferRequest(Uint8Array.from(field(5, ...input)));
    assert.throws(() => inputs.get("x")?.(), /3 bytes of fp32_contents are no whole number/);
  });

  const whole: readonly Uint8Array[] = [
    bytesOf({
      modelName: "m",
      modelVersion: "1",
      parameters: { signature_name: { parameterChoice: { case: "stringParam", value: "s" } } },
      inputs: [
        { name: "a", datatype: "INT64", shape: [2n], contents: { int64Contents: [1n, -1n] } },
        { name: "b", datatype: "BYTES", shape: [1n], contents: { bytesContents: [Uint8Array.of(7)] } },
        { name: "c", datatype: "BOOL", shape: [1n], contents: { boolContents: [true] } },
      ],
      outputs: [{ name: "y" }],
    }),
    bytesOf({
      modelName: "m",
      inputs: [
        { name: "a", datatype: "FP64", shape: [1n] },
        { name: "b", datatype: "BYTES", shape: [2n] },
      ],
      rawInputContents: [new Uint8Array(8), Uint8Array.of(1, 0, 0, 0, 7, 0, 0, 0, 0)],
    }),
  ];

  /** Decodes all there is. Whatever is wrong is said as what it is: a fault of the bytes. */
  function decodeAll(bytes: Uint8Array): void {
    try {
      for (const tensor of decodeInferRequest(bytes).inputs.values()) tensor();
    } catch (reason) {
      if (reason instanceof WireError) return;
      assert.ok(reason instanceof StatusError, String(reason));
      assert.ok(reason.code === Code.INTERNAL || reason.code === Code.INVALID_ARGUMENT, reason.message);
    }
  }

  it("is decoded or refused, wherever it is cut off", () => {
    for (const bytes of whole)
      for (let end = 0; end <= bytes.length; end++) decodeAll(bytes.subarray(0, end));
  });

  it("is decoded or refused, whichever byte is another", () => {
    for (const bytes of whole) {
      for (let at = 0; at < bytes.length; at++) {
        for (let value = 0; value < 256; value++) decodeAll(bytes.with(at, value));
      }
    }
  });
});
