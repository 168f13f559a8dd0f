// Writes one of everything that the formats layer writes, for load_formats.py:
//
//   node conformance/formats/write-formats.mjs <folder> [golden cases]
//
//   checkpoints/<form>/       checkpoints of both formats, sliced and in shards, with expected.json
//   objects/                  an object-based checkpoint of a tree, with expected.json
//   partitioned/<cut>/        a variable in parts, with its graph and expected.json
//   models/<name>/            SavedModels: new ones, and golden ones that were loaded and written again
//   records/                  TFRecord files of Examples and SequenceExamples, with expected.json
//   state/                    a folder of checkpoints with its state file
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import {
  axisSizePartitioner,
  bytesFeature,
  bytesOf,
  Checkpoint,
  CheckpointSaver,
  dtypes,
  fixedSizePartitioner,
  floatFeature,
  GraphBuilder,
  int64Feature,
  loadSavedModel,
  makeExample,
  makeSequenceExample,
  predictSignatureDef,
  readSavedModel,
  SavedModelBuilder,
  Saver,
  stringTensor,
  tagsOf,
  tensor,
  writeTfRecordFile,
  zeros,
} from "@servable/formats";
import {
  ExampleSchema,
  SequenceExampleSchema,
} from "@servable/formats/protobuf/tensorflow/core/example/example_pb";

const [folder, golden] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: node conformance/formats/write-formats.mjs <folder> [golden cases]");
  process.exit(2);
}

function below(...names) {
  const made = path.join(folder, ...names);
  mkdirSync(path.dirname(made), { recursive: true });
  return made;
}

const base64 = (bytes) => Buffer.from(bytes).toString("base64");

function tensorJson({ dtype, shape, data }) {
  return dtype === "string"
    ? { dtype, shape, strings: data.map(base64) }
    : { dtype, shape, content: base64(bytesOf(data)) };
}

const expectedOf = (values) =>
  JSON.stringify(Object.fromEntries([...values].map(([name, value]) => [name, tensorJson(value)])));

/** A tensor of every dtype that NumPy and TensorFlow agree on, with other bytes in each. */
function tensorsOfAllTypes(skipped) {
  const shape = [5, 3];
  const values = new Map([
    [
      "words",
      stringTensor(
        shape,
        Array.from({ length: 15 }, (_, i) => "ü".repeat(i)),
      ),
    ],
  ]);
  for (const { name, size, kind } of dtypes) {
    if (
      kind === "string" ||
      kind === "quantized" ||
      /float8|float4|int[24]$/.test(name) ||
      skipped.includes(name)
    )
      continue;
    const value = zeros(name, shape);
    const bytes = bytesOf(value.data);
    for (let i = 0; i < bytes.length; i++) bytes[i] = kind === "bool" ? i % 2 : (i * 37 + size) % 120;
    values.set(`scope/${name}`, value);
  }
  return values
    .set("scalar", tensor("int64", [], BigInt64Array.of(-(2n ** 40n))))
    .set("empty", zeros("float32", [0, 2]));
}

function writeCheckpoints() {
  const notInV1 = ["bfloat16", "uint32", "uint64", "float16", "complex64", "complex128", "uint16"];
  const partitions = { "scope/float32": [2, 2], "scope/int64": [5, 1] };
  const forms = {
    v2: {},
    v2_shards: { sharded: 3 },
    v2_slices: { partitions },
    v2_slices_shards: { partitions, sharded: 2 },
    v1: { writeVersion: "V1" },
    v1_shards: { writeVersion: "V1", sharded: 2 },
  };
  for (const [form, options] of Object.entries(forms)) {
    const values = tensorsOfAllTypes(options.writeVersion === "V1" ? notInV1 : []);
    const prefix = below("checkpoints", form, "model.ckpt");
    new CheckpointSaver(options).save(values, prefix);
    writeFileSync(path.join(path.dirname(prefix), "expected.json"), expectedOf(values));
  }
}

function writeState() {
  const saver = new CheckpointSaver({ maxToKeep: 2 });
  for (const globalStep of [1, 2, 3])
    saver.save(new Map([["x", tensor("int32", [], Int32Array.of(globalStep))]]), below("state", "model"), {
      globalStep,
    });
}

function writeObjects() {
  const kernel = tensor("float32", [2, 2], Float32Array.of(1, 2, 3, 4));
  const bias = tensor("float32", [2], Float32Array.of(5, 6));
  const step = tensor("int64", [], BigInt64Array.of(7n));
  const prefix = below("objects", "ckpt");
  new Checkpoint({ step, model: { layers: [{ kernel, bias }, { kernel }], "a/b.c": bias } }).save(prefix);
}

/** A partitioned variable, its graph and its whole value, cut in as many parts as TensorFlow's partitioners say. */
function writePartitioned() {
  const shape = [7, 4];
  const value = tensor(
    "float32",
    shape,
    Float32Array.from({ length: 28 }, (_, i) => i / 2),
  );
  const cuts = {
    rows: {
      name: "fixed_size_partitioner",
      partitioner: fixedSizePartitioner(3),
      arguments: { num_shards: 3 },
    },
    columns: {
      name: "fixed_size_partitioner",
      partitioner: fixedSizePartitioner(9, -1),
      arguments: { num_shards: 9, axis: -1 },
    },
    bytes: {
      name: "variable_axis_size_partitioner",
      partitioner: axisSizePartitioner(40),
      arguments: { max_shard_bytes: 40 },
    },
    one: {
      name: "fixed_size_partitioner",
      partitioner: fixedSizePartitioner(1),
      arguments: { num_shards: 1 },
    },
  };
  for (const [cut, { name, partitioner, arguments: given }] of Object.entries(cuts)) {
    const graph = new GraphBuilder();
    const w = graph.partitionedVariable("float32", shape, { name: "w", partitioner });
    const prefix = below("partitioned", cut, "model");
    new Saver(graph, new Map([["w", value]]), { writeVersion: "V2" }).save(prefix, { writeMetaGraph: true });
    const expected = {
      value: tensorJson(value),
      partitioner: name,
      arguments: given,
      parts: w.parts.map((part) => part.shape),
      whole: w.read().name,
    };
    writeFileSync(path.join(path.dirname(prefix), "expected.json"), JSON.stringify(expected));
  }
}

/** Variables of both kinds, partitioned, with a Saver's own operations; as binary and as text. */
function writeModels() {
  for (const [name, useResource] of [
    ["resource_variables", true],
    ["reference_variables", false],
  ]) {
    const graph = new GraphBuilder();
    const x = graph.placeholder("float32", [-1, 4], { name: "x" });
    const partitioner = fixedSizePartitioner(2);
    const w = graph.partitionedVariable("float32", [4, 2], { name: "w", partitioner, useResource });
    const b = graph.variable("float32", [2], { name: "b", useResource });
    const y = graph.compute(
      "BiasAdd",
      [graph.compute("MatMul", [x, w.read()]), b.read()],
      {},
      { name: "y", device: "/device:GPU:7" },
    );
    const variables = new Map([
      ["w", tensor("float32", [4, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8))],
      ["b", tensor("float32", [2], Float32Array.of(0.5, -0.5))],
    ]);
    const saver = new Saver(graph, variables, { writeVersion: "V2" });
    const builder = new SavedModelBuilder(below("models", name));
    builder.addMetaGraphAndVariables(["serve"], {
      graph,
      signatures: { serving_default: predictSignatureDef({ x }, { y }) },
      variables,
      saver: saver.asSaverDef(),
      initOp: graph.group([], { name: "init" }),
      clearDevices: true,
      stripDefaultAttrs: true,
    });
    builder.save({ asText: !useResource });
  }
}

function writeGoldenAgain() {
  if (golden === undefined) return;
  for (const name of readdirSync(golden).sort()) {
    const file = path.join(golden, name, "case.json");
    if (!existsSync(file) || name.startsWith("broken_")) continue;
    const { kind, path: model } = JSON.parse(readFileSync(file, "utf8"));
    if (kind !== "saved_model") continue;
    const from = path.join(golden, name, model);
    const builder = new SavedModelBuilder(below("again", name));
    const loaded = readSavedModel(from).savedModel.metaGraphs.map((each) =>
      loadSavedModel(tagsOf(each), from),
    );
    for (const [i, each] of loaded.entries()) {
      if (i === 0) builder.addMetaGraphAndVariables(tagsOf(each.metaGraph), each.parts());
      else builder.addMetaGraph(tagsOf(each.metaGraph), each.parts());
    }
    builder.save({ asText: name.includes("pbtxt") });
    for (const each of loaded) each.close();
  }
}

async function writeRecords() {
  const examples = Array.from({ length: 20 }, (_, i) =>
    toBinary(
      ExampleSchema,
      makeExample({ id: int64Feature([i, -i]), name: bytesFeature([`n${i}`]), x: floatFeature([i / 2]) }),
    ),
  );
  const sequences = [3, 0, 1].map((steps, i) => {
    const words = Array.from({ length: steps }, (_, step) => bytesFeature([`w${step}`]));
    return toBinary(SequenceExampleSchema, makeSequenceExample({ id: int64Feature([i]) }, { words }));
  });
  for (const compression of ["none", "gzip", "zlib"]) {
    await writeTfRecordFile(below("records", `examples.${compression}`), examples, compression);
    await writeTfRecordFile(below("records", `sequences.${compression}`), sequences, compression);
  }
}

writeCheckpoints();
writeState();
writeObjects();
writePartitioned();
writeModels();
writeGoldenAgain();
await writeRecords();
