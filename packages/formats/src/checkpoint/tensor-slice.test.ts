import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tensor } from "../tensor.js";
import { FULL_EXTENT } from "./ordered-code.js";
import { copyRegion, parseShapeAndSlice, resolveSlice, sliceText } from "./tensor-slice.js";

describe("slices", () => {
  it("get real lengths from the shape", () => {
    const slice = { start: [0, 2], length: [FULL_EXTENT, 3] };
    assert.deepEqual(resolveSlice(slice, [4, 5], "x"), { start: [0, 2], length: [4, 3] });
    assert.equal(sliceText(slice), "-:2,3");
  });

  const outside: [string, number[], number[]][] = [
    ["another rank", [0], [1]],
    ["an end beyond the shape", [0, 3], [4, 3]],
    ["a negative start", [-1, 0], [1, 1]],
    ["a negative length", [1, 0], [-2, 1]],
  ];
  for (const [title, start, length] of outside) {
    it(`are refused with ${title}`, () => {
      const codeName = "INVALID_ARGUMENT";
      assert.throws(() => resolveSlice({ start, length }, [4, 5], 'tensor "x"'), {
        codeName,
        message: /^tensor "x": slice/,
      });
    });
  }
});

describe("parseShapeAndSlice", () => {
  it("reads sizes and slice", () => {
    assert.deepEqual(parseShapeAndSlice("10 3 4,2:-"), {
      shape: [10, 3],
      slice: { start: [4, 0], length: [2, 3] },
    });
    assert.equal(parseShapeAndSlice(""), undefined);
  });
  for (const text of ["10", "10 3 0,1", "10 -1,1", "x 0,1", "10 5,6", "10 0,1:-"]) {
    it(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseShapeAndSlice(text), { codeName: "INVALID_ARGUMENT" }));
  }
});

describe("copyRegion", () => {
  const source = tensor(
    "int32",
    [3, 4, 2],
    Int32Array.from({ length: 24 }, (_, i) => i),
  );
  const cases: [string, number[], number[]][] = [
    ["everything", [0, 0, 0], [3, 4, 2]],
    ["whole rows", [1, 0, 0], [2, 4, 2]],
    ["a band", [0, 1, 0], [3, 2, 2]],
    ["a block", [1, 2, 1], [2, 2, 1]],
    ["nothing", [1, 2, 1], [2, 0, 1]],
  ];
  for (const [title, start, extent] of cases) {
    it(`copies ${title}`, () => {
      const [depth, rows, columns] = extent as [number, number, number];
      const result = new Int32Array(depth * rows * columns);
      copyRegion({ ...source, start }, { data: result, shape: extent, start: [0, 0, 0] }, extent, 1);
      const expected: number[] = [];
      const [z, y, x] = start as [number, number, number];
      for (let i = z; i < z + depth; i++)
        for (let j = y; j < y + rows; j++)
          for (let k = x; k < x + columns; k++) expected.push((i * 4 + j) * 2 + k);
      assert.deepEqual([...result], expected);
    });
  }

  it("copies scalars, pairs and strings", () => {
    const pair = new Float32Array(4);
    const region = (data: Float32Array, start: number) => ({
      data,
      shape: [data.length / 2],
      start: [start],
    });
    copyRegion(region(Float32Array.of(1, 2), 0), region(pair, 1), [1], 2);
    assert.deepEqual(pair, Float32Array.of(0, 0, 1, 2));
    const scalar = new Int32Array(1);
    copyRegion(
      { data: Int32Array.of(7), shape: [], start: [] },
      { data: scalar, shape: [], start: [] },
      [],
      1,
    );
    assert.equal(scalar[0], 7);
    const texts: Uint8Array[] = [new Uint8Array(0)];
    const from = { data: [Uint8Array.of(1), Uint8Array.of(2)], shape: [2], start: [1] };
    copyRegion(from, { data: texts, shape: [1], start: [0] }, [1], 1);
    assert.deepEqual(texts, [Uint8Array.of(2)]);
  });
});
