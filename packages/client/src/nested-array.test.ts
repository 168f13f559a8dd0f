import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, type DType, encodeText, stringTensor, type Tensor, tensor } from "@servable/formats";
import type { Element } from "./element.js";
import { fromNested, type Nested, type NestedInput, toNested } from "./nested-array.js";

const bytes = encodeText;

describe("a nested array without a dtype", () => {
  const rows: readonly (readonly [string, NestedInput, Tensor])[] = [
    ["a number", 2.5, tensor("float32", [], new Float32Array([2.5]))],
    ["numbers, whole ones too", [1, 2, 5], tensor("float32", [3], new Float32Array([1, 2, 5]))],
    [
      "a matrix",
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      tensor("float32", [2, 3], new Float32Array([1, 2, 3, 4, 5, 6])),
    ],
    ["a bigint", 7n, tensor("int64", [], new BigInt64Array([7n]))],
    ["booleans", [true, false], tensor("bool", [2], new Uint8Array([1, 0]))],
    ["a string", "é", stringTensor([], ["é"])],
    ["bytes", new Uint8Array([0xff, 0]), stringTensor([], [new Uint8Array([0xff, 0])])],
    ["strings and bytes", ["a", bytes("b")], stringTensor([2], ["a", "b"])],
    ["complex numbers", [{ re: 1, im: -2 }], tensor("complex64", [1], new Float32Array([1, -2]))],
    ["nothing", [], tensor("float32", [0], new Float32Array())],
    ["rows of nothing", [[], []], tensor("float32", [2, 0], new Float32Array())],
    [
      "rows that are typed arrays",
      [new Int32Array([1, 2]), new Int32Array([3, 4])],
      tensor("int32", [2, 2], new Int32Array([1, 2, 3, 4])),
    ],
  ];
  for (const [title, value, expected] of rows) {
    it(`makes ${title} a tensor of ${expected.dtype} [${expected.shape}]`, () => {
      assert.deepEqual(fromNested(value), expected);
    });
  }
});

describe("a nested array with a dtype", () => {
  const rows: readonly (readonly [DType, NestedInput, Tensor["data"]])[] = [
    ["float64", [0.1], new Float64Array([0.1])],
    ["float16", [1, -2.5], new Uint16Array([0x3c00, 0xc100])],
    ["bfloat16", [1, Number.NEGATIVE_INFINITY], new Uint16Array([0x3f80, 0xff80])],
    ["int8", [-128, 127], new Int8Array([-128, 127])],
    ["uint8", new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    ["int4", [-8, 7], new Int8Array([-8, 7])],
    ["quint8", [255], new Uint8Array([255])],
    ["qint32", [-1], new Int32Array([-1])],
    ["int64", [1, -(2n ** 63n)], new BigInt64Array([1n, -(2n ** 63n)])],
    ["uint64", [2n ** 64n - 1n], new BigUint64Array([2n ** 64n - 1n])],
    ["int32", [5n], new Int32Array([5])],
    ["complex128", [3, { re: 0, im: 1 }], new Float64Array([3, 0, 0, 1])],
    ["string", [new Uint8Array([1])], [new Uint8Array([1])]],
  ];
  for (const [dtype, value, data] of rows) {
    it(`takes elements of ${dtype}`, () => assert.deepEqual(fromNested(value, dtype).data, data));
  }
});

describe("a nested array that is no tensor", () => {
  const rows: readonly (readonly [string, NestedInput, DType | undefined, RegExp])[] = [
    [
      "rows of different length",
      [[1, 2], [3]],
      undefined,
      /^x\[1\] must have 2 entries .*\(shape \[2,2\]\), got 1$/,
    ],
    ["an element among rows", [[1], 2], undefined, /^x\[1\] must have 1 entries .* got a number$/],
    [
      "a row among elements",
      [1, [2]],
      undefined,
      /^x\[1\] must be a number for dtype float32, got an array$/,
    ],
    [
      "mixed elements",
      [[1], ["a"]],
      undefined,
      /^x\[1\]\[0\] must be a number for dtype float32, got a string$/,
    ],
    ["a bigint among numbers", [1, 2n], "float32", /^x\[1\] must be a number .* got a bigint$/],
    ["a number for a string", [1], "string", /^x\[0\] must be a string or a Uint8Array for dtype string/],
    ["a number for a boolean", 1, "bool", /^x must be true or false for dtype bool, got a number$/],
    ["a fraction for an integer", [1.5], "int32", /^x\[0\] must be an integer .* not whole$/],
    ["NaN for an integer", [Number.NaN], "int64", /^x\[0\] must be an integer/],
    ["an int8 too large", [0, 128], "int8", /^x\[1\] is outside the range of int8, -128 to 127$/],
    ["an int4 too small", -9, "int4", /^x is outside the range of int4, -8 to 7$/],
    ["a negative uint64", -1n, "uint64", /^x is outside the range of uint64, 0 to 18446744073709551615$/],
    ["null", null as unknown as Element, undefined, /^x has null for an element$/],
    [
      "a hole",
      [1, undefined] as unknown as number[],
      undefined,
      /^x\[1\] must be a number .* got undefined$/,
    ],
    [
      "half a complex number",
      { re: 1 } as Element,
      "complex64",
      /^x must be a number or \{ re, im \}.* got an object$/,
    ],
  ];
  for (const [title, value, dtype, message] of rows) {
    it(`refuses ${title}`, () => {
      assert.throws(() => fromNested(value, dtype, "x"), { code: Code.INVALID_ARGUMENT, message });
    });
  }

  it("refuses an array that contains itself", () => {
    const loop: NestedInput[] = [];
    loop.push(loop);
    assert.throws(() => fromNested(loop, undefined, "x"), { message: /nested deeper than 254 arrays/ });
  });

  it("never repeats what the elements were", () => {
    assert.throws(
      () => fromNested(["secret"], "float32", "x"),
      (error: Error) => !error.message.includes("secret"),
    );
  });
});

describe("a tensor as nested arrays", () => {
  const rows: readonly (readonly [Tensor, Nested<Element>])[] = [
    [tensor("float32", [], new Float32Array([2.5])), 2.5],
    [tensor("float32", [2, 1, 2], new Float32Array([1, 2, 3, 4])), [[[1, 2]], [[3, 4]]]],
    [tensor("float32", [2, 0], new Float32Array()), [[], []]],
    [tensor("float16", [2], new Uint16Array([0x3c00, 0xfc00])), [1, Number.NEGATIVE_INFINITY]],
    [tensor("bfloat16", [1], new Uint16Array([0x4000])), [2]],
    [tensor("bool", [2], new Uint8Array([0, 1])), [false, true]],
    [tensor("int64", [1], new BigInt64Array([-(2n ** 63n)])), [-(2n ** 63n)]],
    [tensor("complex64", [1], new Float32Array([1, -2])), [{ re: 1, im: -2 }]],
    [stringTensor([1, 1], ["é"]), [["é"]]],
  ];
  for (const [given, expected] of rows) {
    it(`shows ${given.dtype} [${given.shape}]`, () => assert.deepEqual(toNested(given), expected));
  }

  it("shows int64 as numbers when asked to", () => {
    assert.deepEqual(toNested(tensor("int64", [1], new BigInt64Array([5n])), { int64: "number" }), [5]);
  });

  it("refuses to round an int64", () => {
    const large = tensor("int64", [2], new BigInt64Array([0n, 2n ** 53n]));
    assert.throws(() => toNested(large, { int64: "number" }), {
      code: Code.OUT_OF_RANGE,
      message: /^Element 1 passes 2\^53/,
    });
  });

  it("is refused when billions of rows are empty", () => {
    assert.throws(() => toNested(tensor("float32", [2 ** 31, 0], new Float32Array())), {
      code: Code.OUT_OF_RANGE,
      message: "Shape [2147483648,0] has too many empty rows for arrays",
    });
  });

  it("shows strings as bytes when asked to", () => {
    const image = new Uint8Array([0xff, 0xd8]);
    assert.deepEqual(toNested(stringTensor([1], [image]), { string: "bytes" }), [image]);
  });

  it("has the static type of the dtype's elements", () => {
    const scalar: Nested<number> = toNested(tensor("int32", [], new Int32Array([3])));
    const text: Nested<string> = toNested(stringTensor([], ["a"]));
    assert.deepEqual([scalar, text], [3, "a"]);
  });
});
