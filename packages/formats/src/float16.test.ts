import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromFloat32, type SmallFloat, toFloat32 } from "./float16.js";

/** Bits, and the value that IEEE 754 or the format's paper gives them. */
const known: readonly [SmallFloat, number, number][] = [
  ["float16", 0x3c00, 1],
  ["float16", 0xc000, -2],
  ["float16", 0x7bff, 65504],
  ["float16", 0x0001, 2 ** -24],
  ["float16", 0x0400, 2 ** -14],
  ["float16", 0x7c00, Infinity],
  ["float16", 0x8000, -0],
  ["bfloat16", 0x3f80, 1],
  ["bfloat16", 0xff80, -Infinity],
  ["bfloat16", 0x7f7f, 3.3895313892515355e38],
  ["bfloat16", 0x0001, 2 ** -133],
  ["float8_e5m2", 0x3c, 1],
  ["float8_e5m2", 0x7b, 57344],
  ["float8_e5m2", 0x7c, Infinity],
  ["float8_e4m3fn", 0x38, 1],
  ["float8_e4m3fn", 0x7e, 448],
  ["float8_e4m3fn", 0x01, 2 ** -9],
  ["float8_e4m3fnuz", 0x40, 1],
  ["float8_e4m3fnuz", 0x7f, 240],
  ["float8_e4m3b11fnuz", 0x58, 1],
  ["float8_e4m3b11fnuz", 0x7f, 30],
  ["float8_e5m2fnuz", 0x40, 1],
  ["float8_e5m2fnuz", 0x7f, 57344],
  ["float4_e2m1fn", 0x7, 6],
  ["float4_e2m1fn", 0x9, -0.5],
];

const patterns: readonly [SmallFloat, number][] = [
  ["float16", 65536],
  ["bfloat16", 65536],
  ["float8_e5m2", 256],
  ["float8_e4m3fn", 256],
  ["float8_e4m3fnuz", 256],
  ["float8_e4m3b11fnuz", 256],
  ["float8_e5m2fnuz", 256],
  ["float4_e2m1fn", 16],
];

const encode = (dtype: SmallFloat, value: number) => fromFloat32(dtype, [value])[0];
const decode = (dtype: SmallFloat, bits: number) => toFloat32(dtype, Uint16Array.of(bits))[0] as number;

describe("small floats", () => {
  for (const [dtype, bits, value] of known) {
    it(`${dtype} 0x${bits.toString(16)} is ${Object.is(value, -0) ? "-0" : value}`, () => {
      assert.ok(Object.is(decode(dtype, bits), value), String(decode(dtype, bits)));
      assert.equal(encode(dtype, value), bits);
    });
  }

  for (const [dtype, count] of patterns) {
    it(`${dtype} keeps every number over float32`, () => {
      for (let bits = 0; bits < count; bits++) {
        const value = decode(dtype, bits);
        if (!Number.isNaN(value)) assert.equal(encode(dtype, value), bits, `0x${bits.toString(16)}`);
      }
    });

    it(`${dtype} rounds to the nearest, and halfway to even bits`, () => {
      // Non-negative numbers are in the order of their bits, from zero on.
      for (let bits = 0; bits + 1 < count / 2; bits++) {
        const [low, high] = [decode(dtype, bits), decode(dtype, bits + 1)];
        if (!Number.isFinite(high)) break;
        const middle = (low + high) / 2;
        const even = bits % 2 === 0 ? bits : bits + 1;
        // The middle is a float32 in all formats but the smallest subnormals of bfloat16.
        if (Math.fround(middle) !== middle || middle === 0) continue;
        assert.equal(encode(dtype, middle), even, `between ${low} and ${high}`);
        const above = Math.fround(middle + (high - low) / 8);
        if (above > middle)
          assert.equal(encode(dtype, above), bits + 1, `above the middle of ${low} and ${high}`);
      }
    });
  }

  // What there is beyond the largest number: half of the last step rounds down, more does not.
  const beyond: readonly [SmallFloat, number, number][] = [
    ["float16", 65519, 65504],
    ["float16", 65520, Infinity],
    ["bfloat16", 3.4028234663852886e38, Infinity],
    ["float8_e5m2", 61439, 57344],
    ["float8_e5m2", 61440, Infinity],
    ["float8_e4m3fn", 464, 448],
    ["float8_e4m3fn", 465, NaN],
    ["float8_e4m3fn", Infinity, NaN],
    ["float8_e4m3fnuz", 256, NaN],
    ["float8_e5m2fnuz", Infinity, NaN],
    ["float4_e2m1fn", 1000, 6],
    ["float4_e2m1fn", -Infinity, -6],
  ];
  for (const [dtype, value, expected] of beyond) {
    it(`${dtype} of ${value} is ${expected}`, () => {
      assert.ok(Object.is(decode(dtype, encode(dtype, value) as number), expected));
    });
  }

  it("NaN stays NaN where there is one", () => {
    for (const [dtype] of patterns) {
      if (dtype !== "float4_e2m1fn")
        assert.ok(Number.isNaN(decode(dtype, encode(dtype, NaN) as number)), dtype);
    }
  });

  it("formats without a negative zero write zero", () => {
    assert.equal(encode("float8_e4m3fnuz", -0), 0);
    assert.equal(encode("float8_e5m2fnuz", -1e-30), 0);
  });

  it("conversion takes views at any offset", () => {
    const values = new Float32Array([9, 1.5, -2]).subarray(1);
    assert.deepEqual(fromFloat32("bfloat16", values), Uint16Array.of(0x3fc0, 0xc000));
  });
});
