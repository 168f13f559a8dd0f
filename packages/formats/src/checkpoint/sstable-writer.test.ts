import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Code } from "../status.js";
import { decodeText, encodeText } from "../tensor.js";
import { SsTable } from "./sstable.js";
import { SsTableWriter } from "./sstable-writer.js";

const folder = mkdtempSync(join(tmpdir(), "sstable-writer-"));
after(() => rmSync(folder, { recursive: true }));

function write(entries: Iterable<readonly [key: string, value: string]>): Buffer {
  const parts: Uint8Array[] = [];
  const table = new SsTableWriter((bytes) => parts.push(bytes));
  for (const [key, value] of entries) table.add(Buffer.from(key, "latin1"), encodeText(value));
  table.finish();
  return Buffer.concat(parts);
}

function readBack(bytes: Uint8Array): [string, string][] {
  const path = join(folder, "table");
  writeFileSync(path, bytes);
  const table = SsTable.open(path);
  try {
    return [...table.entries()].map(({ key, value }) => [
      Buffer.from(key).toString("latin1"),
      decodeText(value),
    ]);
  } finally {
    table.close();
  }
}

const numbered = (count: number, value: string): [string, string][] =>
  Array.from({ length: count }, (_, i) => [`layer/${String(i).padStart(6, "0")}/kernel`, `${i}${value}`]);

describe("a written sstable", () => {
  const tables: [situation: string, entries: [string, string][]][] = [
    ["one entry", [["", "header"]]],
    [
      "keys that are each other's prefixes",
      [
        ["", "0"],
        ["a", "1"],
        ["a/b", "2"],
        ["ab", ""],
        ["b", "3"],
      ],
    ],
    ["more entries than lie between restart points", numbered(50, "")],
    ["several blocks", numbered(2000, "x".repeat(1000))],
    [
      "an entry larger than a block",
      [
        ["a", "1"],
        ["b", "x".repeat(600_000)],
        ["c", "2"],
      ],
    ],
    [
      "keys of all byte values",
      [
        ["\x00", "0"],
        ["\x7f\xff", "1"],
        ["\xff\xff", "2"],
        ["\xff\xff\x00", "3"],
      ],
    ],
  ];
  for (const [situation, entries] of tables) {
    it(`has its entries, with ${situation}`, () => {
      assert.deepEqual(readBack(write(entries)), entries);
    });
  }

  it("leaves out what a key shares with the one before", () => {
    const bytes = write([
      ["kernel/a", "1"],
      ["kernel/b", "2"],
    ]);
    // shared, unshared and value lengths, the key's end, the value
    assert.deepEqual([...bytes.subarray(0, 3)], [0, 8, 1]);
    assert.equal(bytes.subarray(3, 12).toString(), "kernel/a1");
    assert.deepEqual([...bytes.subarray(12, 15)], [7, 1, 1]);
    assert.equal(bytes.subarray(15, 17).toString(), "b2");
  });

  it("finds any key through its index", () => {
    const entries = numbered(2000, "x".repeat(1000));
    const path = join(folder, "indexed");
    writeFileSync(path, write(entries));
    const table = SsTable.open(path);
    after(() => table.close());
    for (const i of [0, 261, 262, 263, 1234, 1999]) {
      const [key, value] = entries[i] as [string, string];
      assert.equal(decodeText(table.get(encodeText(key)) as Uint8Array), value);
    }
    assert.equal(table.get(encodeText("layer/1")), undefined);
  });

  it("refuses keys that do not ascend", () => {
    for (const key of ["a", "b"]) {
      assert.throws(
        () =>
          write([
            ["b", ""],
            [key, ""],
          ]),
        { code: Code.INVALID_ARGUMENT, message: /must ascend/ },
      );
    }
  });
});
