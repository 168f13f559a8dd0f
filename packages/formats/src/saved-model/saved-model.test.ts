import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { create, equals, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { dtypeInfo } from "../dtype.js";
import {
  AssetFileDefSchema,
  MetaGraphDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { SavedModelSchema } from "../protobuf/gen/tensorflow/core/protobuf/saved_model_pb.js";
import { stringTensor, type Tensor } from "../tensor.js";
import {
  compareTensor,
  decodeTensor,
  type GoldenCase,
  type GoldenSignature,
  goldenSkip,
  loadCase,
  loadCases,
} from "../testing/golden.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { temporaryFolder, writeFile } from "../testing/temporary-folder.js";
import { printText } from "../text-proto/printer.js";
import { assetFilesOf, findMetaGraph, initOpOf } from "./meta-graph.js";
import { isSavedModelFolder, readSavedModel } from "./reader.js";
import type { Signature, TensorSpec } from "./signature.js";
import { signaturesOf, unusableSignaturesOf } from "./signature-def.js";

const versionFolder = (golden: GoldenCase) => path.join(golden.dir, golden.path);
const servedMetaGraph = (golden: GoldenCase) =>
  findMetaGraph(
    readSavedModel(versionFolder(golden)).savedModel,
    golden.tags.length > 0 ? golden.tags : ["serve"],
  );

/** A signature in the form of case.json. */
function asGolden({ methodName, inputs, outputs }: Signature): Omit<GoldenSignature, "defaults"> {
  const infos = (specs: ReadonlyMap<string, TensorSpec>) =>
    Object.fromEntries([...specs].map(([name, spec]) => [name, asGoldenInfo(spec)]));
  return { method_name: methodName, inputs: infos(inputs), outputs: infos(outputs) };
}

function asGoldenInfo({ name, dtype, shape, sparse }: TensorSpec) {
  const info = { name: sparse === undefined ? name : null, dtype: `DT_${dtypeInfo(dtype).enumName}`, shape };
  if (sparse === undefined) return info;
  const { values, indices, denseShape } = sparse;
  return { ...info, coo_sparse: { values, indices, dense_shape: denseShape } };
}

/** case.json keeps reference types; a caller sees the type they refer to. */
function withoutRefs(signature: GoldenSignature): Omit<GoldenSignature, "defaults"> {
  const { defaults: _, ...rest } = JSON.parse(
    JSON.stringify(signature).replaceAll('_REF"', '"'),
  ) as GoldenSignature;
  return rest;
}

describe("SavedModels that TensorFlow wrote", { skip: goldenSkip() }, () => {
  // The broken ones have no signatures in their case.
  const whole = loadCases(({ kind, name }) => kind === "saved_model" && !name.startsWith("broken_"));
  for (const golden of whole) {
    it(`${golden.name} has the signatures of its case`, () => {
      const signatures = signaturesOf(servedMetaGraph(golden));
      assert.deepEqual([...signatures.keys()].sort(), Object.keys(golden.signatures ?? {}).sort());
      for (const [name, expected] of Object.entries(golden.signatures ?? {})) {
        const signature = signatures.get(name) as Signature;
        assert.deepEqual(asGolden(signature), withoutRefs(expected), name);
        assert.deepEqual([...signature.defaults.keys()].sort(), Object.keys(expected.defaults ?? {}).sort());
        for (const [input, value] of Object.entries(expected.defaults ?? {})) {
          compareTensor(signature.defaults.get(input) as Tensor, decodeTensor(value), {}, input);
        }
      }
      assert.equal(unusableSignaturesOf(servedMetaGraph(golden)).size, 0);
    });
  }

  it("in text form are what they are in binary form", () => {
    const folder = temporaryFolder();
    const binary = readSavedModel(versionFolder(loadCase("half_plus_two_v1")));
    writeFile(folder, "saved_model.pbtxt", printText(SavedModelSchema, binary.savedModel));
    assert.ok(equals(SavedModelSchema, readSavedModel(folder).savedModel, binary.savedModel));
  });

  it("of TensorFlow 1 and 2 name their asset files", () => {
    const files = (name: string) => {
      const golden = loadCase(name);
      return [...assetFilesOf(servedMetaGraph(golden), versionFolder(golden))];
    };
    const inAssets = (name: string) => path.join(versionFolder(loadCase(name)), "assets/foo.txt");
    assert.deepEqual(files("half_plus_two_v1"), [["Const:0", inAssets("half_plus_two_v1")]]);
    assert.deepEqual(files("half_plus_two_pbtxt"), [["Const:0", inAssets("half_plus_two_pbtxt")]]);
    assert.deepEqual(files("half_plus_two_v2"), [["asset_path_initializer:0", inAssets("half_plus_two_v2")]]);
    assert.deepEqual(files("no_variables"), []);
  });

  it("of TensorFlow 1 and 2 name their init op", () => {
    const initOp = (name: string) => initOpOf(servedMetaGraph(loadCase(name)));
    // A signature, the main op collection, the legacy collection, nothing.
    assert.equal(initOp("half_plus_two_v2"), "NoOp");
    assert.equal(initOp("tables_v1"), "my_init");
    assert.equal(initOp("tables_v1_legacy_init"), "my_init");
    assert.equal(initOp("v1_counter"), undefined);
  });

  it("with several MetaGraphs give the one whose tags are asked for", () => {
    const { savedModel } = readSavedModel(versionFolder(loadCase("two_metagraphs")));
    const tagSets = savedModel.metaGraphs.map((metaGraph) => metaGraph.metaInfoDef?.tags ?? []);
    assert.equal(tagSets.length, 3);
    for (const tags of tagSets) {
      const found = findMetaGraph(savedModel, [...tags].reverse());
      assert.deepEqual(found.metaInfoDef?.tags, tags);
    }
  });

  it("have a fingerprint since TensorFlow 2.10", () => {
    const { fingerprint } = readSavedModel(versionFolder(loadCase("half_plus_two_v2")));
    assert.ok(fingerprint !== undefined && fingerprint.savedModelChecksum !== 0n);
    assert.equal(readSavedModel(versionFolder(loadCase("half_plus_two_v1"))).fingerprint, undefined);
  });

  const broken: [string, string, RegExp][] = [
    ["broken_empty_dir", "NOT_FOUND", /Could not find SavedModel .pb or .pbtxt .*broken_empty_dir\/model\/1/],
    ["broken_no_pb", "NOT_FOUND", /Could not find SavedModel/],
    ["broken_garbage_pb", "DATA_LOSS", /saved_model.pb is no tensorflow.SavedModel: .* at byte \d+/],
    ["broken_truncated_pb", "DATA_LOSS", /a value of 17969 bytes where 1495 are left at byte 2/],
    [
      "broken_other_tags",
      "NOT_FOUND",
      /matching supplied tags: { serve }.* Tag sets of this SavedModel: { other }/,
    ],
  ];
  for (const [name, codeName, message] of broken) {
    it(`${name} is ${codeName}`, () => {
      assert.throws(
        () => findMetaGraph(readSavedModel(versionFolder(loadCase(name))).savedModel, ["serve"]),
        {
          codeName,
          message,
        },
      );
    });
  }

  it("under random damage are read or refused", () => {
    const folder = temporaryFolder();
    cpSync(versionFolder(loadCase("half_plus_two_v2")), folder, { recursive: true });
    const file = path.join(folder, "saved_model.pb");
    for (const { label, bytes } of mutations(readFileSync(file), 9, 300)) {
      writeFileSync(file, bytes);
      readOrRefuse(label, () => {
        for (const metaGraph of readSavedModel(folder).savedModel.metaGraphs) {
          signaturesOf(metaGraph);
          unusableSignaturesOf(metaGraph);
          assetFilesOf(metaGraph, folder);
          initOpOf(metaGraph);
        }
      });
    }
  });

  it("in text form under random damage are read or refused", () => {
    const text = readFileSync(path.join(versionFolder(loadCase("half_plus_two_pbtxt")), "saved_model.pbtxt"));
    const folder = temporaryFolder();
    for (const { label, bytes } of mutations(text, 10, 60)) {
      writeFile(folder, "saved_model.pbtxt", bytes);
      const error = readOrRefuse(label, () => readSavedModel(folder));
      if (error !== undefined) assert.match(error.message, /saved_model.pbtxt: \d+:\d+: /, label);
    }
  });
});

type MetaGraphInit = Extract<MessageInitShape<typeof MetaGraphDefSchema>, { $typeName?: never }>;
const metaGraph = (init: MetaGraphInit) => create(MetaGraphDefSchema, init);
const named = (name: string) => ({ encoding: { case: "name" as const, value: name } });

describe("a SavedModel folder", () => {
  it("is known by the names in it", () => {
    const folder = temporaryFolder();
    assert.equal(isSavedModelFolder(folder), false);
    assert.equal(isSavedModelFolder(path.join(folder, "missing")), false);
    writeFile(folder, "saved_model.pbtxt", "");
    assert.equal(isSavedModelFolder(folder), true);
  });

  it("prefers the binary file, as TensorFlow does", () => {
    const folder = temporaryFolder();
    writeFile(folder, "saved_model.pbtxt", "saved_model_schema_version: 2");
    assert.equal(readSavedModel(folder).savedModel.savedModelSchemaVersion, 2n);
    writeFile(folder, "saved_model.pb", Uint8Array.of(8, 1));
    assert.equal(readSavedModel(folder).savedModel.savedModelSchemaVersion, 1n);
  });

  it("in chunks is UNIMPLEMENTED", () => {
    const folder = temporaryFolder();
    writeFile(folder, "saved_model.cpb", "");
    assert.throws(() => readSavedModel(folder), { codeName: "UNIMPLEMENTED", message: /saved_model.cpb/ });
  });

  it("with a damaged fingerprint is read without it", () => {
    const folder = temporaryFolder();
    writeFile(folder, "saved_model.pb", Uint8Array.of(8, 1));
    writeFile(folder, "fingerprint.pb", Uint8Array.of(0xff));
    assert.equal(readSavedModel(folder).fingerprint, undefined);
  });
});

describe("asset files", () => {
  for (const filename of ["../outside", "/etc/passwd", "a/../../outside", "", ".", "a\0b"]) {
    it(`named ${JSON.stringify(filename)} are refused`, () => {
      const graph = metaGraph({ assetFileDef: [{ tensorInfo: named("a:0"), filename }] });
      assert.throws(() => assetFilesOf(graph, "/models/m/1"), {
        codeName: "INVALID_ARGUMENT",
        message: /outside/,
      });
    });
  }

  it("in a folder below are found", () => {
    const graph = metaGraph({ assetFileDef: [{ tensorInfo: named("a:0"), filename: "vocab/words.txt" }] });
    assert.equal(assetFilesOf(graph, "/models/m/1").get("a:0"), "/models/m/1/assets/vocab/words.txt");
  });

  it("of a damaged collection are DATA_LOSS", () => {
    const value = { typeUrl: "type.googleapis.com/tensorflow.AssetFileDef", value: Uint8Array.of(0xff) };
    const collection = { kind: { case: "anyList" as const, value: { value: [value] } } };
    const graph = metaGraph({ collectionDef: { saved_model_assets: collection } });
    assert.throws(() => assetFilesOf(graph, "/m"), { codeName: "DATA_LOSS", message: /saved_model_assets/ });
  });

  it("in the MetaGraph come before those of the collection", () => {
    const old = toBinary(
      AssetFileDefSchema,
      create(AssetFileDefSchema, { tensorInfo: named("b:0"), filename: "b" }),
    );
    const collection = { kind: { case: "anyList" as const, value: { value: [{ value: old }] } } };
    const collectionDef = { saved_model_assets: collection };
    assert.deepEqual([...assetFilesOf(metaGraph({ collectionDef }), "/m").keys()], ["b:0"]);
    const both = metaGraph({ collectionDef, assetFileDef: [{ tensorInfo: named("a:0"), filename: "a" }] });
    assert.deepEqual([...assetFilesOf(both, "/m").keys()], ["a:0"]);
  });
});

describe("init ops", () => {
  const nodes = (...value: string[]) => ({ kind: { case: "nodeList" as const, value: { value } } });
  it("are looked for in the signature, then the main op, then the legacy collection", () => {
    const collectionDef = { saved_model_main_op: nodes("main"), legacy_init_op: nodes("legacy") };
    const signatureDef = { __saved_model_init_op: { outputs: { __saved_model_init_op: named("NoOp:0") } } };
    assert.equal(initOpOf(metaGraph({ signatureDef, collectionDef })), "NoOp");
    assert.equal(initOpOf(metaGraph({ collectionDef })), "main");
    assert.equal(initOpOf(metaGraph({ collectionDef: { legacy_init_op: nodes("legacy") } })), "legacy");
    assert.equal(initOpOf(metaGraph({})), undefined);
  });
  it("in plural are FAILED_PRECONDITION", () => {
    const graph = metaGraph({ collectionDef: { saved_model_main_op: nodes("a", "b") } });
    const message = /exactly one init op in collection saved_model_main_op, found 2/;
    assert.throws(() => initOpOf(graph), { codeName: "FAILED_PRECONDITION", message });
  });
});

describe("signatures", () => {
  const info = (dtype: number) => ({ ...named("x:0"), dtype });
  it("that cannot be called are set aside with the reason", () => {
    const graph = metaGraph({
      signatureDef: {
        good: { inputs: { x: info(1) }, outputs: { y: { ...info(7), tensorShape: { unknownRank: true } } } },
        handle: { inputs: { h: info(20) } },
        composite: { outputs: { r: { dtype: 1, encoding: { case: "compositeTensor", value: {} } } } },
        nameless: { outputs: { n: { dtype: 1 } } },
        __saved_model_init_op: { outputs: { __saved_model_init_op: named("NoOp") } },
      },
    });
    assert.deepEqual([...signaturesOf(graph).keys()], ["good"]);
    const output = signaturesOf(graph).get("good")?.outputs.get("y");
    assert.deepEqual(output, { name: "x:0", dtype: "string", shape: null });
    const reasons = [...unusableSignaturesOf(graph)].map(([name, error]) => `${name}: ${error.message}`);
    assert.deepEqual(reasons, [
      'handle: signature "handle", input "h": DT_RESOURCE is not a tensor dtype',
      'composite: signature "composite", output "r" is a composite tensor, which the serving APIs cannot express',
      'nameless: signature "nameless", output "n" names no tensor',
    ]);
  });

  it("keep default values of inputs", () => {
    const defaults = { x: { dtype: 7, stringVal: [Uint8Array.of(0x61)] } };
    const graph = metaGraph({ signatureDef: { s: { inputs: { x: info(7) }, defaults } } });
    const value = signaturesOf(graph).get("s")?.defaults.get("x");
    assert.deepEqual(value, stringTensor([], ["a"]));
  });
});
