/** Every checkpoint and TFRecord file of the golden cases is read, holds what TensorFlow says, and comes back when written. */
import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "node:test";
import { CheckpointSaver } from "./checkpoint/checkpoint-saver.js";
import { createCheckpoint } from "./checkpoint/checkpoint-writer.js";
import { copyTensors } from "./checkpoint/copy.js";
import { openCheckpoint } from "./checkpoint/open.js";
import { dtypeFromName } from "./dtype.js";
import { compareTensor, decodeTensors, goldenSkip, loadCases } from "./testing/golden.js";
import { temporaryFolder } from "./testing/temporary-folder.js";
import { readTfRecordFile, writeTfRecordFile } from "./tfrecord.js";

describe("a golden checkpoint", { skip: goldenSkip() }, () => {
  for (const golden of loadCases(({ kind }) => kind.startsWith("checkpoint_"))) {
    const { name, kind } = golden;
    const prefix = path.join(golden.dir, golden.path);
    const version = kind === "checkpoint_v1" ? "V1" : "V2";

    it(`has its tensors: ${name}`, () => {
      const reader = openCheckpoint(prefix);
      assert.deepEqual((golden.all ?? []).map((each) => each.name).sort(), reader.names().sort());
      for (const { name: tensor, dtype, shape } of golden.all ?? []) {
        const info = reader.info(tensor);
        assert.deepEqual([info.dtype, info.shape], [dtypeFromName(dtype), shape], tensor);
      }
      for (const [variable, expected] of decodeTensors(golden.variables ?? {})) {
        compareTensor(reader.read(variable), expected, {}, variable);
      }
      reader.close();
    });

    it(`comes back, slice by slice: ${name}`, () => {
      const [original, copy] = [openCheckpoint(prefix), path.join(temporaryFolder(), "copy")];
      const writer = createCheckpoint(copy, { version, shards: 2 });
      copyTensors(original, writer);
      writer.finish();
      const copied = openCheckpoint(copy);
      for (const tensor of original.names()) {
        assert.equal(copied.slices(tensor).length, original.slices(tensor).length, tensor);
        assert.deepEqual(copied.read(tensor), original.read(tensor), tensor);
      }
      copied.close();
      original.close();
    });

    it(`comes back, whole: ${name}`, () => {
      const saver = new CheckpointSaver({ writeVersion: version });
      const values = saver.restore(prefix);
      const copy = saver.save(values, path.join(temporaryFolder(), "copy"));
      assert.deepEqual(new Map([...saver.restore(copy)].sort()), new Map([...values].sort()));
    });
  }
});

describe("a golden TFRecord file", { skip: goldenSkip() }, () => {
  for (const golden of loadCases(({ kind }) => kind === "tfrecord")) {
    for (const file of golden.files ?? []) {
      if (/truncated|corrupt|bad|damaged/.test(file)) continue;
      it(`comes back: ${golden.name}/${file}`, async () => {
        const read = async (from: string) => {
          const records: Uint8Array[] = [];
          for await (const record of readTfRecordFile(from)) records.push(Uint8Array.from(record));
          return records;
        };
        const records = await read(path.join(golden.dir, file));
        const expected = (golden.records ?? []).map(({ bytes }) =>
          Uint8Array.from(Buffer.from(bytes, "base64")),
        );
        assert.deepEqual(records, expected);
        for (const compression of ["none", "gzip", "zlib"] as const) {
          const copy = path.join(temporaryFolder(), "copy");
          await writeTfRecordFile(copy, records, compression);
          assert.deepEqual(await read(copy), records);
        }
      });
    }
  }
});
