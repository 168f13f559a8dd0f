import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import type { CheckpointReader } from "../checkpoint/checkpoint-reader.js";
import { openCheckpoint } from "../checkpoint/open.js";
import {
  type MetaGraphDef,
  MetaGraphDefSchema,
  TensorInfoSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { orderedBytes } from "../protobuf/ordered.js";
import { goldenSkip, loadCases } from "../testing/golden.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { SavedModelBuilder } from "./builder.js";
import { LoadedMetaGraph, loadSavedModel } from "./loader.js";
import { tagsOf } from "./meta-graph.js";
import { readSavedModel, variablesPrefix } from "./reader.js";

/** Loads all MetaGraphs of a SavedModel and has them written again. */
function copySavedModel(from: string, to: string, asText = false): void {
  const builder = new SavedModelBuilder(to);
  const loaded = readSavedModel(from).savedModel.metaGraphs.map((each) => loadSavedModel(tagsOf(each), from));
  for (const [i, each] of loaded.entries()) {
    const tags = tagsOf(each.metaGraph);
    if (i === 0) builder.addMetaGraphAndVariables(tags, each.parts());
    else builder.addMetaGraph(tags, each.parts());
  }
  builder.save({ asText });
  for (const each of loaded) each.close();
}

/** Every file below a folder, by its path in it. */
function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

function assertSameVariables(from: string, to: string): void {
  const [original, copy] = [from, to].map((dir) => {
    const prefix = variablesPrefix(dir);
    return existsSync(`${prefix}.index`) ? openCheckpoint(prefix) : undefined;
  }) as [CheckpointReader | undefined, CheckpointReader | undefined];
  assert.deepEqual(copy?.names(), original?.names());
  for (const name of original?.names() ?? []) {
    assert.deepEqual(copy?.slices(name), original?.slices(name), name);
    // Bytes of numbers: NaN is equal to itself.
    assert.deepEqual(copy?.read(name), original?.read(name), name);
  }
  original?.close();
  copy?.close();
}

/** TensorFlow 2 leaves out dtype and shape of an asset's tensor, TensorFlow 1 has them. */
function comparable(metaGraph: MetaGraphDef): Buffer {
  const assetFileDef = metaGraph.assetFileDef.map((asset) => ({
    ...asset,
    tensorInfo: create(TensorInfoSchema, { encoding: asset.tensorInfo?.encoding ?? { case: undefined } }),
  }));
  return Buffer.from(orderedBytes(MetaGraphDefSchema, { ...metaGraph, assetFileDef }));
}

function assertSameModel(from: string, to: string): void {
  const bytesOf = (dir: string) => readSavedModel(dir).savedModel.metaGraphs.map(comparable);
  const [originals, copies] = [bytesOf(from), bytesOf(to)];
  assert.equal(copies.length, originals.length);
  for (const [i, copy] of copies.entries()) assert.ok(copy.equals(originals[i] as Buffer), `MetaGraph ${i}`);
  assertSameVariables(from, to);
  const assets = filesIn(path.join(from, "assets"));
  assert.deepEqual(filesIn(path.join(to, "assets")), assets);
  for (const name of assets) {
    assert.deepEqual(
      readFileSync(path.join(to, "assets", name)),
      readFileSync(path.join(from, "assets", name)),
    );
  }
}

describe("a SavedModel of TensorFlow, loaded and saved again", { skip: goldenSkip() }, () => {
  const models = loadCases(({ kind, name }) => kind === "saved_model" && !name.startsWith("broken_"));
  for (const { name, dir, path: folder } of models) {
    it(`is the same: ${name}`, () => {
      const from = path.join(dir, folder);
      const to = path.join(temporaryFolder(), "1");
      copySavedModel(from, to);
      assertSameModel(from, to);
    });
  }

  it("is the same as text", () => {
    for (const { dir, path: folder } of models.filter((_, i) => i % 6 === 0)) {
      const from = path.join(dir, folder);
      const to = path.join(temporaryFolder(), "1");
      copySavedModel(from, to, true);
      assert.ok(existsSync(path.join(to, "saved_model.pbtxt")));
      assertSameModel(from, to);
    }
  });
});

describe("a MetaGraph without a graph", () => {
  it("can't be looked at", () => {
    const loaded = new LoadedMetaGraph("model", create(MetaGraphDefSchema), undefined);
    assert.throws(() => loaded.graph, { codeName: "INVALID_ARGUMENT", message: /has no graph/ });
  });
});
