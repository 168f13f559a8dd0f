import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "./crc32.js";
import { Code } from "./status.js";
import { decodeText, encodeText } from "./tensor.js";
import { isZip, readZip, writeZip } from "./zip.js";

/** One file "a" of 5 bytes, stored; offsets of the fields are those of APPNOTE.TXT. */
const LOCAL =
  "504b0304" +
  "1400" +
  "0000" +
  "0000" +
  "00002100" +
  "86a61036" +
  "05000000" +
  "05000000" +
  "0100" +
  "0000" +
  "61";
const CONTENT = "68656c6c6f";
const CENTRAL =
  "504b0102" +
  "1400" +
  "1400" +
  "0000" +
  "0000" +
  "00002100" +
  "86a61036" +
  "05000000" +
  "05000000" +
  "0100" +
  "0000" +
  "0000" +
  "0000" +
  "0000" +
  "00000000" +
  "00000000" +
  "61";
const END = "504b0506" + "0000" + "0000" + "0100" + "0100" + "2f000000" + "24000000" + "0000";
const hex = (...parts: string[]): Uint8Array => Uint8Array.from(Buffer.from(parts.join(""), "hex"));

describe("CRC-32", () => {
  it("is the check value of its definition for the digits 1 to 9", () => {
    assert.equal(crc32(encodeText("123456789")), 0xcbf43926);
    assert.equal(crc32(new Uint8Array()), 0);
  });
});

describe("a ZIP archive", () => {
  it("gives its files", () => {
    const archive = hex(LOCAL, CONTENT, CENTRAL, END);
    assert.ok(isZip(archive));
    const entry = readZip(archive, "a.zip").get("a");
    assert.equal(entry?.size, 5);
    assert.equal(decodeText(entry?.read(5) ?? new Uint8Array()), "hello");
  });

  it("is found in front of a comment", () => {
    const withComment = hex(LOCAL, CONTENT, CENTRAL, END.replace(/0000$/, "0300"), "505050");
    assert.deepEqual([...readZip(withComment, "a.zip").keys()], ["a"]);
  });

  const damaged: readonly (readonly [about: string, archive: Uint8Array, code: Code, message: RegExp])[] = [
    ["nothing", new Uint8Array(), Code.DATA_LOSS, /no central directory/],
    ["another content", hex(LOCAL, "68656c6c70", CENTRAL, END), Code.DATA_LOSS, /checksum/],
    [
      "a size past the end",
      hex(LOCAL, CONTENT, CENTRAL.replaceAll("05000000", "ffffff7f"), END),
      Code.RESOURCE_EXHAUSTED,
      /at most 1000/,
    ],
    [
      "a directory past the end",
      hex(LOCAL, CONTENT, CENTRAL, END.replace("24000000", "ff000000")),
      Code.DATA_LOSS,
      /past the end/,
    ],
    [
      "an encrypted file",
      hex(LOCAL, CONTENT, CENTRAL.replace("14001400" + "0000", "14001400" + "0100"), END),
      Code.UNIMPLEMENTED,
      /encrypted/,
    ],
    [
      "a file compressed by LZMA",
      hex(LOCAL, CONTENT, CENTRAL.replace("14001400" + "0000" + "0000", "14001400" + "0000" + "0e00"), END),
      Code.UNIMPLEMENTED,
      /method 14/,
    ],
    [
      "the same name twice",
      hex(LOCAL, CONTENT, CENTRAL, CENTRAL, END.replace("01000100", "02000200")),
      Code.INVALID_ARGUMENT,
      /two files "a"/,
    ],
  ];
  for (const [about, archive, code, message] of damaged) {
    it(`is refused with ${about}`, () => {
      assert.throws(() => readZip(archive, "a.zip").get("a")?.read(1000), { code, message });
    });
  }

  it("does not inflate to more than its directory says", () => {
    const bomb = writeZip(new Map([["zeros", new Uint8Array(10_000_000)]]));
    assert.ok(bomb.length < 20_000);
    assert.throws(() => readZip(bomb, "a.zip").get("zeros")?.read(1_000_000), {
      code: Code.RESOURCE_EXHAUSTED,
      message: /has 10000000 bytes; at most 1000000/,
    });
    // The size in the directory record: 100 in place of 10,000,000.
    const at = Buffer.from(bomb).lastIndexOf(Buffer.from("80969800", "hex"));
    new DataView(bomb.buffer).setUint32(at, 100, true);
    assert.throws(() => readZip(bomb, "a.zip").get("zeros")?.read(1_000_000), { code: Code.DATA_LOSS });
  });

  it("of ours has the files that went in", () => {
    const files = new Map([
      ["näme", encodeText("content")],
      ["empty", new Uint8Array()],
    ]);
    const read = readZip(writeZip(files), "a.zip");
    assert.deepEqual(
      [...read].map(([name, entry]) => [name, decodeText(entry.read(100))]),
      [
        ["näme", "content"],
        ["empty", ""],
      ],
    );
  });
});
