import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { Code } from "@servable/formats";
import { readDataSet } from "./data-set.js";
import { readCompressedIdx, readIdx } from "./idx.js";
import { idxBytes } from "./testing/synthetic-digits.js";

const folder = mkdtempSync(join(tmpdir(), "mnist-data-"));
after(() => rmSync(folder, { recursive: true }));

describe("an IDX file", () => {
  it("is an array of bytes", () => {
    const { shape, data } = readIdx(Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9), "f");
    assert.deepEqual(
      [shape, [...data]],
      [
        [1, 2],
        [7, 9],
      ],
    );
  });

  const damaged: [situation: string, bytes: number[], message: RegExp][] = [
    ["too short", [0, 0], /f is no IDX file/],
    ["of another type", [0, 0, 0x0d, 1, 0, 0, 0, 0], /f is no IDX file of unsigned bytes/],
    ["without its sizes", [0, 0, 8, 3, 0, 0, 0, 1], /8 bytes are too few for 3 sizes/],
    ["shorter than it says", [0, 0, 8, 1, 0, 0, 0, 3, 1, 2], /an array of \[3\] has 3 bytes, the file has 2/],
    ["of absurd sizes", [0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255], /the file has 0/],
  ];
  for (const [situation, bytes, message] of damaged) {
    it(`is refused when it is ${situation}`, () => {
      assert.throws(() => readIdx(Uint8Array.from(bytes), "f"), { code: Code.DATA_LOSS, message });
    });
  }

  it("is refused when it is not compressed, or would be far too large", () => {
    assert.throws(() => readCompressedIdx(Uint8Array.of(1, 2, 3), "f"), {
      code: Code.DATA_LOSS,
      message: /f cannot be decompressed/,
    });
    const bomb = gzipSync(new Uint8Array(65 * 2 ** 20));
    assert.throws(() => readCompressedIdx(bomb, "f"), {
      code: Code.DATA_LOSS,
      message: /cannot be decompressed/,
    });
  });
});

describe("the data", () => {
  const files = new Map([
    ["/t10k-images-idx3-ubyte.gz", gzipSync(idxBytes([2, 28, 28], new Uint8Array(2 * 784).fill(5)))],
    ["/t10k-labels-idx1-ubyte.gz", gzipSync(idxBytes([2], Uint8Array.of(3, 9)))],
  ]);
  let server: Server;
  let dataUrl: string;
  before(async () => {
    server = createServer((request, response) => {
      const content = files.get(request.url ?? "");
      if (content === undefined) response.writeHead(404).end();
      else response.writeHead(200, { "content-length": content.length }).end(content);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    dataUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  it("is downloaded where it is missing, once", async () => {
    const dataDir = join(folder, "new", "data");
    const data = await readDataSet("t10k", { dataDir, dataUrl });
    assert.deepEqual([data.count, [...data.labels], data.images[783]], [2, [3, 9], 5]);
    assert.deepEqual(readdirSync(dataDir).sort(), ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]);
    assert.deepEqual(await readDataSet("t10k", { dataDir, dataUrl: "http://127.0.0.1:1" }), data);
  });

  it("says what to do when it cannot be downloaded", async () => {
    const dataDir = join(folder, "none");
    const expected = { code: Code.UNAVAILABLE, message: /Cannot download .*train-images.*--data_url/ };
    await assert.rejects(readDataSet("train", { dataDir, dataUrl }), expected);
    await assert.rejects(readDataSet("train", { dataDir, dataUrl: "http://127.0.0.1:1" }), expected);
    assert.deepEqual(readdirSync(dataDir), []);
  });

  const rejected: [situation: string, images: Uint8Array, labels: Uint8Array, message: RegExp][] = [
    [
      "images of another size",
      idxBytes([1, 2, 2], new Uint8Array(4)),
      idxBytes([1], Uint8Array.of(1)),
      /\[1,2,2\]/,
    ],
    [
      "fewer labels than images",
      idxBytes([2, 28, 28], new Uint8Array(1568)),
      idxBytes([1], Uint8Array.of(1)),
      /expected \[2\] bytes, got \[1\]/,
    ],
    [
      "labels that are no digits",
      idxBytes([1, 28, 28], new Uint8Array(784)),
      idxBytes([1], Uint8Array.of(10)),
      /one that is no digit/,
    ],
  ];
  for (const [situation, images, labels, message] of rejected) {
    it(`is refused with ${situation}`, async () => {
      const dataDir = mkdtempSync(join(folder, "bad-"));
      writeFileSync(join(dataDir, "train-images-idx3-ubyte.gz"), gzipSync(images));
      writeFileSync(join(dataDir, "train-labels-idx1-ubyte.gz"), gzipSync(labels));
      await assert.rejects(readDataSet("train", { dataDir, dataUrl }), { code: Code.DATA_LOSS, message });
    });
  }
});
