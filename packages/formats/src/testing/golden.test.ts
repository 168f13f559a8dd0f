import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stringTensor, tensor } from "../tensor.js";
import { caseNames, compareTensor, decodeTensor, goldenSkip, loadCase } from "./golden.js";

const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));
const longs = (...values: bigint[]) => tensor("int64", [values.length], BigInt64Array.from(values));

describe("compareTensor", () => {
  const accepted = [
    ["equal floats", floats(1, 2), floats(1, 2), {}],
    ["floats within atol", floats(1.25), floats(1), { atol: 0.25 }],
    ["floats within rtol of the expected value", floats(110), floats(100), { rtol: 0.1 }],
    [
      "NaN and infinities that are equal",
      floats(NaN, Infinity, -Infinity),
      floats(NaN, Infinity, -Infinity),
      {},
    ],
    ["values beyond mtol on both sides", floats(1e30), floats(5e9), { mtol: 1e6 }],
    [
      "pixels within atol and mean_atol",
      tensor("uint8", [4], Uint8Array.of(10, 10, 10, 13)),
      tensor("uint8", [4], Uint8Array.of(10, 10, 10, 10)),
      { atol: 3, mean_atol: 1 },
    ],
    ["equal strings", stringTensor([1], ["é"]), stringTensor([1], ["é"]), {}],
    [
      "complex numbers whose distance is within atol",
      tensor("complex64", [1], Float32Array.of(3, 4)),
      tensor("complex64", [1], Float32Array.of(0, 0)),
      { atol: 5 },
    ],
  ] as const;
  for (const [title, actual, expected, tolerance] of accepted) {
    it(`accepts ${title}`, () => compareTensor(actual, expected, tolerance));
  }

  const refused = [
    [
      "another dtype",
      floats(1),
      longs(1n),
      {},
      /dtype or shape differs: got float32\[1\], expected int64\[1\]/,
    ],
    ["another shape", floats(1, 2), floats(1), {}, /got float32\[2\]/],
    [
      "a float out of tolerance",
      floats(0, 1, 9),
      floats(0, 0, 0),
      { atol: 0.5 },
      /2 of 3 .* most at \[2\]: got 9/,
    ],
    ["NaN for a number", floats(NaN), floats(1), { atol: 100 }, /got NaN, expected 1/],
    ["a number for infinity", floats(1), floats(Infinity), { rtol: 0.5 }, /got 1, expected Infinity/],
    ["integers within atol only", longs(1n), longs(2n), { atol: 5 }, /got 1, expected 2/],
    ["int64s that float64 cannot tell apart", longs(2n ** 60n + 1n), longs(2n ** 60n), {}, /1 of 1 elements/],
    ["other bytes", stringTensor([2], ["a", "b"]), stringTensor([2], ["a", "c"]), {}, /at \[1\]: got "b"/],
    [
      "pixels over mean_atol",
      tensor("uint8", [2], Uint8Array.of(3, 3)),
      tensor("uint8", [2], Uint8Array.of(0, 0)),
      { atol: 3, mean_atol: 1 },
      /mean difference 3 is over 1/,
    ],
  ] as const;
  for (const [title, actual, expected, tolerance, message] of refused) {
    it(`refuses ${title}`, () =>
      assert.throws(() => compareTensor(actual, expected, tolerance, "y"), {
        name: "AssertionError",
        message,
      }));
  }

  it("says the index in every dimension", () => {
    const expected = tensor("int32", [2, 3], new Int32Array(6));
    const actual = tensor("int32", [2, 3], Int32Array.of(0, 0, 0, 0, 0, 7));
    assert.throws(() => compareTensor(actual, expected), /the first at \[1,2\]/);
  });
});

describe("golden cases", { skip: goldenSkip() }, () => {
  it("are listed and loaded by name", () => {
    assert.ok(caseNames().includes("const_encodings"));
    const golden = loadCase("const_encodings");
    assert.equal(golden.kind, "frozen_graph");
  });

  it("decode numbers and strings", () => {
    const outputs = loadCase("const_encodings").calls?.[0]?.outputs as Record<string, never>;
    assert.deepEqual(decodeTensor(outputs.i32 as never).data, Int32Array.of(-1, 2, 2));
    assert.equal(
      Buffer.from((decodeTensor(outputs.str_short as never).data as Uint8Array[])[2] ?? []).toString(),
      "only",
    );
  });
});
