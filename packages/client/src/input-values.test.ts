import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, type DType, type Signature, stringTensor, type Tensor, tensor } from "@servable/formats";
import { type Inputs, type InputValue, tensorsOf } from "./input-values.js";

/** A signature with one input "x". */
function signatureOf(dtype: DType): Signature {
  const x = { name: "x:0", dtype, shape: null };
  return {
    name: "serving_default",
    methodName: "tensorflow/serving/predict",
    inputs: new Map([["x", x]]),
    outputs: new Map(),
    defaults: new Map(),
  };
}

const unknown = undefined;
const floats = new Float32Array([1, 2, 3, 4]);

describe("a request's input", () => {
  const rows: readonly (readonly [string, InputValue, DType | undefined, Tensor])[] = [
    [
      "a tensor, as it is",
      tensor("int8", [1], new Int8Array([1])),
      "float32",
      tensor("int8", [1], new Int8Array([1])),
    ],
    ["a number, by the signature", 3, "int32", tensor("int32", [], new Int32Array([3]))],
    ["a number, by itself", 3, unknown, tensor("float32", [], new Float32Array([3]))],
    ["a typed array as a vector", floats, "float32", tensor("float32", [4], floats)],
    [
      "a typed array by its class",
      new Float64Array([1]),
      unknown,
      tensor("float64", [1], new Float64Array([1])),
    ],
    ["doubles for floats", new Float64Array([1]), "float32", tensor("float32", [1], new Float32Array([1]))],
    [
      "floats for float16",
      new Float32Array([1]),
      "float16",
      tensor("float16", [1], new Uint16Array([0x3c00])),
    ],
    [
      "the bits of float16",
      new Uint16Array([0x3c00]),
      "float16",
      tensor("float16", [1], new Uint16Array([0x3c00])),
    ],
    ["shaped data", { shape: [2, 2], data: floats }, "float32", tensor("float32", [2, 2], floats)],
    [
      "a shaped list",
      { shape: [1, 2], data: [1, 2] },
      "uint8",
      tensor("uint8", [1, 2], new Uint8Array([1, 2])),
    ],
    ["a shaped list of strings", { shape: [1, 1], data: ["a"] }, unknown, stringTensor([1, 1], ["a"])],
    [
      "shaped bytes as a bool",
      { shape: [1], data: new Uint8Array([1]) },
      "bool",
      tensor("bool", [1], new Uint8Array([1])),
    ],
    ["pairs as complex", { shape: [2], data: floats }, "complex64", tensor("complex64", [2], floats)],
    ["bytes as one string", new Uint8Array([1, 2]), unknown, stringTensor([], [new Uint8Array([1, 2])])],
    [
      "bytes as a string of the signature",
      new Uint8Array([1]),
      "string",
      stringTensor([], [new Uint8Array([1])]),
    ],
    [
      "bytes as numbers of the signature",
      new Uint8Array([1, 2]),
      "int32",
      tensor("int32", [2], new Int32Array([1, 2])),
    ],
    ["clamped pixels", new Uint8ClampedArray([7]), unknown, tensor("uint8", [1], new Uint8Array([7]))],
  ];
  for (const [title, value, dtype, expected] of rows) {
    it(`takes ${title}`, () => {
      const tensors = tensorsOf({ x: value }, dtype === undefined ? undefined : signatureOf(dtype));
      assert.deepEqual(tensors, new Map([["x", expected]]));
    });
  }

  it("sends typed arrays without copying them", () => {
    assert.equal(tensorsOf({ x: { shape: [2, 2], data: floats } }, unknown).get("x")?.data, floats);
  });

  it("takes inputs as a Map", () => {
    const inputs: Inputs = new Map([["y", 1]]);
    assert.deepEqual([...tensorsOf(inputs, unknown).keys()], ["y"]);
  });

  it("sends what the signature does not know, for the server to judge", () => {
    assert.equal(tensorsOf({ other: 1 }, signatureOf("int32")).get("other")?.dtype, "float32");
  });
});

describe("inputs that can't be sent", () => {
  it("are all named", () => {
    const inputs = { x: "text", y: { shape: [3], data: floats }, z: [1, [2]] };
    assert.throws(() => tensorsOf(inputs, signatureOf("float32")), {
      code: Code.INVALID_ARGUMENT,
      message:
        'input "x" must be a number for dtype float32, got a string; ' +
        'input "y": float32 data of shape [3] needs 3 entries, got 4; ' +
        'input "z"[1] must be a number for dtype float32, got an array',
    });
  });

  it("include a tensor whose data does not fit its shape", () => {
    const torn = { dtype: "float32", shape: [2], data: floats } as const;
    assert.throws(() => tensorsOf({ x: torn }, unknown), { message: /needs 2 entries, got 4/ });
  });
});
