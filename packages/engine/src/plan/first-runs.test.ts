import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { describe, it } from "node:test";
import {
  GraphBuilder,
  internal,
  predictSignatureDef,
  SavedModelBuilder,
  type Tensor,
  tensor,
} from "@servable/formats";
import { temporaryFolder } from "@servable/formats/testing/temporary-folder";
import { loadModel, type Model } from "../index.js";
import { ResourceManager } from "../runtime/resource-manager.js";
import { FirstRuns, type Slots } from "./first-runs.js";

/** y = relu(x · w + b): two columns, each the sum of four, and one more. */
function writeDense(): string {
  const graph = new GraphBuilder();
  const w = graph.variable("float32", [4, 2], { name: "w" });
  const b = graph.variable("float32", [2], { name: "b" });
  const x = graph.placeholder("float32", [-1, 4], { name: "x" });
  const sum = graph.compute("BiasAdd", [graph.compute("MatMul", [x, w.read()]), b.read()]);
  const y = graph.compute("Relu", [sum], {}, { name: "y" });
  const dir = path.join(temporaryFolder(), "1");
  const builder = new SavedModelBuilder(dir);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: { serving_default: predictSignatureDef({ x }, { y }) },
    variables: new Map<string, Tensor>([
      ["w", tensor("float32", [4, 2], new Float32Array(8).fill(1))],
      ["b", tensor("float32", [2], new Float32Array(2).fill(1))],
    ]),
  });
  builder.save();
  return dir;
}

function sums(model: Model, rows: number, value: number): number[] {
  const x = tensor("float32", [rows, 4], new Float32Array(4 * rows).fill(value));
  const y = model.run("serving_default", new Map([["x", x]])).get("y") as Tensor;
  assert.deepEqual(y.shape, [rows, 2]);
  return [...new Set(y.data as Float32Array)];
}

const isRuntimeLoaded = () =>
  Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes("onnxruntime-node"));

describe("A small group's first runs", () => {
  it("need no ONNX Runtime, which comes with a large batch though the model's files are gone", () => {
    const dir = writeDense();
    const model = loadModel(dir, { lazySessions: true });
    rmSync(dir, { recursive: true });
    assert.deepEqual(sums(model, 1, 2), [9]);
    assert.deepEqual(sums(model, 3, -2), [0]);
    assert.equal(isRuntimeLoaded(), false);
    assert.deepEqual(sums(model, 10_000, 2), [9]);
    assert.equal(isRuntimeLoaded(), true);
    assert.deepEqual(sums(model, 1, 3), [13]);
    model.close();
  });

  it("go on where ONNX Runtime refuses the group", () => {
    const refusals: unknown[] = [];
    const runner = new FirstRuns({
      steps: [{ run: (slots) => void slots.push(tensor("int32", [], Int32Array.of(7))) }],
      work: 1,
      inputs: [0],
      open: () => {
        refusals.push("refused");
        throw internal("no such operator");
      },
      within: () => assert.fail("there is no session"),
    });
    for (let run = 0; run < 100; run++) {
      const slots: Slots = [tensor("float32", [2 ** 20], new Float32Array(2 ** 20))];
      runner.run(slots, { resources: new ResourceManager() });
      assert.equal(slots.length, 2);
    }
    assert.equal(refusals.length, 1);
    runner.dispose();
  });

  it("end after a while", () => {
    const model = loadModel(writeDense(), { lazySessions: true });
    for (let run = 0; run < 100; run++) assert.deepEqual(sums(model, 1, run), [4 * run + 1]);
    model.close();
  });
});
