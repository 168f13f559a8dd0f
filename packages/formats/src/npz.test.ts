import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { writeNpy } from "./npy.js";
import { NpzFile, writeNpz } from "./npz.js";
import { stringTensor, tensor } from "./tensor.js";
import { mutations, readOrRefuse } from "./testing/mutations.js";
import { writeZip } from "./zip.js";

const numbers = tensor("float32", [2, 2], Float32Array.of(1, 2, 3, 4));
const words = stringTensor([2], ["a", "größer"]);

describe("An NPZ file", () => {
  const file = new NpzFile(
    writeNpz(
      new Map<string, typeof numbers | typeof words>([
        ["x", numbers],
        ["words", words],
      ]),
    ),
    "x.npz",
  );

  it("has its arrays by name, in their order", () => {
    assert.deepEqual(file.names(), ["x", "words"]);
    assert.deepEqual(file.read("x"), numbers);
    assert.deepEqual(file.read("words"), words);
    assert.equal(file.read("y"), undefined);
  });

  it("may have other files beside them, which are no arrays", () => {
    const zip = writeZip(
      new Map([
        ["readme.txt", new Uint8Array(3)],
        ["a/b.npy", writeNpy(numbers)],
      ]),
    );
    const archive = new NpzFile(zip, "x.npz");
    assert.deepEqual(archive.names(), ["a/b"]);
    assert.deepEqual(archive.read("a/b"), numbers);
  });

  it("names the array whose content is none", () => {
    const archive = new NpzFile(writeZip(new Map([["x.npy", new Uint8Array(20)]])), "x.npz");
    assert.throws(() => archive.read("x"), {
      codeName: "DATA_LOSS",
      message: /x\.npz, array "x" is no NPY file/,
    });
  });

  it("is read or refused however it is damaged", () => {
    const good = writeNpz(new Map([["x", numbers]]));
    for (const { label, bytes } of mutations(good, 5, 1000)) {
      readOrRefuse(label, () => {
        const archive = new NpzFile(bytes, "x.npz");
        for (const name of archive.names()) archive.read(name);
      });
    }
  });
});
