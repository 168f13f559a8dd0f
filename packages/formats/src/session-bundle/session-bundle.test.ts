import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { openCheckpoint } from "../checkpoint/open.js";
import { GraphBuilder } from "../graph-builder/graph-builder.js";
import { type GraphDef, GraphDefSchema } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import {
  CollectionDefSchema,
  type MetaGraphDef,
  MetaGraphDefSchema,
  SignatureDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import {
  AssetFileSchema,
  SignaturesSchema,
} from "../protobuf/gen/tensorflow_serving/session_bundle/manifest_pb.js";
import { signaturesOf, unusableSignaturesOf } from "../saved-model/signature-def.js";
import { type Tensor, tensor } from "../tensor.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { convertSignatures } from "./convert-signatures.js";
import { Exporter, largestExportVersions } from "./exporter.js";
import { isSessionBundleFolder, readSessionBundle } from "./reader.js";
import { Saver, type SaverOptions } from "./saver.js";
import { classificationSignature, genericSignature, regressionSignature } from "./signatures.js";

const scalar = (value: number): Tensor => tensor("float32", [], Float32Array.of(value));

/** y = a·x + b, ready to be exported. */
function halfPlusTwo(options?: SaverOptions) {
  const graph = new GraphBuilder();
  const device = "/device:CPU:0";
  const x = graph.placeholder("float32", [-1], { name: "x", device });
  const a = graph.variable("float32", [], { name: "a" });
  const b = graph.variable("float32", [], { name: "b" });
  const y = graph.compute("AddV2", [graph.compute("Mul", [a.read(), x]), b.read()], {}, { name: "y" });
  const values = new Map([
    ["a", scalar(0.5)],
    ["b", scalar(2)],
  ]);
  return { graph, x, y, values, exporter: new Exporter(new Saver(graph, values, options)) };
}

function exported(options?: SaverOptions): string {
  const { exporter, x, y } = halfPlusTwo(options);
  exporter.init({
    namedGraphSignatures: { inputs: genericSignature({ x }), outputs: genericSignature({ y }) },
  });
  return exporter.export(temporaryFolder(), 123);
}

describe("an exported SessionBundle", () => {
  it("lies in a folder of eight digits, with the files that loaders look for", () => {
    const dir = exported();
    assert.equal(path.basename(dir), "00000123");
    assert.deepEqual(readdirSync(path.dirname(dir)), ["00000123"]);
    assert.deepEqual(readdirSync(dir).sort(), ["export", "export.meta"]);
    assert.deepEqual(readdirSync(exported({ sharded: true })).sort(), [
      "export-00000-of-00001",
      "export.meta",
    ]);
  });

  for (const sharded of [false, true]) {
    it(`can be read again, its checkpoint ${sharded ? "in shards" : "in one file"}`, () => {
      const dir = exported({ sharded });
      assert.ok(isSessionBundleFolder(dir));
      const { metaGraph, checkpoint, assets, initOp } = readSessionBundle(dir);
      assert.deepEqual(signaturesOf(metaGraph).get("serving_default"), {
        name: "serving_default",
        methodName: "tensorflow/serving/predict",
        inputs: new Map([["x", { name: "x:0", dtype: "float32", shape: [-1] }]]),
        outputs: new Map([["y", { name: "y:0", dtype: "float32", shape: null }]]),
        defaults: new Map(),
      });
      assert.equal(checkpoint, path.join(dir, sharded ? "export-?????-of-?????" : "export"));
      const reader = openCheckpoint(checkpoint);
      assert.deepEqual(
        new Map(reader.names().map((name) => [name, reader.read(name)])),
        halfPlusTwo().values,
      );
      reader.close();
      assert.deepEqual([assets.size, initOp], [0, undefined]);
      const nodes = new Set(metaGraph.graphDef?.node.map(({ name }) => name));
      const { restoreOpName = "", filenameTensorName = "", saveTensorName = "" } = metaGraph.saverDef ?? {};
      for (const name of [restoreOpName, filenameTensorName, saveTensorName])
        assert.ok(nodes.has(name.replace(":0", "")), name);
    });
  }

  it("brings its assets and its init op", () => {
    const vocabulary = path.join(temporaryFolder(), "words.txt");
    writeFileSync(vocabulary, "one\ntwo\n");
    const { graph, exporter } = halfPlusTwo();
    const { fileName } = graph.asset(vocabulary);
    const initOp = graph.group([], { name: "init" });
    exporter.init({ initOp });
    const bundle = readSessionBundle(exporter.export(temporaryFolder(), 1));
    assert.equal(bundle.initOp, "init");
    assert.deepEqual([...bundle.assets.keys()], ["asset_path:0"]);
    assert.equal(readFileSync(path.join(bundle.dir, "assets", fileName), "utf8"), "one\ntwo\n");
    assert.equal(bundle.assets.get("asset_path:0"), path.resolve(bundle.dir, "assets", fileName));
  });

  it("serves the graph that was given, or its own without devices", () => {
    const devicesOf = (graph: GraphDef | undefined) => graph?.node.find(({ name }) => name === "x")?.device;
    const { graph, exporter } = halfPlusTwo();
    assert.equal(devicesOf(graph.toGraphDef()), "/device:CPU:0");
    exporter.init({ clearDevices: true });
    const cleared = exporter.export(temporaryFolder(), 1);
    assert.equal(devicesOf(readSessionBundle(cleared).metaGraph.graphDef), "");
    const other = halfPlusTwo();
    const graphDef = create(GraphDefSchema, { node: [{ name: "other", op: "NoOp" }] });
    other.exporter.init({ graphDef });
    const given = readSessionBundle(other.exporter.export(temporaryFolder(), 1));
    assert.deepEqual(
      given.metaGraph.graphDef?.node.map(({ name }) => name),
      ["other"],
    );
  });

  it("may replace older ones", () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, "notes"));
    for (const version of [1, 20, 3]) {
      const { exporter } = halfPlusTwo();
      exporter.init();
      exporter.export(folder, version, { exportsToKeep: largestExportVersions(2) });
    }
    assert.deepEqual(readdirSync(folder).sort(), ["00000003", "00000020", "notes"]);
  });
});

describe("an exporter refuses", () => {
  it("an export before init, a second init, and a step that is no natural number", () => {
    const { exporter } = halfPlusTwo();
    assert.throws(() => exporter.export(temporaryFolder(), 1), { codeName: "FAILED_PRECONDITION" });
    exporter.init();
    assert.throws(() => exporter.init(), { codeName: "FAILED_PRECONDITION" });
    for (const step of [-1, 0.5, Number.NaN]) {
      assert.throws(() => exporter.export(temporaryFolder(), step), { codeName: "INVALID_ARGUMENT" });
    }
  });

  it("to overwrite a version: ALREADY_EXISTS", () => {
    const { exporter } = halfPlusTwo();
    exporter.init();
    const folder = temporaryFolder();
    exporter.export(folder, 1);
    assert.throws(() => exporter.export(folder, 1), { codeName: "ALREADY_EXISTS", message: /00000001/ });
  });

  it("an init op of another graph, and to leave half an export behind", () => {
    const { exporter, graph } = halfPlusTwo();
    const initOp = new GraphBuilder().group([]);
    assert.throws(() => exporter.init({ initOp }), {
      codeName: "INVALID_ARGUMENT",
      message: /another graph/,
    });
    graph.asset(path.join(temporaryFolder(), "missing.txt"));
    exporter.init();
    const folder = temporaryFolder();
    assert.throws(() => exporter.export(folder, 1), { codeName: "NOT_FOUND", message: /missing\.txt/ });
    assert.deepEqual(readdirSync(folder), []);
  });

  it("a saver without variables, or with values that don't fit", () => {
    const codeName = "INVALID_ARGUMENT";
    assert.throws(() => new Saver(new GraphBuilder(), new Map()), { codeName, message: /No variables/ });
    const { graph } = halfPlusTwo();
    const wrong = new Map([["a", tensor("float32", [1], Float32Array.of(1))]]);
    const message =
      /variable "a" must be float32 of shape \[\], got float32 of shape \[1\]; .*"b" has no value/;
    assert.throws(() => new Saver(graph, wrong), { codeName, message });
  });
});

describe("signatures become SignatureDefs", () => {
  const graph = new GraphBuilder();
  const examples = graph.placeholder("string", [-1], { name: "examples" });
  const scores = graph.placeholder("float32", null, { name: "scores" });
  const classes = graph.placeholder("string", [-1, 2], { name: "classes" });
  const regression = regressionSignature(examples, scores);
  const classification = classificationSignature(examples, { classes, scores });
  const pair = {
    inputs: genericSignature({ s: scores }),
    outputs: genericSignature({ c: classes, s: scores }),
  };

  /** Key → "method: inputs → outputs". */
  const converted = (
    signatures: MessageInitShape<typeof SignaturesSchema>,
    existing?: MetaGraphDef["signatureDef"],
  ) => {
    const defs = convertSignatures(create(SignaturesSchema, signatures), graph.toGraphDef(), existing);
    const text = (infos: MetaGraphDef["signatureDef"][string]["inputs"]) =>
      Object.entries(infos)
        .map(([key, { encoding }]) => `${key}=${encoding.value}`)
        .join(" ");
    return Object.fromEntries(
      Object.entries(defs).map(([key, { methodName, inputs, outputs }]) => [
        key,
        `${methodName.replace("tensorflow/serving/", "")}: ${text(inputs)} → ${text(outputs)}`,
      ]),
    );
  };
  const regress = "regress: inputs=examples:0 → outputs=scores:0";
  const classify = "classify: inputs=examples:0 → classes=classes:0 scores=scores:0";
  const predict = "predict: s=scores:0 → c=classes:0 s=scores:0";

  const cases: [string, MessageInitShape<typeof SignaturesSchema>, Record<string, string>][] = [
    ["none become none", {}, {}],
    ["a default one for regression", { defaultSignature: regression }, { serving_default: regress }],
    ["a default one for classification", { defaultSignature: classification }, { serving_default: classify }],
    [
      "one for classification without classes",
      { defaultSignature: classificationSignature(examples, { scores }) },
      { serving_default: "classify: inputs=examples:0 → scores=scores:0" },
    ],
    ["a generic default one is left out", { defaultSignature: pair.inputs }, {}],
    ['"inputs" and "outputs" make one for Predict', { namedSignatures: pair }, { serving_default: predict }],
    [
      "which gets another key beside a default one",
      { defaultSignature: regression, namedSignatures: pair },
      { serving_default: regress, serving_default_from_named: predict },
    ],
    [
      "named ones keep their names, unless they are generic",
      { namedSignatures: { r: regression, c: classification, g: pair.inputs } },
      { r: regress, c: classify },
    ],
    [
      '"inputs" without generic "outputs" is one like others',
      { namedSignatures: { inputs: regression, outputs: pair.outputs } },
      { inputs: regress },
    ],
  ];
  for (const [title, signatures, expected] of cases) {
    it(title, () => assert.deepEqual(converted(signatures), expected));
  }

  it("SignatureDefs that are there already stay; two defaults are ALREADY_EXISTS", () => {
    const own = { serving_default: create(SignatureDefSchema, { methodName: "own" }) };
    assert.deepEqual(converted({ namedSignatures: pair }, own), {
      serving_default: "own:  → ",
      serving_default_from_named: predict,
    });
    assert.throws(() => converted({ defaultSignature: regression }, own), { codeName: "ALREADY_EXISTS" });
  });

  it("takes dtypes and shapes from nodes; a tensor that is not there makes its signature unusable", () => {
    const graphDef = graph.toGraphDef();
    const signatures = create(SignaturesSchema, {
      namedSignatures: {
        ok: classification,
        gone: { type: { case: "regressionSignature", value: { input: { tensorName: "gone:0" } } } },
      },
    });
    const signatureDef = convertSignatures(signatures, graphDef);
    const metaGraph = create(MetaGraphDefSchema, { signatureDef });
    const specs = signaturesOf(metaGraph).get("ok");
    assert.deepEqual(specs?.inputs.get("inputs"), { name: "examples:0", dtype: "string", shape: [-1] });
    assert.deepEqual(specs?.outputs.get("classes"), { name: "classes:0", dtype: "string", shape: [-1, 2] });
    assert.deepEqual(specs?.outputs.get("scores"), { name: "scores:0", dtype: "float32", shape: null });
    assert.deepEqual([...unusableSignaturesOf(metaGraph).keys()], ["gone"]);
  });

  it("takes a placeholder of no dimensions for one of unknown rank in graphs from before TensorFlow 1.0", () => {
    const shapes = [21, 22].map((producer) => {
      const graph = new GraphBuilder();
      const x = graph.placeholder("float32", []);
      const graphDef = { ...graph.toGraphDef(), versions: { ...graph.toGraphDef().versions, producer } };
      const signatures = create(SignaturesSchema, { defaultSignature: regressionSignature(x, x) });
      const signatureDef = convertSignatures(signatures, graphDef as GraphDef);
      return signaturesOf(create(MetaGraphDefSchema, { signatureDef }))
        .get("serving_default")
        ?.inputs.get("inputs")?.shape;
    });
    assert.deepEqual(shapes, [null, []]);
  });
});

describe("a folder with a damaged SessionBundle", () => {
  const dir = exported();
  const good = fromBinary(MetaGraphDefSchema, readFileSync(path.join(dir, "export.meta")));

  function folderWith(bytes: Uint8Array): string {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, "export.meta"), bytes);
    return folder;
  }

  const withCollection = (name: string, collection: MessageInitShape<typeof CollectionDefSchema>) => {
    const collectionDef = { ...good.collectionDef, [name]: create(CollectionDefSchema, collection) };
    return toBinary(MetaGraphDefSchema, { ...good, collectionDef });
  };
  type Collection = MessageInitShape<typeof CollectionDefSchema>;
  const nodes = (...value: string[]): Collection => ({ kind: { case: "nodeList", value: { value } } });
  const anys = (...value: Any[]): Collection => ({ kind: { case: "anyList", value: { value } } });
  const signatures = anyPack(SignaturesSchema, create(SignaturesSchema));
  const asset = (filename: string) => anyPack(AssetFileSchema, create(AssetFileSchema, { filename }));

  const cases: [string, Uint8Array, string, RegExp][] = [
    [
      "bytes that are no MetaGraphDef",
      Buffer.from("nonsense"),
      "DATA_LOSS",
      /export\.meta is no tensorflow\.MetaGraphDef/,
    ],
    [
      "no graph",
      toBinary(MetaGraphDefSchema, create(MetaGraphDefSchema)),
      "INVALID_ARGUMENT",
      /has no graph/,
    ],
    [
      "two init ops",
      withCollection("serving_init_op", nodes("a", "b")),
      "FAILED_PRECONDITION",
      /exactly one serving init op.*found 2/,
    ],
    [
      "nodes where messages should be",
      withCollection("serving_signatures", nodes("a")),
      "FAILED_PRECONDITION",
      /must hold tensorflow\.serving\.Signatures messages, holds nodeList/,
    ],
    [
      "messages of another type",
      withCollection("serving_graph", anys(signatures)),
      "FAILED_PRECONDITION",
      /expected Any type_url for tensorflow\.GraphDef, got ".*tensorflow\.serving\.Signatures"/,
    ],
    [
      "two sets of signatures",
      withCollection("serving_signatures", anys(signatures, signatures)),
      "FAILED_PRECONDITION",
      /exactly one message.*found 2/,
    ],
    [
      "an asset that is somewhere else",
      withCollection("serving_assets", anys(asset("../../secret"))),
      "INVALID_ARGUMENT",
      /"\.\.\/\.\.\/secret" is outside/,
    ],
  ];
  for (const [title, bytes, codeName, message] of cases) {
    it(`because of ${title}: ${codeName}`, () => {
      assert.throws(() => readSessionBundle(folderWith(bytes)), { codeName, message });
    });
  }

  it("or without any is NOT_FOUND", () => {
    const folder = temporaryFolder();
    assert.ok(!isSessionBundleFolder(folder));
    assert.throws(() => readSessionBundle(folder), { codeName: "NOT_FOUND", message: /export\.meta/ });
    assert.ok(existsSync(folder));
  });

  it("is read or refused", () => {
    for (const { label, bytes } of mutations(readFileSync(path.join(dir, "export.meta")), 3, 300)) {
      const folder = folderWith(bytes);
      readOrRefuse(label, () => readSessionBundle(folder));
    }
  });
});
