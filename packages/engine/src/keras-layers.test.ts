import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  readKerasModel,
  type Tensor,
  writeKerasArchive,
  writeKerasHdf5,
  writeKerasSavedModel,
} from "@servable/formats";
import { compareTensor, decodeTensors, type GoldenTensor } from "@servable/formats/testing";
import { compileKerasModel } from "./keras-model.js";
import { loadSavedModel, type Model } from "./model.js";
import { loadModel } from "./model-folder.js";

/** Recorded by conformance/keras: fixtures.py and tfjs.mjs. */
const folder = fileURLToPath(new URL("../src/fixtures/keras", import.meta.url));

interface KerasCase {
  readonly isDict: boolean;
  readonly calls: readonly {
    readonly inputs: Readonly<Record<string, GoldenTensor>>;
    readonly outputs: Readonly<Record<string, GoldenTensor>>;
    readonly rtol: number;
    readonly atol: number;
  }[];
}

const cases: Readonly<Record<string, KerasCase>> = JSON.parse(
  readFileSync(path.join(folder, "cases.json"), "utf8"),
);
const tfjsCases = ["dense", "cnn", "rnn", "functional"];

const temporary = mkdtempSync(path.join(tmpdir(), "servable-keras-"));
after(() => rmSync(temporary, { recursive: true, force: true }));

/** Inputs and outputs correspond by their order, but for outputs that are a record. */
function check(model: Model, { isDict, calls }: KerasCase): void {
  const names = [...(model.signatures.get("serving_default")?.inputs.keys() ?? [])];
  for (const call of calls) {
    const values = [...decodeTensors(call.inputs).values()];
    const inputs = new Map(names.map((name, i) => [name, values[i] as Tensor]));
    const outputs = model.run("serving_default", inputs);
    const byPlace = new Map([...outputs.values()].map((value, i) => [String(i), value]));
    const actual = isDict ? outputs : byPlace;
    for (const [name, expected] of decodeTensors(call.outputs)) {
      const value = actual.get(name);
      assert.ok(value !== undefined, `output ${name}`);
      compareTensor(value, expected, call, name);
    }
  }
  model.close();
}

describe("a layer of Keras", () => {
  for (const [name, recorded] of Object.entries(cases)) {
    it(`${name} gives Keras's outputs`, () => {
      check(compileKerasModel(readKerasModel(path.join(folder, `${name}.keras`))), recorded);
    });
  }
});

describe("a model that was trained with TensorFlow.js", () => {
  for (const name of tfjsCases) {
    it(`${name} gives TensorFlow.js's outputs`, () => {
      const dir = path.join(folder, `tfjs-${name}`);
      const recorded = JSON.parse(readFileSync(path.join(dir, "case.json"), "utf8"));
      check(loadModel(dir), { isDict: false, ...recorded });
    });
  }
});

describe("a model that was written anew", () => {
  const chosen = [
    "keras3_bidirectional_mask",
    "keras3_nested_frozen",
    "keras3_spectral_norm",
    "keras3_string_lookup",
    "keras3_mha_cross",
    "keras2_rnn_cells",
    "keras2_nested",
  ].filter((name) => name in cases);
  for (const name of chosen) {
    const recorded = cases[name] as KerasCase;
    const original = () => readKerasModel(path.join(folder, `${name}.keras`));
    it(`${name} is the same from an archive`, () => {
      const file = path.join(temporary, `${name}.keras`);
      writeKerasArchive(original(), file);
      check(compileKerasModel(readKerasModel(file)), recorded);
    });
    it(`${name} is the same from HDF5`, () => {
      const file = path.join(temporary, `${name}.h5`);
      writeKerasHdf5(original(), file);
      check(compileKerasModel(readKerasModel(file)), recorded);
    });
    it(`${name} is the same as a SavedModel`, () => {
      const dir = path.join(temporary, name, "1");
      writeKerasSavedModel(original(), dir);
      check(loadSavedModel(dir), recorded);
    });
  }
});

describe("a version's folder", () => {
  it("may hold a Keras archive", () => {
    const dir = path.join(temporary, "archive", "1");
    mkdirSync(dir, { recursive: true });
    copyFileSync(path.join(folder, "keras3_dense.keras"), path.join(dir, "model.keras"));
    assert.ok(existsSync(path.join(dir, "model.keras")));
    check(loadModel(dir), cases.keras3_dense as KerasCase);
  });
  it("may hold a Keras model in HDF5", () => {
    const dir = path.join(temporary, "hdf5", "1");
    mkdirSync(dir, { recursive: true });
    writeKerasHdf5(readKerasModel(path.join(folder, "keras3_dense.keras")), path.join(dir, "model.h5"));
    check(loadModel(dir), cases.keras3_dense as KerasCase);
  });
});
