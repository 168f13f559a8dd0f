import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "node:test";
import { readKerasModel } from "@servable/formats";
import {
  compareTensor,
  decodeTensors,
  type GoldenCall,
  type GoldenCase,
  type GoldenTensor,
  goldenSkip,
  loadCases,
  toleranceOf,
} from "@servable/formats/testing";
import { compileKerasModel } from "./keras-model.js";

const kinds = new Set(["keras_v3", "keras_h5", "keras_json_weights"]);

function readCase(golden: GoldenCase) {
  const weights = golden.weights_path;
  return readKerasModel(
    path.join(golden.dir, golden.path),
    typeof weights === "string" ? { weights: path.join(golden.dir, weights) } : {},
  );
}

describe("models that Keras saved", { skip: goldenSkip() }, () => {
  for (const golden of loadCases(({ kind }) => kinds.has(kind))) {
    it(golden.name, () => {
      const model = readCase(golden);
      const expectedWeights = golden.weights as unknown as readonly {
        path: string;
        shape: number[];
        value: GoldenTensor;
      }[];
      assert.deepEqual(
        model.weightSpecs.map(({ shape }) => shape.join()).sort(),
        expectedWeights.map(({ shape }) => shape.join()).sort(),
      );
      const compiled = compileKerasModel(model);
      for (const call of golden.calls ?? []) checkCall(compiled, call);
      compiled.close();
    });
  }
});

function checkCall(model: ReturnType<typeof compileKerasModel>, call: GoldenCall): void {
  const outputs = model.run("serving_default", decodeTensors(call.inputs ?? {}));
  const expected = decodeTensors(call.outputs as Record<string, GoldenTensor>);
  assert.deepEqual([...outputs.keys()].sort(), [...expected.keys()].sort());
  for (const [name, value] of expected) {
    const actual = outputs.get(name);
    assert.ok(actual);
    compareTensor(actual, value, toleranceOf(call, name), name);
  }
}
