import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { TrackableObjectGraphSchema } from "../protobuf/gen/tensorflow/core/protobuf/trackable_object_graph_pb.js";
import { Code } from "../status.js";
import { stringTensor, type Tensor, tensor } from "../tensor.js";
import { compareTensor, decodeTensors, goldenSkip, loadCase } from "../testing/golden.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { Checkpoint } from "./checkpoint.js";
import { CheckpointSaver } from "./checkpoint-saver.js";
import { OBJECT_GRAPH_KEY, ObjectCheckpoint } from "./object-graph.js";

const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));
const long = (value: bigint) => tensor("int64", [], BigInt64Array.of(value));

describe("an object-based checkpoint of TensorFlow", { skip: goldenSkip() }, () => {
  const golden = goldenSkip() ? undefined : loadCase("ckpt_object");
  const prefix = golden === undefined ? "" : path.join(golden.dir, golden.path);

  it("has its objects by name, shared ones by all their names", () => {
    const checkpoint = ObjectCheckpoint.open(prefix);
    const { root } = checkpoint;
    assert.deepEqual([...root.children.keys()], ["model", "step", "save_counter"]);
    assert.equal(root.at("model/alias"), root.at("model/w"));
    assert.deepEqual([...root.at("model/layers").children.keys()], ["0", "1"]);
    assert.equal(root.at("model/named/a.Sb..c").has(), true);
    assert.deepEqual(root.at("model/table").attributes.get("table"), {
      key: "model/table/.ATTRIBUTES/table",
      fullName: "",
    });
    checkpoint.close();
  });

  it("gives the values of all its variables", () => {
    const checkpoint = ObjectCheckpoint.open(prefix);
    const expected = decodeTensors(golden?.variables ?? {});
    const variables = checkpoint.variables();
    assert.ok(variables.size >= 8);
    for (const object of variables.values()) {
      const key = object.attributes.get("VARIABLE_VALUE")?.key as string;
      const value = expected.get(key);
      if (value !== undefined) compareTensor(object.read(), value, {}, key);
    }
    checkpoint.close();
  });

  it("is restored into a tree of the same names", () => {
    const expected = decodeTensors(golden?.variables ?? {});
    const w = expected.get("model/w/.ATTRIBUTES/VARIABLE_VALUE") as Tensor;
    const zeroed = { model: { alias: tensor("float32", w.shape, new Float32Array(w.data.length)) } };
    const checkpoint = new Checkpoint(zeroed);
    assert.deepEqual(checkpoint.restore(prefix).model.alias, w);
    assert.equal(checkpoint.saveCounter, 1n);
  });

  it("is read like that when Keras wrote it, optimizer and all", () => {
    const keras = loadCase("keras2_weights_ckpt");
    const checkpoint = ObjectCheckpoint.open(path.join(keras.dir, keras.path));
    const expected = [...decodeTensors(keras.variables ?? {}).keys()].filter((key) =>
      key.endsWith("VARIABLE_VALUE"),
    );
    const keys = [...checkpoint.variables().values()].map(
      (each) => each.attributes.get("VARIABLE_VALUE")?.key,
    );
    assert.deepEqual(
      expected.filter((key) => !keys.includes(key)),
      [],
    );
    checkpoint.close();
  });
});

describe("a tree that is saved", () => {
  const shared = floats(9);
  const tree = {
    step: long(3n),
    model: { kernel: floats(1, 2), layers: [{ b: shared }, { b: shared }], "a/b.c": floats(4) },
  };

  it("comes back, what occurs twice once", () => {
    const folder = temporaryFolder();
    const prefix = new Checkpoint(tree).save(path.join(folder, "ckpt"));
    assert.equal(path.basename(prefix), "ckpt-1");
    const restored = new Checkpoint(tree).restore(prefix);
    assert.deepEqual(restored, tree);
    assert.equal(restored.model.layers[0]?.b, restored.model.layers[1]?.b);
    const stored = ObjectCheckpoint.open(prefix);
    assert.deepEqual(stored.reader.names(), [
      OBJECT_GRAPH_KEY,
      "model/a.Sb..c/.ATTRIBUTES/VARIABLE_VALUE",
      "model/kernel/.ATTRIBUTES/VARIABLE_VALUE",
      "model/layers/0/b/.ATTRIBUTES/VARIABLE_VALUE",
      "save_counter/.ATTRIBUTES/VARIABLE_VALUE",
      "step/.ATTRIBUTES/VARIABLE_VALUE",
    ]);
    stored.close();
  });

  it("is numbered, on from what was restored", () => {
    const folder = temporaryFolder();
    const checkpoint = new Checkpoint(tree, { maxToKeep: 2 });
    for (let i = 0; i < 3; i++) checkpoint.save(path.join(folder, "ckpt"));
    const steps = readdirSync(folder).filter((name) => name.endsWith(".index"));
    assert.deepEqual(steps.sort(), ["ckpt-2.index", "ckpt-3.index"]);
    const next = new Checkpoint(tree);
    next.restore(path.join(folder, "ckpt-3"));
    assert.equal(path.basename(next.save(path.join(folder, "ckpt"))), "ckpt-4");
  });

  it("is restored in part when asked to, else all that is missing is named", () => {
    const prefix = new Checkpoint(tree).save(path.join(temporaryFolder(), "ckpt"));
    const more = { ...tree, extra: { x: floats(5), y: floats(6) } };
    assert.throws(() => new Checkpoint(more).restore(prefix), {
      code: Code.NOT_FOUND,
      message: /has no "extra\/x", "extra\/y"/,
    });
    assert.deepEqual(new Checkpoint(more).restore(prefix, { partial: true }), more);
  });

  it("must have the dtypes and shapes of the checkpoint", () => {
    const prefix = new Checkpoint(tree).save(path.join(temporaryFolder(), "ckpt"));
    const other = { step: floats(1), model: { kernel: floats(1, 2, 3) } };
    assert.throws(() => new Checkpoint(other).restore(prefix), {
      code: Code.INVALID_ARGUMENT,
      message:
        /"step" must be float32 of shape \[1\], got int64 of shape \[\]; "model\/kernel" must be .*\[3\], got .*\[2\]/,
    });
  });
});

describe("an object graph that can't be followed", () => {
  function withGraph(bytes: Uint8Array): string {
    const values = new Map<string, Tensor>([[OBJECT_GRAPH_KEY, stringTensor([], [bytes])]]);
    return new CheckpointSaver().save(values, path.join(temporaryFolder(), "model"));
  }
  const reference = create(TrackableObjectGraphSchema, {
    nodes: [{ children: [{ nodeId: 7, localName: "x" }] }],
  });
  const cases: [situation: string, bytes: Uint8Array, message: RegExp][] = [
    ["no objects", new Uint8Array(0), /refers to object 0 of 0/],
    ["a child that is not there", toBinary(TrackableObjectGraphSchema, reference), /refers to object 7 of 1/],
    ["bytes that are no graph", Uint8Array.of(0xff, 0xff), /is no tensorflow.TrackableObjectGraph/],
  ];
  for (const [situation, bytes, message] of cases) {
    it(`is DATA_LOSS: ${situation}`, () => {
      assert.throws(() => ObjectCheckpoint.open(withGraph(bytes)), { code: Code.DATA_LOSS, message });
    });
  }

  it("is FAILED_PRECONDITION where there is none", () => {
    const prefix = new CheckpointSaver().save(
      new Map([["x", floats(1)]]),
      path.join(temporaryFolder(), "model"),
    );
    assert.throws(() => ObjectCheckpoint.open(prefix), { code: Code.FAILED_PRECONDITION });
  });
});
