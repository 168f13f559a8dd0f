import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { TensorBundleReader } from "../checkpoint/tensor-bundle-reader.js";
import { GraphBuilder } from "../graph-builder/graph-builder.js";
import { Code } from "../status.js";
import { stringTensor, type Tensor, tensor } from "../tensor.js";
import { buildSignatureDef, predictSignatureDef } from "./build-signature-def.js";
import { SavedModelBuilder } from "./builder.js";
import { assetFilesOf, findMetaGraph, initOpOf } from "./meta-graph.js";
import { readSavedModel, variablesPrefix } from "./reader.js";
import { signaturesOf } from "./signature-def.js";

const folder = mkdtempSync(join(tmpdir(), "saved-model-builder-"));
after(() => rmSync(folder, { recursive: true }));
let folders = 0;
const newPath = (): string => join(mkdtempSync(join(folder, `${folders++}-`)), "1");

/** y = a·x + b, with the variables a and b. */
function halfPlusTwo() {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1], { name: "x" });
  const a = graph.variable("float32", [], { name: "a" });
  const b = graph.variable("float32", [], { name: "b" });
  const y = graph.compute("AddV2", [graph.compute("Mul", [a.read(), x]), b.read()], {}, { name: "y" });
  return { graph, signatures: { serving_default: predictSignatureDef({ x }, { y }) } };
}

const scalar = (value: number) => tensor("float32", [], Float32Array.of(value));
const variables = new Map<string, Tensor>([
  ["a", scalar(0.5)],
  ["b", scalar(2)],
]);

function saveHalfPlusTwo(exportDir: string): void {
  const builder = new SavedModelBuilder(exportDir);
  builder.addMetaGraphAndVariables(["serve"], { ...halfPlusTwo(), variables });
  builder.save();
}

describe("a saved model", () => {
  it("has its signatures, graph and saver", () => {
    const exportDir = newPath();
    saveHalfPlusTwo(exportDir);
    const { savedModel } = readSavedModel(exportDir);
    assert.equal(savedModel.savedModelSchemaVersion, 1n);
    const metaGraph = findMetaGraph(savedModel, ["serve"]);
    assert.deepEqual(signaturesOf(metaGraph).get("serving_default"), {
      name: "serving_default",
      methodName: "tensorflow/serving/predict",
      inputs: new Map([["x", { name: "x:0", dtype: "float32", shape: [-1] }]]),
      outputs: new Map([["y", { name: "y:0", dtype: "float32", shape: [-1] }]]),
      defaults: new Map(),
    });
    const nodes = new Set(metaGraph.graphDef?.node.map(({ name }) => name));
    const { restoreOpName = "", filenameTensorName = "" } = metaGraph.saverDef ?? {};
    assert.ok(nodes.has(restoreOpName) && nodes.has(filenameTensorName.replace(":0", "")));
    assert.deepEqual(Object.keys(metaGraph.collectionDef), ["variables", "trainable_variables"]);
  });

  it("has the values of its variables in a checkpoint", () => {
    const exportDir = newPath();
    saveHalfPlusTwo(exportDir);
    const reader = TensorBundleReader.open(variablesPrefix(exportDir));
    after(() => reader.close());
    assert.deepEqual(new Map(reader.names().map((name) => [name, reader.read(name)])), variables);
  });

  it("has no checkpoint without variables", () => {
    const graph = new GraphBuilder();
    const x = graph.placeholder("string", []);
    const exportDir = newPath();
    const builder = new SavedModelBuilder(exportDir);
    const signatures = { serving_default: predictSignatureDef({ x }, { x }) };
    builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables: new Map() });
    builder.save();
    assert.deepEqual(readdirSync(join(exportDir, "variables")), []);
    assert.equal(readSavedModel(exportDir).savedModel.metaGraphs[0]?.saverDef, undefined);
  });

  it("brings its assets, and an init op that fills tables from them", () => {
    const vocabulary = join(folder, "vocabulary.txt");
    writeFileSync(vocabulary, "one\ntwo\n");
    const graph = new GraphBuilder();
    const table = graph.hashTable({
      file: graph.asset(vocabulary),
      keyDtype: "int64",
      keyPart: "line number",
      valueDtype: "string",
      valuePart: "line",
      defaultValue: stringTensor([], ["?"]),
    });
    const keys = graph.placeholder("int64", [-1]);
    const signatures = { serving_default: predictSignatureDef({ keys }, { words: table.find(keys) }) };
    const exportDir = newPath();
    const builder = new SavedModelBuilder(exportDir);
    const mainOp = graph.initializeTables();
    builder.addMetaGraphAndVariables(["serve"], { graph, signatures, mainOp, variables: new Map() });
    builder.save();
    const metaGraph = findMetaGraph(readSavedModel(exportDir).savedModel, ["serve"]);
    assert.equal(initOpOf(metaGraph), "init_all_tables");
    const assets = assetFilesOf(metaGraph, exportDir);
    assert.deepEqual([...assets.keys()], ["asset_path:0"]);
    assert.equal(readFileSync(assets.get("asset_path:0") as string, "utf8"), "one\ntwo\n");
  });

  it("may have several MetaGraphs over the same variables", () => {
    const exportDir = newPath();
    const builder = new SavedModelBuilder(exportDir);
    builder.addMetaGraphAndVariables(["train"], { ...halfPlusTwo(), variables });
    builder.addMetaGraph(["serve", "gpu"], { ...halfPlusTwo(), stripDefaultAttrs: true });
    builder.save();
    const { savedModel } = readSavedModel(exportDir);
    const attrsOfRead = (tags: string[]) =>
      findMetaGraph(savedModel, tags).graphDef?.node.find(({ name }) => name === "a")?.attr;
    assert.ok(Object.keys(attrsOfRead(["train"]) ?? {}).includes("container"));
    assert.deepEqual(Object.keys(attrsOfRead(["gpu", "serve"]) ?? {}).sort(), [
      "dtype",
      "shape",
      "shared_name",
    ]);
  });
});

describe("saving", () => {
  it("leaves the parent folder with the model alone", () => {
    const exportDir = newPath();
    saveHalfPlusTwo(exportDir);
    assert.deepEqual(readdirSync(join(exportDir, "..")), ["1"]);
    assert.deepEqual(readdirSync(exportDir).sort(), ["fingerprint.pb", "saved_model.pb", "variables"]);
  });

  it("takes an empty export folder, and makes missing parents", () => {
    const exportDir = newPath();
    mkdirSync(exportDir);
    saveHalfPlusTwo(exportDir);
    assert.ok(existsSync(join(exportDir, "saved_model.pb")));
    saveHalfPlusTwo(join(folder, "new", "parent", "7"));
    assert.deepEqual(readdirSync(join(folder, "new", "parent")), ["7"]);
  });

  it("refuses an export folder with anything in it", () => {
    const exportDir = newPath();
    saveHalfPlusTwo(exportDir);
    assert.throws(() => new SavedModelBuilder(exportDir), {
      code: Code.FAILED_PRECONDITION,
      message: /already exists and isn't empty/,
    });
  });

  it("refuses an export folder that was filled meanwhile, and leaves nothing behind", () => {
    const exportDir = newPath();
    const builder = new SavedModelBuilder(exportDir);
    builder.addMetaGraphAndVariables(["serve"], { ...halfPlusTwo(), variables });
    mkdirSync(exportDir);
    writeFileSync(join(exportDir, "other"), "");
    assert.throws(() => builder.save(), { code: Code.FAILED_PRECONDITION });
    assert.deepEqual(readdirSync(join(exportDir, "..")), ["1"]);
    assert.deepEqual(readdirSync(exportDir), ["other"]);
  });

  it("leaves nothing behind when an asset is missing", () => {
    const graph = new GraphBuilder();
    graph.asset(join(folder, "none.txt"));
    const exportDir = newPath();
    const builder = new SavedModelBuilder(exportDir);
    builder.addMetaGraphAndVariables(["serve"], { graph, variables: new Map() });
    assert.throws(() => builder.save(), { code: Code.NOT_FOUND, message: /none\.txt/ });
    assert.deepEqual(readdirSync(join(exportDir, "..")), []);
  });
});

describe("a MetaGraph is refused", () => {
  const model = halfPlusTwo();
  const other = halfPlusTwo();
  const foreign = new GraphBuilder().placeholder("float32", [], { name: "z" });
  const rejected: [
    situation: string,
    add: (builder: SavedModelBuilder) => void,
    message: RegExp,
    code: Code,
  ][] = [
    [
      "with variables that lack a value or have a wrong one",
      (builder) =>
        builder.addMetaGraphAndVariables([], {
          ...model,
          variables: new Map([["b", tensor("int32", [1], Int32Array.of(1))]]),
        }),
      /variable "a" has no value; variable "b" must be float32 of shape \[\], got int32 of shape \[1\]/,
      Code.INVALID_ARGUMENT,
    ],
    [
      "with values of variables that the graph does not have",
      (builder) =>
        builder.addMetaGraphAndVariables([], {
          ...model,
          variables: new Map([...variables, ["c", scalar(1)]]),
        }),
      /The graph has no variables "c"/,
      Code.INVALID_ARGUMENT,
    ],
    [
      "with signatures and init ops that name what is not in the graph",
      (builder) =>
        builder.addMetaGraphAndVariables([], {
          ...model,
          signatures: { s: buildSignatureDef({ inputs: {}, outputs: { z: foreign }, methodName: "" }) },
          mainOp: other.graph.group([]),
          variables,
        }),
      /signature "s": the graph has no tensor "z:0"; init op "group_deps" belongs to another graph/,
      Code.INVALID_ARGUMENT,
    ],
    [
      "as a second one before the first",
      (builder) => builder.addMetaGraph([], model),
      /The first MetaGraph brings the variables/,
      Code.FAILED_PRECONDITION,
    ],
    [
      "with the variables a second time",
      (builder) => {
        builder.addMetaGraphAndVariables([], { ...halfPlusTwo(), variables });
        builder.addMetaGraphAndVariables([], { ...halfPlusTwo(), variables });
      },
      /are added already/,
      Code.FAILED_PRECONDITION,
    ],
  ];
  for (const [situation, add, message, code] of rejected) {
    it(situation, () => {
      assert.throws(() => add(new SavedModelBuilder(newPath())), { code, message });
    });
  }

  it("when there is none", () => {
    assert.throws(() => new SavedModelBuilder(newPath()).save(), { code: Code.FAILED_PRECONDITION });
  });
});
