import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { findMetaGraph, initOpOf, readSavedModel, signaturesOf } from "@servable/formats";
import { drawDigit } from "./drawn-digit.js";
import { readLayers } from "./exported-layers.js";
import { type Layers, Network } from "./network.js";
import { idxBytes, syntheticDigits } from "./testing/synthetic-digits.js";

const program = fileURLToPath(new URL("./mnist_saved_model.js", import.meta.url));
const mnist = fileURLToPath(new URL("../../../../shared/mnist", import.meta.url));
const checkedIn = fileURLToPath(new URL("../model/1", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "mnist-export-"));
after(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...args: string[]): Promise<Outcome> {
  try {
    return { status: 0, ...(await promisify(execFile)(process.execPath, [program, ...args])) };
  } catch (reason) {
    const { code, stdout, stderr } = reason as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

function digitsSeenBy(layers: Layers): number[] {
  const network = new Network(layers, 1);
  return Array.from({ length: 10 }, (_, digit) => {
    const scores = network.run(drawDigit(digit), 1);
    return scores.indexOf(Math.max(...scores));
  });
}

const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

describe("the exporter, on a small data set", () => {
  const dataDir = join(folder, "data");
  before(() => {
    const parts = { train: syntheticDigits(1000, 1), t10k: syntheticDigits(200, 2) };
    for (const [part, { count, images, labels }] of Object.entries(parts)) {
      mkdirSync(dataDir, { recursive: true });
      writeFileSync(
        join(dataDir, `${part}-images-idx3-ubyte.gz`),
        gzipSync(idxBytes([count, 28, 28], images)),
      );
      writeFileSync(join(dataDir, `${part}-labels-idx1-ubyte.gz`), gzipSync(idxBytes([count], labels)));
    }
  });

  for (const [model, iterations, version, sizes] of [
    ["softmax", 200, 1, [784, 10]],
    ["mlp", 60, 7, [784, 256, 256, 10]],
  ] as const) {
    it(`trains ${model} and writes its version folder`, async () => {
      const base = join(folder, model);
      const flags = [`--model=${model}`, `--training_iteration=${iterations}`, `--model_version=${version}`];
      const { status, stdout, stderr } = await run(...flags, `--data_dir=${dataDir}`, base);
      assert.deepEqual([status, stderr], [0, ""]);
      const exportDir = join(base, String(version));
      assert.match(stdout, new RegExp(`Exporting trained model to ${exportDir}\nDone exporting!\n$`));
      const [, accuracy] = /Test accuracy ([\d.]+) %/.exec(stdout) ?? [];
      assert.ok(Number(accuracy) >= 99, stdout);
      assert.deepEqual(digitsSeenBy(readLayers(exportDir, sizes)), DIGITS);
      checkSignatures(exportDir);
    });
  }

  it("trains on from a version exported before", async () => {
    const base = join(folder, "trained-on");
    const flags = [`--data_dir=${dataDir}`, "--training_iteration=1"];
    await run(...flags, base);
    const [first] = readLayers(join(base, "1"), [784, 10]);
    const more = [`--train_on=${join(base, "1")}`, "--model_version=2"];
    const { status, stdout } = await run(...flags, ...more, base);
    assert.equal(status, 0);
    assert.match(stdout, /Training model softmax on from .*trained-on\/1\.\.\./);
    // Gradient descent goes a step of 0.01 times the gradient of 50 examples from where it was, not from zero.
    const [second] = readLayers(join(base, "2"), [784, 10]);
    const change = second?.weights.map((value, i) => value - (first?.weights[i] ?? 0)) ?? [];
    assert.ok(change.some((value) => value !== 0));
    assert.ok(Math.max(...change.map(Math.abs)) <= 0.01 * 50);
  });

  const rejected: [situation: string, args: string[], message: RegExp][] = [
    ["without a folder", [], /^Usage: mnist_saved_model/],
    ["an unknown flag", ["--modell=mlp", "x"], /Unknown option '--modell'/],
    ["an unknown model", ["--model=cnn", "x"], /--model must be one of softmax, mlp, got "cnn"/],
    ["no iterations", ["--training_iteration=0", "x"], /positive value for --training_iteration, got "0"/],
    ["a version that is none", ["--model_version=-1", "x"], /positive value for --model_version/],
    [
      "to train on from another model",
      ["--model=mlp", `--train_on=${checkedIn}`, join(folder, "never")],
      /layers of 784, 10 units, the one to be trained 784, 256, 256, 10/,
    ],
    ["to train on from nothing", [`--train_on=${folder}/none`, join(folder, "never")], /none\/variables/],
    ["a folder in use", [`--data_dir=${dataDir}`, join(checkedIn, "..")], /already exists and isn't empty/],
  ];
  for (const [situation, args, message] of rejected) {
    it(`refuses ${situation}`, async () => {
      const { status, stderr } = await run(...args);
      assert.equal(status, 1);
      assert.match(stderr, message);
    });
  }
});

function checkSignatures(exportDir: string): void {
  const metaGraph = findMetaGraph(readSavedModel(exportDir).savedModel, ["serve"]);
  const forms = [...signaturesOf(metaGraph)].map(([name, { methodName, inputs, outputs }]) => ({
    name,
    methodName,
    inputs: [...inputs].map(([key, { dtype, shape }]) => [key, dtype, shape]),
    outputs: [...outputs].map(([key, { dtype, shape }]) => [key, dtype, shape]),
  }));
  assert.deepEqual(forms, [
    {
      name: "predict_images",
      methodName: "tensorflow/serving/predict",
      inputs: [["images", "float32", [-1, 784]]],
      outputs: [["scores", "float32", [-1, 10]]],
    },
    {
      name: "serving_default",
      methodName: "tensorflow/serving/classify",
      inputs: [["inputs", "string", [-1]]],
      outputs: [
        ["classes", "string", [-1, 10]],
        ["scores", "float32", [-1, 10]],
      ],
    },
  ]);
  assert.equal(initOpOf(metaGraph), "init_all_tables");
}

describe("the checked-in models", () => {
  for (const [version, sizes] of [
    ["model/1", [784, 10]],
    ["model-mlp/1", [784, 256, 256, 10]],
  ] as const) {
    it(`read the digits that the demo draws: ${version}`, () => {
      const exportDir = fileURLToPath(new URL(`../${version}`, import.meta.url));
      assert.deepEqual(digitsSeenBy(readLayers(exportDir, sizes)), DIGITS);
      checkSignatures(exportDir);
    });
  }
});

const skip = existsSync(mnist) ? false : "no MNIST data (../shared/mnist) beside the repository";

describe("the exporter, on MNIST", { skip }, () => {
  it("trains a softmax regression that errs on 7 to 10.5 % of the test images", async () => {
    const { stdout } = await run(`--data_dir=${mnist}`, join(folder, "mnist"));
    const [, accuracy] = /Test accuracy ([\d.]+) %/.exec(stdout) ?? [];
    assert.ok(Number(accuracy) >= 89.5 && Number(accuracy) <= 93, stdout);
  });
});
