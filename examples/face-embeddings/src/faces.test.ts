import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { connect } from "@servable/client";
import { loadModel } from "@servable/engine";
import { type ModelServer, startModelServer } from "@servable/example-kit/testing/model-server";
import {
  Code,
  convertVariablesToConstants,
  createCheckpoint,
  findMetaGraph,
  openCheckpoint,
  readSavedModel,
  Saver,
  StatusError,
  type Tensor,
  tensor,
  variablesPrefix,
  writeGraphDef,
} from "@servable/formats";
import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { compareTensor, decodeTensors, goldenSkip, loadCase, toleranceOf } from "@servable/formats/testing";
import { type ChosenSignature, convertCheckpoint, convertFrozenGraph } from "./convert-model.js";
import { drawFace } from "./drawn-face.js";
import { faceDistance } from "./face-distance.js";
import { buildFaceNetwork, type NetworkName, tensorNames } from "./face-network.js";

const folder = mkdtempSync(path.join(tmpdir(), "faces-"));
after(() => rmSync(folder, { recursive: true }));

const { images, isTraining, embeddings } = tensorNames;
const signature: ChosenSignature = {
  name: "serving_default",
  inputs: { images, is_training: isTraining },
  outputs: { scores: embeddings },
};

/** A network as a checkpoint with its graph; its prefix. */
function checkpoint(name: NetworkName, file: string): string {
  const { graph, values } = buildFaceNetwork(name);
  return new Saver(graph, values, { writeVersion: "V2" }).save(path.join(folder, file), {
    writeMetaGraph: true,
  });
}

function frozen(name: NetworkName, file: string): string {
  const { graph, values } = buildFaceNetwork(name);
  const pb = path.join(folder, file);
  writeGraphDef(pb, convertVariablesToConstants(graph.toGraphDef(), values, [embeddings]));
  return pb;
}

describe("a converted network", () => {
  const base = path.join(folder, "served");
  let server: ModelServer;
  before(async () => {
    convertCheckpoint(checkpoint("first", "first.ckpt"), signature, path.join(base, "1"));
    convertFrozenGraph(frozen("second", "second.pb"), signature, path.join(base, "2"));
    const config = path.join(folder, "models.config");
    writeFileSync(
      config,
      `model_config_list { config { name: "faces" base_path: "${base}" model_platform: "tensorflow"
        model_version_policy { all {} } } }`,
    );
    server = await startModelServer([`--model_config_file=${config}`], ["faces"]);
  });
  after(() => server?.stop());

  it("puts the same photograph at distance 0", async () => {
    const client = connect({ grpc: server.address });
    const { distance, version } = await faceDistance(client, "faces", [drawFace(1, 1), drawFace(1, 1)]);
    assert.equal(distance, 0);
    assert.equal(version, 2n);
    client.close();
  });

  it("refuses what is no photograph", async () => {
    const client = connect({ grpc: server.address });
    const call = faceDistance(client, "faces", [drawFace(1, 1), Buffer.from("no photograph")]);
    await assert.rejects(call, { code: Code.INVALID_ARGUMENT });
    client.close();
  });

  it("is better in its second version: one person in any light is nearer than two persons", async () => {
    const client = connect({ grpc: server.address });
    const people = [1, 2, 3];
    const distances = async (pairs: [Uint8Array, Uint8Array][]) => {
      const found: number[] = [];
      for (const pair of pairs) found.push((await faceDistance(client, "faces", pair)).distance);
      return found;
    };
    const same = await distances(people.map((person) => [drawFace(person, 1), drawFace(person, 0.6)]));
    const other = await distances(people.map((person) => [drawFace(person, 1), drawFace(person + 1, 1)]));
    assert.ok(Math.max(...same) < 0.5 * Math.min(...other), `${same} and ${other}`);
    client.close();
  });

  it("gives the same from a checkpoint as from a frozen graph", () => {
    const [fromCheckpoint, fromGraph] = [path.join(folder, "a", "1"), path.join(folder, "b", "1")];
    convertCheckpoint(checkpoint("second", "again.ckpt"), signature, fromCheckpoint);
    convertFrozenGraph(frozen("second", "again.pb"), signature, fromGraph);
    const answers = [fromCheckpoint, fromGraph].map((dir) => {
      const model = loadModel(dir);
      const faces = tensor("float32", [1, 160, 160, 3], new Float32Array(160 * 160 * 3).fill(0.3));
      const off = tensor("bool", [], Uint8Array.of(0));
      const scores = model.run(
        "serving_default",
        new Map<string, Tensor>([
          ["images", faces],
          ["is_training", off],
        ]),
      );
      model.close();
      return scores.get("scores");
    });
    assert.deepEqual(answers[0], answers[1]);
  });
});

describe("what TensorFlow trained", () => {
  it("is converted, V1 conditionals and all: facenet_v1", { skip: goldenSkip() }, () => {
    const golden = loadCase("facenet_v1");
    const dir = path.join(golden.dir, golden.path);
    const metaGraph = findMetaGraph(readSavedModel(dir).savedModel, ["serve"]);
    const prefix = path.join(folder, "facenet.ckpt");
    const source = openCheckpoint(variablesPrefix(dir));
    const writer = createCheckpoint(prefix);
    for (const name of source.names()) writer.add(name, source.read(name));
    writer.finish();
    source.close();
    writeFileSync(`${prefix}.meta`, toBinary(MetaGraphDefSchema, create(MetaGraphDefSchema, metaGraph)));
    const chosen = {
      name: "serving_default",
      inputs: { images: "images:0", is_training: "is_training:0" },
      outputs: { scores: "InceptionResnet/embeddings:0" },
    };
    const versionDir = path.join(folder, "facenet", "1");
    convertCheckpoint(prefix, chosen, versionDir);
    const model = loadModel(versionDir);
    const calls = (golden.calls ?? []).filter(
      ({ signature: name, check }) => name === "serving_default" && !check,
    );
    assert.ok(calls.length > 0);
    for (const call of calls) {
      const outputs = model.run("serving_default", decodeTensors(call.inputs ?? {}));
      const expected = decodeTensors(call.outputs as Parameters<typeof decodeTensors>[0]);
      for (const [name, value] of expected) {
        compareTensor(outputs.get(name) as typeof value, value, toleranceOf(call, name));
      }
    }
    model.close();
  });
});

describe("a conversion", () => {
  const failures: [situation: string, convert: (dir: string) => void, code: Code, message: RegExp][] = [
    [
      "of a checkpoint without its graph",
      (dir) => convertCheckpoint(path.join(folder, "none.ckpt"), signature, dir),
      Code.NOT_FOUND,
      /There is no .*none\.ckpt\.meta: a checkpoint alone has weights and no graph/,
    ],
    [
      "with tensors that the graph lacks, all of which it names",
      (dir) => {
        const wrong = { ...signature, inputs: { images: "image:0" }, outputs: { scores: "scores:0" } };
        convertFrozenGraph(frozen("first", "wrong.pb"), wrong, dir);
      },
      Code.INVALID_ARGUMENT,
      /"images" is to be "image:0", which is no tensor of the graph; "scores" is to be "scores:0"/,
    ],
    [
      "of a graph that is not there",
      (dir) => convertFrozenGraph(path.join(folder, "none.pb"), signature, dir),
      Code.NOT_FOUND,
      /none\.pb/,
    ],
  ];
  for (const [situation, convert, code, message] of failures) {
    it(`fails ${situation}`, () => {
      assert.throws(
        () => convert(path.join(folder, "failed", "1")),
        (error) => error instanceof StatusError && error.code === code && message.test(error.message),
      );
    });
  }
});
