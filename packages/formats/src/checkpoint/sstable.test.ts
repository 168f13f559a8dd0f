import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { crc32c, maskCrc32c } from "../crc32c.js";
import { encodeText } from "../tensor.js";
import { goldenSkip, loadCase } from "../testing/golden.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { temporaryFolder, writeFile } from "../testing/temporary-folder.js";
import { SsTable } from "./sstable.js";
import { Compression, FOOTER_BYTES, TABLE_MAGIC } from "./sstable-format.js";
import { SsTableWriter } from "./sstable-writer.js";

const folder = temporaryFolder();

function open(bytes: Uint8Array): SsTable {
  return SsTable.open(writeFile(folder, "table", bytes));
}

function entriesOf(bytes: Uint8Array): [string, string][] {
  const table = open(bytes);
  try {
    return [...table.entries()].map(({ key, value }) => [text(key), text(value)]);
  } finally {
    table.close();
  }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** A table as TensorFlow's writer makes it. */
function tableOf(entries: [string, string][]): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new SsTableWriter((bytes) => parts.push(Uint8Array.from(bytes)));
  for (const [key, value] of entries) writer.add(encodeText(key), encodeText(value));
  writer.finish();
  return Buffer.concat(parts);
}

/** A block of entries [shared, unshared, value length, …bytes] without restart points but their number. */
function block(entries: number[][], type: number = Compression.NONE, restarts = [0, 0, 0, 0]): Uint8Array {
  const content = Uint8Array.from([...entries.flat(), ...restarts, type]);
  const crc = new Uint8Array(4);
  new DataView(crc.buffer).setUint32(0, maskCrc32c(crc32c(content)), true);
  return Buffer.concat([content, crc]);
}

/** A table of one data block, or of an index that is given as entries of handles. */
function handMade(data: Uint8Array, handles: number[][] = [[0, data.length - 5]]): Uint8Array {
  const index = block(
    handles.map(([offset, size], i) => [0, 1, 2, 0x61 + i, offset as number, size as number]),
  );
  const footer = new Uint8Array(FOOTER_BYTES);
  footer.set([0, 0, data.length, index.length - 5]);
  footer.set(TABLE_MAGIC, FOOTER_BYTES - TABLE_MAGIC.length);
  return Buffer.concat([data, index, footer]);
}

const a = 0x61;

describe("SsTable", () => {
  it("reads entries whose keys share prefixes", () => {
    const data = block([
      [0, 2, 1, a, a, 0x31],
      [2, 1, 1, a + 1, 0x32],
      [1, 1, 0, a + 1],
    ]);
    assert.deepEqual(entriesOf(handMade(data)), [
      ["aa", "1"],
      ["aab", "2"],
      ["ab", ""],
    ]);
  });

  it("reads a compressed block", () => {
    // Snappy: ten bytes, one literal of them.
    const data = block([[10, (10 - 1) << 2, 0, 2, 1, a, a, 0x31, 0, 0, 0, 0]], Compression.SNAPPY, []);
    assert.deepEqual(entriesOf(handMade(data)), [["aa", "1"]]);
  });

  it("finds every key over many blocks, and no other", () => {
    const entries = Array.from({ length: 5000 }, (_, i): [string, string] => [
      `key${String(2 * i).padStart(6, "0")}`,
      `${i}`.repeat(100),
    ]);
    const table = open(tableOf(entries));
    assert.equal([...table.entries()].length, entries.length);
    for (const i of [0, 1, 999, 2500, 4999]) {
      const [key, value] = entries[i] as [string, string];
      assert.equal(text(table.get(encodeText(key)) as Uint8Array), value);
    }
    for (const missing of ["", "key000001", "key009997", "zzz"]) {
      assert.equal(table.get(encodeText(missing)), undefined, missing);
    }
    table.close();
  });

  it("of nothing has no entries", () => assert.deepEqual(entriesOf(tableOf([])), []));

  const good = handMade(block([[0, 1, 1, a, 0x31]]));
  const damaged: [string, Uint8Array, RegExp][] = [
    ["too few bytes", good.subarray(0, 20), /20 bytes are too few for an sstable/],
    ["another magic number", Buffer.concat([good.subarray(0, -1), Uint8Array.of(0)]), /bad magic number/],
    [
      "a changed block",
      Uint8Array.from(good, (byte, i) => (i === 4 ? byte ^ 1 : byte)),
      /byte 0: block checksum mismatch/,
    ],
    ["a block type that nobody knows", handMade(block([[0, 1, 0, a]], 9)), /bad block type 9/],
    [
      "bad compressed bytes",
      handMade(block([[99, 0]], Compression.SNAPPY, [])),
      /corrupted compressed block/,
    ],
    [
      "a shared prefix without a key before",
      handMade(block([[1, 1, 0, a]])),
      /bad entry in block, at its byte 0/,
    ],
    ["a value beyond its block", handMade(block([[0, 1, 99, a]])), /bad entry in block/],
    ["more restart points than bytes", handMade(block([[0, 1, 0, a]], 0, [9, 0, 0, 0])), /no restart points/],
    ["a block beyond the file", handMade(block([[0, 1, 0, a]]), [[0, 120]]), /truncated block read/],
    [
      "blocks that overlap",
      handMade(block([[0, 1, 0, a]]), [
        [0, 8],
        [0, 8],
      ]),
      /blocks that overlap/,
    ],
  ];
  for (const [title, bytes, message] of damaged) {
    it(`with ${title} is DATA_LOSS`, () =>
      assert.throws(() => entriesOf(bytes), { codeName: "DATA_LOSS", message }));
  }

  it("without its file is NOT_FOUND", () => {
    const missing = path.join(folder, "no-such-table");
    assert.throws(() => SsTable.open(missing), { codeName: "NOT_FOUND", message: /no-such-table/ });
  });

  it("whose keys would fill the memory is RESOURCE_EXHAUSTED", () => {
    // A key of 16 KiB, then many that share it all: three bytes in the file for each.
    const first = [0, 0x80, 0x80, 1, 0, ...new Array(16384).fill(a)];
    const repeated = new Array(20000).fill([0x80, 0x80, 1, 0, 0]);
    const data = block([first, ...repeated]);
    const bytes = Buffer.concat([data, indexAndFooter(data.length - 5)]);
    assert.throws(() => entriesOf(bytes), { codeName: "RESOURCE_EXHAUSTED" });
  });

  it("survives damage", () => {
    const bytes = tableOf(Array.from({ length: 40 }, (_, i) => [`tensor/${100 + i}`, "value"]));
    for (const { label, bytes: bad } of mutations(bytes, 1, 1500)) readOrRefuse(label, () => entriesOf(bad));
  });
});

/** For a block of a size that takes a varint of three bytes. */
function indexAndFooter(size: number): Uint8Array {
  const varint = (value: number) => [(value & 127) | 128, ((value >> 7) & 127) | 128, value >> 14];
  const index = block([[0, 1, 4, a, 0, ...varint(size)]]);
  const footer = new Uint8Array(FOOTER_BYTES);
  footer.set([0, 0, ...varint(size + 5), index.length - 5]);
  footer.set(TABLE_MAGIC, FOOTER_BYTES - TABLE_MAGIC.length);
  return Buffer.concat([index, footer]);
}

describe("an index that TensorFlow wrote", { skip: goldenSkip() }, () => {
  it("has the tensors' names as keys, sorted", () => {
    const golden = loadCase("ckpt_v2_dtypes");
    const keys = entriesOf(readFileSync(path.join(golden.dir, `${golden.path}.index`))).map(([key]) => key);
    const names = keys.filter((key) => key !== "" && !key.startsWith("\0"));
    assert.deepEqual(
      names,
      golden.all?.map(({ name }) => name),
    );
    assert.equal(keys.filter((key) => key.startsWith("\0part\0")).length, 4);
  });
});
