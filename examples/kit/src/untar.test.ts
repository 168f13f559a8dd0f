import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { Code } from "@servable/formats";
import { untarGzip } from "./untar.js";

const folder = mkdtempSync(path.join(tmpdir(), "untar-"));
after(() => rmSync(folder, { recursive: true }));

/** A member of an archive: its header and its content in whole blocks. */
function member(name: string, content: string, type = "0"): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, "0"), 124);
  header.write(type, 156);
  header.write("ustar\0", 257);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

let count = 0;
function archive(...members: Buffer[]): string {
  const file = path.join(folder, `${count++}.tgz`);
  writeFileSync(file, gzipSync(Buffer.concat([...members, Buffer.alloc(1024)])));
  return file;
}

function target(): string {
  return mkdtempSync(path.join(folder, "out-"));
}

describe("an archive", () => {
  it("is unpacked into one folder, by the last names of its files", async () => {
    const long = "x".repeat(1500);
    const out = target();
    const file = archive(member("top/", "", "5"), member("top/a.txt", "one"), member("b.txt", long));
    assert.deepEqual(await untarGzip(file, out, 5000), ["a.txt", "b.txt"]);
    assert.equal(readFileSync(path.join(out, "a.txt"), "utf8"), "one");
    assert.equal(readFileSync(path.join(out, "b.txt"), "utf8"), long);
  });

  it("puts nothing outside of the folder, and makes no links", async () => {
    const out = target();
    await untarGzip(archive(member("../../evil.txt", "x"), member("link", "", "2")), out, 100);
    assert.deepEqual(readdirSync(out), ["evil.txt"]);
  });

  const damaged: [situation: string, file: () => string, code: Code][] = [
    ["larger than allowed", () => archive(member("a", "x".repeat(200))), Code.RESOURCE_EXHAUSTED],
    ["with a damaged header", () => archive(member("a", "x").fill(1, 0, 1)), Code.DATA_LOSS],
    [
      "that ends within a file",
      () => {
        const file = path.join(folder, "short.tgz");
        writeFileSync(file, gzipSync(member("a", "x".repeat(50)).subarray(0, 530)));
        return file;
      },
      Code.DATA_LOSS,
    ],
    [
      "that is not compressed",
      () => {
        const file = path.join(folder, "plain.tgz");
        writeFileSync(file, "no archive");
        return file;
      },
      Code.DATA_LOSS,
    ],
  ];
  for (const [situation, file, code] of damaged) {
    it(`${situation} is refused`, async () => {
      await assert.rejects(untarGzip(file(), target(), 100), { code });
    });
  }
});
