import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
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
import path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { loadModel } from "@servable/engine";
import { KerasModel, type Tensor, tensor, writeKerasArchive } from "@servable/formats";

const program = fileURLToPath(new URL("./main.js", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "servable-convert-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const place = (name: string) => path.join(folder, name);

function convert(...args: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "convert", ...args], {
    encoding: "utf8",
    cwd: folder,
  });
  return { status, text: stdout + stderr };
}

/** y = 2 x */
function doubling(): KerasModel {
  const config = { name: "y", units: 1, use_bias: false, activation: "linear", batch_input_shape: [null, 1] };
  const architecture = {
    class_name: "Sequential",
    config: { name: "double", layers: [{ class_name: "Dense", config }] },
  };
  const model = new KerasModel({ architecture, kerasMajor: 2, what: "double" });
  model.setWeights(new Map([["layers/dense/kernel", tensor("float32", [1, 1], Float32Array.of(2))]]));
  return model;
}

/** What a model answers for 3. */
function answer(model: string): number[] {
  const loaded = loadModel(model);
  const [input] = [...(loaded.signatures.get("serving_default")?.inputs.keys() ?? [])];
  const x = tensor("float32", [1, 1], Float32Array.of(3)) as Tensor;
  const [output] = [...loaded.run("serving_default", new Map([[input as string, x]])).values()];
  loaded.close();
  return Array.from((output as Tensor).data as Float32Array);
}

writeKerasArchive(doubling(), place("double.keras"));

describe("servable convert", () => {
  const steps: readonly (readonly [from: string, to: string, ...options: string[]])[] = [
    ["double.keras", "1"],
    ["double.keras", "double.h5"],
    ["double.keras", "double.json"],
    ["double.keras", "double.yaml"],
    ["double.keras", "double.weights.h5"],
    ["double.yaml", "again.h5", "--weights", "double.weights.h5"],
    ["1", "double.pb"],
    ["double.pb", "2"],
    ["double.h5", "double.onnx"],
  ];
  for (const [from, to, ...options] of steps) {
    it(`makes ${to} of ${from}`, () => {
      const { status, text } = convert(from, to, ...options);
      assert.equal(status, 0, text);
      assert.match(text, /^Reading .*\nWriting .*\nDone: [\d.]+ (bytes|kB) \([\d.]+ s\)\n$/);
      if (/\.(json|yaml|weights\.h5)$/.test(to)) assert.ok(existsSync(place(to)));
      else assert.deepEqual(answer(place(to)), [6]);
    });
  }

  it("copies the variables of a SavedModel into a checkpoint", () => {
    assert.equal(convert("1", "double.ckpt").status, 0);
    assert.ok(existsSync(place("double.ckpt.index")));
    assert.match(convert("double.ckpt", "old", "--checkpoint_version", "V1").text, /\n1 tensors/);
  });

  it("replaces nothing without --force", () => {
    const before = readFileSync(place("double.h5"));
    const { status, text } = convert("double.keras", "double.h5");
    assert.equal(status, 1);
    assert.match(text, /ALREADY_EXISTS: double\.h5 exists already: give --force to replace it/);
    assert.deepEqual(readFileSync(place("double.h5")), before);
    assert.equal(convert("double.keras", "double.h5", "--force").status, 0);
    assert.equal(convert("double.keras", "1", "--force").status, 0);
    assert.deepEqual(answer(place("1")), [6]);
  });

  it("never replaces a folder that has other things in it", () => {
    mkdirSync(place("photos"));
    writeFileSync(place("photos/cat.jpg"), "cat");
    const { status, text } = convert("double.keras", "photos", "--force");
    assert.equal(status, 1);
    assert.match(text, /photos is a folder with other things in it/);
    assert.deepEqual(readdirSync(place("photos")), ["cat.jpg"]);
  });

  const refused: readonly (readonly [string, string[], number, RegExp])[] = [
    ["a path with nothing", ["nothing", "x"], 1, /NOT_FOUND: nothing does not exist/],
    [
      "a way that does not exist",
      ["1", "x.keras"],
      1,
      /FAILED_PRECONDITION: 1 is a SavedModel, which can't become a Keras/,
    ],
    ["one path", ["double.keras"], 2, /give FROM and TO/],
    ["three paths", ["a", "b", "c"], 2, /FROM TO, got a, b, c/],
    [
      "an unknown kind",
      ["double.keras", "x", "--to", "pickle"],
      2,
      /--to pickle is none of savedmodel, keras/,
    ],
  ];
  for (const [what, args, status, message] of refused) {
    it(`refuses ${what}`, () => {
      const found = convert(...args);
      assert.equal(found.status, status, found.text);
      assert.match(found.text, message);
    });
  }
});
