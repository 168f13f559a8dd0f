import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { ExampleCodec } from "./example-codec.js";
import { Code } from "./status.js";
import { encodeText } from "./tensor.js";
import { temporaryFolder } from "./testing/temporary-folder.js";
import { readTfRecords, TfRecordWriter, writeTfRecordFile } from "./tfrecord.js";

describe("an example codec", () => {
  const codec = new ExampleCodec({ id: "int64", name: "bytes", weights: "float" });

  it("gives back what it wrote, and nothing for what was left out", () => {
    const values = codec.decode(codec.encode({ id: [7, -8n], name: ["ü", Uint8Array.of(0xff)] }));
    assert.deepEqual(values, {
      id: BigInt64Array.of(7n, -8n),
      name: [encodeText("ü"), Uint8Array.of(0xff)],
      weights: new Float32Array(0),
    });
  });

  it("refuses what is not in the schema, or no whole number", () => {
    const surplus = { id: [1], nmae: ["x"] } as { id: number[] };
    assert.throws(() => codec.encode(surplus), {
      code: Code.INVALID_ARGUMENT,
      message: /no features "nmae"/,
    });
    assert.throws(() => codec.encode({ id: [0.5] }), {
      code: Code.INVALID_ARGUMENT,
      message: /"id" must be whole/,
    });
  });

  it("names all features of another kind", () => {
    const other = new ExampleCodec({ id: "float", name: "int64" }).encode({ id: [1], name: [2] });
    assert.throws(() => codec.decode(other), {
      code: Code.INVALID_ARGUMENT,
      message: /feature "id" must be int64, got float; feature "name" must be bytes, got int64/,
    });
  });
});

describe("a TFRecord writer", () => {
  it("replaces a file when it is closed, not before", async () => {
    const file = path.join(temporaryFolder(), "records");
    writeFileSync(file, "old");
    const writer = new TfRecordWriter(file);
    for (let i = 0; i < 500; i++) await writer.write(new Uint8Array(1000).fill(i));
    assert.equal(readFileSync(file, "utf8"), "old");
    await writer.close();
    assert.equal([...readTfRecords(readFileSync(file))].length, 500);
  });

  it("leaves nothing behind when it gives up, or the records break off", async () => {
    const folder = temporaryFolder();
    const writer = new TfRecordWriter(path.join(folder, "records"), "gzip");
    await writer.write(encodeText("a"));
    await writer.discard();
    async function* broken() {
      yield encodeText("a");
      throw new Error("the source broke off");
    }
    await assert.rejects(writeTfRecordFile(path.join(folder, "records"), broken()), /the source broke off/);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("says what is wrong with its path", async () => {
    const file = path.join(temporaryFolder(), "missing", "records");
    await assert.rejects(writeTfRecordFile(file, [encodeText("a")]), { code: Code.NOT_FOUND });
    assert.equal(existsSync(file), false);
  });
});
