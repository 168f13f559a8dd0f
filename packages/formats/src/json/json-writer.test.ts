import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { float32Text, float64Text, generalFormat, JsonWriter } from "./json-writer.js";

describe("a float32 in JSON", () => {
  // What C's printf("%g") and, where that does not read back to the same float, printf("%.9g") write.
  const texts: [number, string][] = [
    [0, "0.0"],
    [-0, "-0.0"],
    [1, "1.0"],
    [-250, "-250.0"],
    [0.5, "0.5"],
    [Math.fround(0.2), "0.2"],
    [Math.fround(1 / 3), "0.333333343"],
    [Math.fround(0.1) + 0, "0.1"],
    [Math.fround(3.14159274), "3.14159274"],
    [999_999, "999999.0"],
    [1_000_000, "1e+06"],
    [1_234_567, "1234567.0"],
    [16_777_216, "16777216.0"],
    [9e6, "9e+06"],
    [Math.fround(0.00003), "3e-05"],
    [Math.fround(0.0001), "0.0001"],
    [Math.fround(1e-7), "1e-07"],
    [Math.fround(1.17549435e-38), "1.17549435e-38"],
    [Math.fround(3.40282347e38), "3.40282347e+38"],
    [Math.fround(1.4e-45), "1.4013e-45"],
    [Number.NaN, "NaN"],
    [Infinity, "Infinity"],
    [-Infinity, "-Infinity"],
  ];
  for (const [value, text] of texts) it(`is ${text}`, () => assert.equal(float32Text(value), text));

  it("reads back to the same float", () => {
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    for (let i = 0; i < 20_000; i++) {
      bits[0] = (i * 2_654_435_761) >>> 0;
      const value = float[0] as number;
      if (Number.isFinite(value)) assert.equal(Math.fround(Number(float32Text(value))), value);
    }
  });
});

describe("a float64 in JSON", () => {
  const texts: [number, string][] = [
    [0.1, "0.1"],
    [1 / 3, "0.33333333333333331"],
    [123456.5, "123456.5"],
    [1e21, "1e+21"],
    [2 ** 53, "9007199254740992.0"],
  ];
  for (const [value, text] of texts) it(`is ${text}`, () => assert.equal(float64Text(value), text));
});

describe("printf's %g", () => {
  const cases: [number, number, string][] = [
    [999999.5, 6, "1e+06"],
    [0.00009999995, 6, "0.0001"],
    [0.000099999, 6, "9.9999e-05"],
    [1234567, 6, "1.23457e+06"],
    [100, 3, "100"],
    [1e100, 6, "1e+100"],
  ];
  for (const [value, digits, text] of cases) {
    it(`writes ${value} in ${digits} digits as ${text}`, () =>
      assert.equal(generalFormat(value, digits), text));
  }
});

describe("the layout of JSON", () => {
  it("puts members on lines of their own and single-line arrays on one", () => {
    const writer = new JsonWriter();
    writer.beginObject();
    writer.key("a");
    writer.beginArray();
    writer.singleLineArrays = true;
    writer.raw("1");
    writer.beginArray();
    writer.raw("2");
    writer.raw("3");
    writer.endArray();
    writer.singleLineArrays = false;
    writer.endArray();
    writer.key("b");
    writer.beginObject();
    writer.endObject();
    writer.endObject();
    assert.equal(writer.finish(), '{\n    "a": [1, [2, 3]\n    ],\n    "b": {}\n}');
  });
});
