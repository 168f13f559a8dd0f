import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { StatusError } from "./status.js";
import { encodeText } from "./tensor.js";
import { goldenSkip, loadCase } from "./testing/golden.js";
import { mutations, readOrRefuse } from "./testing/mutations.js";
import { temporaryFolder, writeFile } from "./testing/temporary-folder.js";
import {
  encodeTfRecord,
  type ReadTfRecordOptions,
  readTfRecordFile,
  readTfRecords,
  writeTfRecordFile,
} from "./tfrecord.js";

/** The records before the end or the error, and the error. */
async function drain(records: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  const read: string[] = [];
  try {
    for await (const record of records) read.push(Buffer.from(record).toString("base64"));
    return { read, error: undefined };
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return { read, error };
  }
}

describe("TFRecord files that TensorFlow wrote", { skip: goldenSkip() }, () => {
  const golden = goldenSkip() === false ? loadCase("tfrecord") : undefined;
  const file = (name: string) => path.join(golden?.dir as string, name);
  const expected = golden?.records?.map(({ bytes }) => bytes) ?? [];

  for (const name of golden?.files ?? []) {
    it(`${name} has the records of its case`, async () => {
      assert.deepEqual(await drain(readTfRecordFile(file(name))), { read: expected, error: undefined });
    });
  }

  it("plain.tfrecord is read from memory too, and written byte for byte", async () => {
    const bytes = readFileSync(file("plain.tfrecord"));
    assert.deepEqual((await drain(readTfRecords(bytes))).read, expected);
    const written = Buffer.concat(expected.map((record) => encodeTfRecord(Buffer.from(record, "base64"))));
    assert.deepEqual(written, bytes);
  });

  it("empty.tfrecord has none", async () => {
    assert.deepEqual(await drain(readTfRecordFile(file("empty.tfrecord"))), { read: [], error: undefined });
  });

  for (const { file: name, code, records_before } of golden?.errors ?? []) {
    it(`${name} is ${code} after ${records_before} records`, async () => {
      for (const records of [
        readTfRecordFile(file(name as string)),
        readTfRecords(readFileSync(file(name as string))),
      ]) {
        const { read, error } = await drain(records);
        assert.equal(read.length, records_before);
        assert.equal(error?.codeName, code);
        assert.match(error?.message ?? "", /record at byte \d+/);
      }
    });
  }

  it("under random damage give the records before it", async () => {
    const bytes = readFileSync(file("plain.tfrecord"));
    for (const { label, bytes: bad } of mutations(bytes, 11, 500)) {
      const read: Uint8Array[] = [];
      readOrRefuse(label, () => {
        for (const record of readTfRecords(bad)) read.push(record);
      });
      read.forEach((record, i) => {
        // A repeated record is whole, and is read twice.
        const text = Buffer.from(record).toString("base64");
        assert.ok(expected[i] === text || expected[i - 1] === text, label);
      });
    }
  });

  it("with damaged compression are DATA_LOSS", async () => {
    const bytes = readFileSync(file("gzip.tfrecord.gz"));
    bytes.fill(0xff, 2000, 2100);
    const { error } = await drain(readTfRecordFile(writeFile(temporaryFolder(), "bad.gz", bytes)));
    assert.equal(error?.codeName, "DATA_LOSS");
    const cut = bytes.subarray(0, 1000);
    const truncated = await drain(readTfRecordFile(writeFile(temporaryFolder(), "cut.gz", cut)));
    assert.equal(truncated.error?.codeName, "DATA_LOSS");
  });
});

describe("TFRecord files of ours", () => {
  const records = [encodeText(""), encodeText("one"), new Uint8Array(300_000).fill(7)];

  for (const compression of ["none", "gzip", "zlib"] as const) {
    it(`with compression "${compression}" are read again, whether it is told or not`, async () => {
      const file = path.join(temporaryFolder(), "records");
      await writeTfRecordFile(file, records, compression);
      for (const told of [compression, "auto"] as const) {
        const { read, error } = await drain(readTfRecordFile(file, { compression: told }));
        assert.equal(error, undefined);
        assert.deepEqual(
          read,
          records.map((record) => Buffer.from(record).toString("base64")),
        );
      }
    });
  }

  it("that begin like zlib data are still seen as plain", async () => {
    // 0x78 0x9c is a zlib header, and the length 40056 of a first record.
    const file = path.join(temporaryFolder(), "records");
    await writeTfRecordFile(file, [new Uint8Array(0x9c78)]);
    const { read } = await drain(readTfRecordFile(file));
    assert.equal(read.length, 1);
  });

  it("can be left in the middle", async () => {
    const file = path.join(temporaryFolder(), "records");
    await writeTfRecordFile(file, records, "gzip");
    for await (const record of readTfRecordFile(file)) {
      assert.equal(record.length, 0);
      break;
    }
  });

  const limited: [string, Uint8Array, ReadTfRecordOptions][] = [
    ["a long record", encodeTfRecord(new Uint8Array(1001)), { maxRecordBytes: 1000 }],
    [
      "a small file that decompresses to a long record",
      gzipSync(encodeTfRecord(new Uint8Array(2 ** 22))),
      { maxRecordBytes: 2 ** 20 },
    ],
  ];
  for (const [title, bytes, options] of limited) {
    it(`refuse ${title}`, async () => {
      const { error } = await drain(readTfRecordFile(writeFile(temporaryFolder(), "long", bytes), options));
      assert.equal(error?.codeName, "RESOURCE_EXHAUSTED");
    });
  }

  it("that are missing are NOT_FOUND", async () => {
    const { error } = await drain(readTfRecordFile(path.join(temporaryFolder(), "nothing")));
    assert.equal(error?.codeName, "NOT_FOUND");
  });

  it("cannot be written into a folder that is missing", async () => {
    const file = path.join(temporaryFolder(), "missing", "records");
    await assert.rejects(writeTfRecordFile(file, records), { codeName: "NOT_FOUND" });
  });
});
