import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { SavedModelSchema } from "../protobuf/gen/tensorflow/core/protobuf/saved_model_pb.js";
import { Code } from "../status.js";
import { goldenSkip, loadCases } from "../testing/golden.js";
import { createFingerprint } from "./fingerprint.js";
import { readSavedModel, variablesPrefix } from "./reader.js";

const hashes = [
  "savedModelChecksum",
  "graphDefProgramHash",
  "signatureDefHash",
  "savedObjectGraphHash",
  "checkpointHash",
] as const;

describe("the fingerprint of a SavedModel", () => {
  it("is the one that TensorFlow wrote, for every golden model", { skip: goldenSkip() }, () => {
    const models = loadCases(({ kind, name }) => kind === "saved_model" && !name.startsWith("broken_"));
    let compared = 0;
    for (const { name, dir, path: folder } of models) {
      const { savedModel, fingerprint: theirs } = readSavedModel(path.join(dir, folder));
      if (theirs === undefined) continue;
      const index = `${variablesPrefix(path.join(dir, folder))}.index`;
      const ours = createFingerprint(savedModel, existsSync(index) ? readFileSync(index) : undefined);
      for (const hash of hashes) assert.equal(ours[hash], theirs[hash], `${name}: ${hash}`);
      assert.equal(ours.version?.producer, theirs.version?.producer);
      compared++;
    }
    assert.ok(compared > 50, `${compared} compared`);
  });

  it("needs a MetaGraph", () => {
    assert.throws(() => createFingerprint(create(SavedModelSchema)), { code: Code.INVALID_ARGUMENT });
  });
});
