import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DType, NumericData } from "../dtype.js";
import { Code, type StatusError } from "../status.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { groupAt, Hdf5File, isHdf5, type NewHdf5Group, writeHdf5 } from "./hdf5-file.js";

const empty = { attributes: new Map(), groups: [], datasets: [] };

function file(parts: Partial<NewHdf5Group>): Uint8Array {
  return writeHdf5({ name: "", ...empty, ...parts });
}

describe("an HDF5 file", () => {
  it("has the groups, attributes and datasets that were written", () => {
    const bytes = file({
      attributes: new Map<string, string | number | readonly string[]>([
        ["text", "naïve"],
        ["number", 3],
        ["names", ["a", "bc"]],
        ["none", []],
      ]),
      groups: [
        {
          ...empty,
          name: "outer",
          groups: [{ ...empty, name: "inner" }],
          datasets: [{ name: "x", dtype: "float32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
        },
      ],
    });
    const read = Hdf5File.open(bytes, "a.h5");
    assert.deepEqual([...read.root.attributes].sort(), [
      ["names", ["a", "bc"]],
      ["none", []],
      ["number", 3],
      ["text", "naïve"],
    ]);
    assert.equal(groupAt(read.root, "outer/inner")?.path, "outer/inner");
    assert.deepEqual(read.read("outer/x"), {
      dtype: "float32",
      shape: [2, 2],
      data: Float32Array.of(1, 2, 3, 4),
    });
    read.close();
  });

  const stored: readonly (readonly [DType, NumericData])[] = [
    ["float32", Float32Array.of(1.5, Number.NaN)],
    ["float64", Float64Array.of(1.5, -0)],
    ["int8", Int8Array.of(-128, 127)],
    ["int32", Int32Array.of(-(2 ** 31), 5)],
    ["int64", BigInt64Array.of(-(2n ** 63n), 5n)],
    ["uint8", Uint8Array.of(0, 255)],
    ["uint64", BigUint64Array.of(0n, 2n ** 64n - 1n)],
  ];
  for (const [dtype, data] of stored) {
    it(`keeps ${dtype} bit by bit`, () => {
      const read = Hdf5File.open(file({ datasets: [{ name: "x", dtype, shape: [2], data }] }), "a.h5");
      assert.deepEqual(read.read("x"), { dtype, shape: [2], data });
      read.close();
    });
  }

  it("widens half floats, for which the library has no type", () => {
    const data = Uint16Array.of(0x3c00, 0xc000);
    const read = Hdf5File.open(
      file({ datasets: [{ name: "x", dtype: "float16", shape: [2], data }] }),
      "a.h5",
    );
    assert.deepEqual([...(read.read("x").data as Float32Array)], [1, -2]);
    read.close();
  });
});

describe("bytes that are no HDF5 file", () => {
  it("are told by their beginning", () => {
    assert.equal(isHdf5(file({})), true);
    assert.equal(isHdf5(Uint8Array.of(1, 2)), false);
    assert.throws(() => Hdf5File.open(Uint8Array.of(1, 2), "a.h5"), {
      code: Code.DATA_LOSS,
      message: /^a\.h5 is no HDF5 file/,
    });
  });
  it("are refused when they end too early", () => {
    const bytes = file({
      datasets: [{ name: "x", dtype: "float32", shape: [2], data: new Float32Array(2) }],
    });
    assert.throws(
      () => Hdf5File.open(bytes.subarray(0, 600), "a.h5"),
      (error: StatusError) => /^a\.h5: /.test(error.message),
    );
  });
});

describe("a damaged HDF5 file", () => {
  it("is read or refused, whatever is wrong with it", () => {
    const good = file({
      attributes: new Map([["names", ["a", "bc"]]]),
      groups: [
        {
          ...empty,
          name: "g",
          datasets: [{ name: "x", dtype: "float32", shape: [16], data: new Float32Array(16) }],
        },
      ],
    });
    for (const { label, bytes } of mutations(good, 7, 40)) {
      readOrRefuse(label, () => {
        const read = Hdf5File.open(bytes, "a.h5");
        try {
          for (const group of read.root.groups.values()) {
            for (const dataset of group.datasets.values()) {
              if (dataset.dtype !== undefined) read.read(dataset.path);
            }
          }
        } finally {
          read.close();
        }
      });
    }
  });
});
