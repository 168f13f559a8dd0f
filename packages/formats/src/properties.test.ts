/** What is written comes back, whatever it is: random dtypes, shapes, names and slices, the same ones on every run. */
import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "node:test";
import { toBinary } from "@bufbuild/protobuf";
import { CheckpointSaver } from "./checkpoint/checkpoint-saver.js";
import { createCheckpoint } from "./checkpoint/checkpoint-writer.js";
import { copyTensors } from "./checkpoint/copy.js";
import { openCheckpoint } from "./checkpoint/open.js";
import {
  cutSlice,
  parseShapeAndSlice,
  shapeAndSliceText,
  sliceFromProto,
  sliceToProto,
} from "./checkpoint/tensor-slice.js";
import type { DType } from "./dtype.js";
import { bytesFeature, floatFeature, int64Feature, makeExample } from "./example.js";
import { readExample } from "./example-wire.js";
import { GraphBuilder } from "./graph-builder/graph-builder.js";
import { ExampleSchema } from "./protobuf/gen/tensorflow/core/example/example_pb.js";
import { type GraphDef, GraphDefSchema } from "./protobuf/gen/tensorflow/core/framework/graph_pb.js";
import { orderedBytes } from "./protobuf/ordered.js";
import { predictSignatureDef } from "./saved-model/build-signature-def.js";
import { SavedModelBuilder } from "./saved-model/builder.js";
import { loadSavedModel } from "./saved-model/loader.js";
import { bytesOf, type Tensor } from "./tensor.js";
import { tensorFromProto, tensorToProto } from "./tensor-proto.js";
import { Arbitrary } from "./testing/arbitrary.js";
import { temporaryFolder } from "./testing/temporary-folder.js";
import { parseText } from "./text-proto/parser.js";
import { printText } from "./text-proto/printer.js";
import { readTfRecordFile, readTfRecords, writeTfRecordFile } from "./tfrecord.js";

const SEEDS = Array.from({ length: 25 }, (_, seed) => seed + 1);
/** What the first format can hold (TensorSliceWriter::MaxBytesPerElement). */
const V1_DTYPES: readonly DType[] = [
  "float32",
  "float64",
  "int64",
  "int32",
  "uint8",
  "int8",
  "int16",
  "bool",
  "string",
  "qint8",
  "quint8",
  "qint32",
];

/** Compares bytes, for NaN is not equal to itself. */
function assertSame(actual: Tensor, expected: Tensor, what: string): void {
  assert.deepEqual([actual.dtype, actual.shape], [expected.dtype, expected.shape], what);
  if (actual.dtype === "string" || expected.dtype === "string")
    assert.deepEqual(actual.data, expected.data, what);
  else assert.ok(Buffer.from(bytesOf(actual.data)).equals(Buffer.from(bytesOf(expected.data))), what);
}

function randomTensors(any: Arbitrary, allowed?: readonly DType[]): Map<string, Tensor> {
  return new Map(
    any.names(1 + any.natural(12)).map((name) => [name, any.tensor(any.dtype(allowed), any.shape())]),
  );
}

describe("checkpoints of random tensors", () => {
  for (const writeVersion of ["V1", "V2"] as const) {
    for (const seed of SEEDS) {
      it(`come back whole and in parts: ${writeVersion}, seed ${seed}`, () => {
        const any = new Arbitrary(seed);
        const values = randomTensors(any, writeVersion === "V1" ? V1_DTYPES : undefined);
        const cut = [...values].filter(([, { shape }]) => any.isCuttable(shape) && any.natural(2) === 0);
        const partitions = Object.fromEntries(cut.map(([name, { shape }]) => [name, any.parts(shape)]));
        const sharded = any.natural(2) === 0 ? 1 + any.natural(4) : false;
        const saver = new CheckpointSaver({ writeVersion, partitions, sharded });
        const prefix = saver.save(values, path.join(temporaryFolder(), "model"));
        const reader = openCheckpoint(prefix);
        assert.deepEqual(new Set(reader.names()), new Set(values.keys()));
        for (const [name, value] of values) {
          assertSame(reader.read(name), value, name);
          reader.verify(name);
          const slice = any.slice(value.shape);
          assertSame(reader.readSlice(name, slice), cutSlice(value, slice), `a slice of ${name}`);
        }
        const copy = path.join(temporaryFolder(), "copy");
        const writer = createCheckpoint(copy, { version: writeVersion, shards: 1 + any.natural(3) });
        copyTensors(reader, writer);
        writer.finish();
        const copied = openCheckpoint(copy);
        for (const [name, value] of values) assertSame(copied.read(name), value, `the copy of ${name}`);
        copied.close();
        reader.close();
      });
    }
  }
});

describe("random tensors and slices", () => {
  it("survive their messages and texts", () => {
    for (const seed of SEEDS) {
      const any = new Arbitrary(seed);
      const shape = any.shape();
      const slice = any.slice(shape);
      assert.deepEqual(sliceFromProto(sliceToProto(slice)), slice);
      if (shape.length > 0) {
        assert.deepEqual(parseShapeAndSlice(shapeAndSliceText(shape, slice)), { shape, slice });
      }
      for (const asContent of [false, true]) {
        const value = any.tensor(any.dtype(), shape);
        assertSame(
          tensorFromProto(tensorToProto(value, { asContent }), "x"),
          value,
          `${value.dtype} ${asContent}`,
        );
      }
    }
  });
});

describe("SavedModels of random variables", () => {
  for (const seed of SEEDS.slice(0, 8)) {
    it(`come back, as a graph and as text: seed ${seed}`, () => {
      const any = new Arbitrary(seed);
      const graph = new GraphBuilder();
      const variables = new Map<string, Tensor>();
      for (let i = 0; i < 6; i++) {
        const value = any.tensor(
          any.dtype(["float32", "int64", "string", "bool", "float16", "complex64"]),
          any.shape(),
        );
        const { name } = graph.variable(value.dtype, value.shape, {
          name: `v${i}`,
          useResource: any.natural(2) === 0,
        });
        variables.set(name, value);
      }
      const x = graph.placeholder("float32", any.shape(), { name: "x" });
      const dir = path.join(temporaryFolder(), "1");
      const builder = new SavedModelBuilder(dir);
      const signatures = { serving_default: predictSignatureDef({ x }, { y: graph.compute("Neg", [x]) }) };
      builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables });
      builder.save({ asText: any.natural(2) === 0 });
      const loaded = loadSavedModel(["serve"], dir);
      const bytesOfGraph = (def: GraphDef) => Buffer.from(toBinary(GraphDefSchema, def));
      assert.ok(loaded.metaGraph.graphDef);
      assert.ok(bytesOfGraph(loaded.graph.toGraphDef()).equals(bytesOfGraph(loaded.metaGraph.graphDef)));
      assert.deepEqual(
        loaded.graph.variables.map(({ name, isResource }) => [name, isResource]),
        graph.variables.map(({ name, isResource }) => [name, isResource]),
      );
      for (const [name, value] of variables) assertSame(loaded.variables?.read(name) as Tensor, value, name);
      loaded.close();
      const graphDef = graph.toGraphDef();
      const text = printText(GraphDefSchema, graphDef);
      assert.deepEqual(
        orderedBytes(GraphDefSchema, parseText(GraphDefSchema, text)),
        orderedBytes(GraphDefSchema, graphDef),
      );
    });
  }
});

describe("TFRecord files of random records", () => {
  for (const compression of ["none", "gzip", "zlib"] as const) {
    it(`come back: ${compression}`, async () => {
      for (const seed of SEEDS.slice(0, 8)) {
        const any = new Arbitrary(seed);
        const records = Array.from({ length: any.natural(20) }, () => any.bytes(any.natural(3000)));
        const file = path.join(temporaryFolder(), "records");
        await writeTfRecordFile(file, records, compression);
        const read: Uint8Array[] = [];
        for await (const record of readTfRecordFile(file)) read.push(Uint8Array.from(record));
        assert.deepEqual(read, records);
      }
    });
  }

  it("hold random examples", () => {
    for (const seed of SEEDS) {
      const any = new Arbitrary(seed);
      const ids = Array.from({ length: any.natural(5) }, () => BigInt(any.natural(2 ** 31)) ** 2n);
      const weights = Array.from({ length: any.natural(5) }, () => Math.fround(any.natural(1000) / 7));
      const names = Array.from({ length: any.natural(5) }, () => any.bytes(any.natural(9)));
      const example = makeExample({
        ids: int64Feature(ids),
        w: floatFeature(weights),
        n: bytesFeature(names),
      });
      const features = readExample(toBinary(ExampleSchema, example));
      assert.deepEqual(features.get("ids")?.values, BigInt64Array.from(ids));
      assert.deepEqual(features.get("w")?.values, Float32Array.from(weights));
      assert.deepEqual(features.get("n")?.values.length, names.length);
    }
    assert.deepEqual([...readTfRecords(new Uint8Array(0))], []);
  });
});
