import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { Code } from "../status.js";
import { stringTensor, type Tensor, tensor } from "../tensor.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { CheckpointSaver, type CheckpointSaverOptions } from "./checkpoint-saver.js";
import { createCheckpoint } from "./checkpoint-writer.js";
import { copyTensors } from "./copy.js";
import { openCheckpoint } from "./open.js";
import { latestCheckpoint, readCheckpointState } from "./state.js";

const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));
const matrix = tensor(
  "float32",
  [5, 3],
  Float32Array.from({ length: 15 }, (_, i) => i),
);
const values = new Map<string, Tensor>([
  ["dense/bias", floats(1, 2)],
  ["dense/kernel", matrix],
  ["words", stringTensor([3], ["a", "", "ccc"])],
]);

/** The names and values in a checkpoint, by an own reader. */
function contentOf(prefix: string): Map<string, Tensor> {
  const reader = openCheckpoint(prefix);
  const content = new Map(reader.names().map((name) => [name, reader.read(name)]));
  reader.close();
  return content;
}

describe("a checkpoint that was saved", () => {
  const forms: [form: string, options: CheckpointSaverOptions, files: string[]][] = [
    ["in the second format", {}, ["model.data-00000-of-00001", "model.index"]],
    [
      "in shards",
      { sharded: 3 },
      ["model.data-00000-of-00003", "model.data-00001-of-00003", "model.data-00002-of-00003", "model.index"],
    ],
    ["in the first format", { writeVersion: "V1" }, ["model"]],
    ["in one shard of the first format", { writeVersion: "V1", sharded: true }, ["model-00000-of-00001"]],
    [
      "in two shards of the first format",
      { writeVersion: "V1", sharded: 2 },
      ["model-00000-of-00002", "model-00001-of-00002"],
    ],
  ];
  for (const [form, options, files] of forms) {
    for (const partitions of [undefined, { "dense/kernel": [2, 2] }]) {
      it(`${form}${partitions ? ", partitioned," : ""} gives its values back`, () => {
        const folder = temporaryFolder();
        const saver = new CheckpointSaver({ ...options, ...(partitions && { partitions }) });
        const prefix = saver.save(values, path.join(folder, "model"));
        assert.deepEqual(readdirSync(folder).sort(), ["checkpoint", ...files]);
        assert.deepEqual(contentOf(prefix), values);
        assert.deepEqual(saver.restore(prefix), values);
        const reader = openCheckpoint(prefix);
        assert.equal(reader.slices("dense/kernel").length, partitions ? 4 : 0);
        reader.close();
      });
    }
  }

  it("replaces one of the same prefix as a whole, under whatever shards", () => {
    const folder = temporaryFolder();
    const prefix = path.join(folder, "model");
    const saver = new CheckpointSaver();
    saver.save(new Map([["old", floats(1)]]), prefix);
    // The index of the first still fits its data until the second index is there.
    const writer = createCheckpoint(prefix);
    writer.add("new", floats(2));
    assert.deepEqual([...contentOf(prefix).keys()], ["old"]);
    writer.finish();
    assert.deepEqual([...contentOf(prefix).keys()], ["new"]);
    saver.save(values, prefix);
    assert.deepEqual(contentOf(prefix), values);
    assert.deepEqual(readdirSync(folder).sort(), ["checkpoint", "model.data-00000-of-00001", "model.index"]);
  });

  it("leaves nothing behind when it could not be written", () => {
    const folder = temporaryFolder();
    for (const writeVersion of ["V1", "V2"] as const) {
      const saver = new CheckpointSaver({ writeVersion, partitions: { "dense/kernel": [9, 1] } });
      assert.throws(() => saver.save(values, path.join(folder, "model")), {
        code: Code.INVALID_ARGUMENT,
        message: /\[5,3\] can't be cut into \[9,1\] parts/,
      });
    }
    assert.deepEqual(readdirSync(folder), []);
  });

  it("of several files of the first format is not replaced", () => {
    const prefix = path.join(temporaryFolder(), "model");
    const saver = new CheckpointSaver({ writeVersion: "V1", sharded: 2 });
    saver.save(values, prefix);
    assert.throws(() => saver.save(values, prefix), { code: Code.ALREADY_EXISTS });
    assert.deepEqual(contentOf(prefix), values);
  });

  it("of which a shard is missing is not opened", () => {
    const prefix = path.join(temporaryFolder(), "model");
    new CheckpointSaver({ writeVersion: "V1", sharded: 2 }).save(values, prefix);
    rmSync(`${prefix}-00001-of-00002`);
    assert.throws(() => openCheckpoint(prefix), {
      code: Code.DATA_LOSS,
      message: /1 of 2 shards.*-00001-of-00002/,
    });
  });
});

describe("variables that are selected", () => {
  const prefix = path.join(temporaryFolder(), "model");
  new CheckpointSaver().save(values, prefix);

  it("by name are saved and restored alone", () => {
    const saver = new CheckpointSaver({ variables: ["words"] });
    assert.deepEqual([...saver.restore(prefix).keys()], ["words"]);
    const other = saver.save(values, path.join(temporaryFolder(), "model"));
    assert.deepEqual([...contentOf(other).keys()], ["words"]);
  });

  it("under other names go both ways", () => {
    const saver = new CheckpointSaver({ variables: { "dense/bias": "b", "dense/kernel": "w" } });
    const restored = saver.restore(prefix);
    assert.deepEqual([restored.get("b"), restored.get("w")], [floats(1, 2), matrix]);
    const other = saver.save(restored, path.join(temporaryFolder(), "model"));
    assert.deepEqual([...contentOf(other).keys()], ["dense/bias", "dense/kernel"]);
  });

  it("by scope keep the rest of their names", () => {
    const saver = new CheckpointSaver({ variables: { "dense/": "logits/" } });
    assert.deepEqual([...saver.restore(prefix).keys()].sort(), ["logits/bias", "logits/kernel"]);
    const other = saver.save(saver.restore(prefix), path.join(temporaryFolder(), "model"));
    assert.deepEqual([...contentOf(other).keys()], ["dense/bias", "dense/kernel"]);
  });

  it("but are not there are all named", () => {
    const saver = new CheckpointSaver({ variables: ["a", "words", "b"] });
    assert.throws(() => saver.restore(prefix), {
      code: Code.NOT_FOUND,
      message: /No tensor in checkpoint .*: "a", "b"$/,
    });
    assert.throws(() => saver.save(values, prefix), {
      code: Code.NOT_FOUND,
      message: /No value of a variable: "a", "b"$/,
    });
  });
});

describe("a folder of checkpoints", () => {
  function saveAt(times: readonly number[], options: CheckpointSaverOptions) {
    const folder = temporaryFolder();
    let now = 0;
    const saver = new CheckpointSaver({ now: () => now, ...options });
    for (const [step, time] of times.entries()) {
      now = time;
      saver.save(values, path.join(folder, "model"), { globalStep: step });
    }
    const steps = readdirSync(folder).flatMap((name) => /^model-(\d+)\.index$/.exec(name)?.[1] ?? []);
    return { folder, saver, steps: steps.sort((a, b) => Number(a) - Number(b)) };
  }

  it("keeps the last five", () => {
    const { folder, steps } = saveAt([0, 1, 2, 3, 4, 5, 6], {});
    assert.deepEqual(steps, ["2", "3", "4", "5", "6"]);
    assert.equal(latestCheckpoint(folder), path.join(folder, "model-6"));
  });

  it("keeps all when asked to", () => {
    assert.equal(saveAt([0, 1, 2, 3, 4, 5, 6], { maxToKeep: 0 }).steps.length, 7);
  });

  it("keeps one of every two hours for good", () => {
    // After 2 h the checkpoint of 3 h is preserved, then the first one later than 4 h.
    const hours = [0, 1, 3, 3.5, 5, 5.5, 6].map((hour) => hour * 3600);
    const { steps } = saveAt(hours, { maxToKeep: 1, keepCheckpointEveryNHours: 2 });
    assert.deepEqual(steps, ["2", "4", "6"]);
  });

  it("lists what is kept, with times and, when asked to, relative paths", () => {
    const { folder } = saveAt([10, 20, 30], { maxToKeep: 2, saveRelativePaths: true });
    const text = readFileSync(path.join(folder, "checkpoint"), "utf8");
    assert.match(text, /^model_checkpoint_path: "model-2"\nall_model_checkpoint_paths: "model-1"\n/);
    const state = readCheckpointState(folder);
    assert.deepEqual(state?.allModelCheckpointTimestamps, [20, 30]);
  });

  it("is gone on with by another saver", () => {
    const { folder } = saveAt([0, 1], { maxToKeep: 2 });
    const saver = new CheckpointSaver({ maxToKeep: 2 });
    saver.recoverFromState(folder);
    saver.save(values, path.join(folder, "model"), { globalStep: 2 });
    assert.deepEqual(saver.lastCheckpoints, [path.join(folder, "model-1"), path.join(folder, "model-2")]);
    assert.ok(!existsSync(path.join(folder, "model-0.index")));
  });

  it("pads steps, and refuses those that are none", () => {
    const saver = new CheckpointSaver({ padStepNumber: true });
    assert.equal(saver.withStep("model", 7), "model-00000007");
    assert.throws(() => saver.withStep("model", -1), { code: Code.INVALID_ARGUMENT });
    assert.throws(() => saver.withStep("/tmp/checkpoint"), {
      message: /would overwrite the folder's state file/,
    });
  });
});

describe("copyTensors", () => {
  it("keeps slices, renames and leaves out", () => {
    const folder = temporaryFolder();
    const prefix = new CheckpointSaver({ partitions: { "dense/kernel": [5, 1] } }).save(
      values,
      path.join(folder, "model"),
    );
    for (const version of ["V1", "V2"] as const) {
      const reader = openCheckpoint(prefix);
      const writer = createCheckpoint(path.join(folder, version), { version });
      copyTensors(reader, writer, (name) => (name === "words" ? undefined : name.replace("dense", "d")));
      writer.finish();
      reader.close();
      const copy = openCheckpoint(path.join(folder, version));
      assert.deepEqual(copy.names(), ["d/bias", "d/kernel"]);
      assert.deepEqual(copy.read("d/kernel"), matrix);
      assert.equal(copy.slices("d/kernel").length, 5);
      copy.close();
    }
  });
});
