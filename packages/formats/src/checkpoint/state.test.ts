import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "node:test";
import { goldenSkip, loadCase } from "../testing/golden.js";
import { temporaryFolder, writeFile } from "../testing/temporary-folder.js";
import { latestCheckpoint, readCheckpointState } from "./state.js";

describe("the checkpoint state file", () => {
  it("names the latest checkpoint, relative to its folder", { skip: goldenSkip() }, () => {
    const golden = loadCase("ckpt_manager");
    const inFolder = (name: string) => path.join(golden.dir, name);
    assert.equal(latestCheckpoint(golden.dir), inFolder(golden.latest as string));
    const kept = (golden.kept as string[]).map(inFolder);
    assert.deepEqual(readCheckpointState(golden.dir)?.allModelCheckpointPaths, kept);
  });

  it("names V1 checkpoints in shards by a pattern", { skip: goldenSkip() }, () => {
    const { dir } = loadCase("ckpt_v1_sharded");
    assert.equal(latestCheckpoint(dir), path.join(dir, "model.ckpt-?????-of-00002"));
  });

  it("may have absolute paths, and names of checkpoints that are gone", () => {
    const folder = temporaryFolder();
    const checkpoint = writeFile(folder, "model.ckpt-1", "");
    writeFile(folder, "checkpoint", `model_checkpoint_path: "${checkpoint}"`);
    assert.equal(latestCheckpoint(folder), checkpoint);
    writeFile(folder, "checkpoint", 'model_checkpoint_path: "model.ckpt-2"');
    assert.equal(latestCheckpoint(folder), undefined);
    writeFile(folder, "checkpoint", "");
    assert.equal(latestCheckpoint(folder), undefined);
  });

  it("may be missing", () => {
    assert.equal(readCheckpointState(temporaryFolder()), undefined);
    assert.equal(latestCheckpoint(path.join(temporaryFolder(), "nothing")), undefined);
  });

  it("that is something else is INVALID_ARGUMENT with the place", () => {
    const folder = temporaryFolder();
    writeFile(folder, "checkpoint", "model_checkpoint_path: 5");
    const message = /checkpoint: 1:24: expected a string, got "5"/;
    assert.throws(() => latestCheckpoint(folder), { codeName: "INVALID_ARGUMENT", message });
  });
});
