import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { loadModel, type Model } from "@servable/engine";
import { Code, GraphBuilder, openCheckpoint, stringTensor, tensor } from "@servable/formats";
import { decodeTensor, goldenSkip, loadCase, sharedFolder } from "@servable/formats/testing";
import { drawJpeg } from "./drawn-picture.js";
import { exportSavedModel, exportSessionBundle, TOP } from "./export-inception.js";
import { addInceptionV3, IMAGE_SIZE } from "./inception-v3.js";
import { smallInput, smallNetwork, testFolder } from "./testing/small-inception.js";
import { readTrainedVariables } from "./training-checkpoint.js";

const folder = testFolder();
const inputs = { V1: smallInput(folder, "V1"), V2: smallInput(folder, "V2") };
const pictures = stringTensor([2], [drawJpeg(320, 200, 1), drawJpeg(299, 299, 2)]);

interface Answer {
  readonly classes: string[];
  readonly scores: number[];
}

/** What a model says about the pictures. */
function answerOf(model: Model): Answer {
  const [name = ""] =
    [...model.signatures].find(([, { inputs, outputs }]) => inputs.has("images") && outputs.has("classes")) ??
    [];
  const outputs = model.run(name, new Map([["images", pictures]]));
  const classes = outputs.get("classes");
  const scores = outputs.get("scores");
  assert.ok(classes?.dtype === "string" && scores !== undefined);
  assert.deepEqual(
    [classes.shape, scores.shape],
    [
      [2, TOP],
      [2, TOP],
    ],
  );
  const decoder = new TextDecoder();
  return {
    classes: classes.data.map((each) => decoder.decode(each)),
    scores: Array.from(scores.data, Number),
  };
}

describe("the network", () => {
  const graph = new GraphBuilder();
  const images = graph.placeholder("float32", [-1, IMAGE_SIZE, IMAGE_SIZE, 3]);
  const logits = addInceptionV3(graph, images);
  const shapes = new Map(graph.variables.map(({ name, shape }) => [name, shape]));

  it("has the variables of the model published in 2016", () => {
    assert.equal(shapes.size, 94 * 4 + 2);
    const expected: Record<string, number[]> = {
      "conv0/weights": [3, 3, 3, 32],
      "conv0/BatchNorm/beta": [32],
      "conv4/BatchNorm/moving_variance": [192],
      "mixed_35x35x256a/branch3x3dbl/Conv_2/weights": [3, 3, 96, 96],
      "mixed_35x35x288b/branch_pool/Conv/weights": [1, 1, 288, 64],
      "mixed_17x17x768a/branch3x3/Conv/weights": [3, 3, 288, 384],
      "mixed_17x17x768c/branch7x7dbl/Conv_4/weights": [1, 7, 160, 192],
      "mixed_17x17x1280a/branch7x7x3/Conv_3/weights": [3, 3, 192, 192],
      "mixed_8x8x2048a/branch3x3/Conv_2/weights": [3, 1, 384, 384],
      "mixed_8x8x2048b/branch3x3dbl/Conv_3/BatchNorm/moving_mean": [384],
      "logits/logits/weights": [2048, 1001],
      "logits/logits/biases": [1001],
    };
    for (const [name, shape] of Object.entries(expected)) assert.deepEqual(shapes.get(name), shape, name);
  });

  it("gives 1001 logits", () => assert.deepEqual(logits.shape, [-1, 1001]));

  it("has 23.9 million parameters, as the paper's network without its auxiliary head", () => {
    const trained = graph.variables.filter(({ trainable }) => trainable);
    const count = trained.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    // keras.applications' network of 1000 classes has 23,817,352 trainable ones; one class more has 2,049.
    assert.equal(count, 23_817_352 + 2049);
  });
});

describe("an export", () => {
  const versionDir = path.join(folder, "output", "1");
  exportSavedModel(inputs.V1, versionDir);
  const model = loadModel(versionDir);
  const answer = answerOf(model);

  it("names the ten best classes of each picture, the best first", () => {
    for (const row of [0, 1]) {
      const scores = answer.scores.slice(row * TOP, (row + 1) * TOP);
      assert.deepEqual(
        scores,
        [...scores].sort((a, b) => b - a),
      );
      assert.equal(new Set(answer.classes.slice(row * TOP, (row + 1) * TOP)).size, TOP);
    }
    assert.match(answer.classes[0] ?? "", /^class \d{4}$/);
  });

  it("ranks its own logits", () => {
    const images = tensor("float32", [1, IMAGE_SIZE, IMAGE_SIZE, 3], new Float32Array(IMAGE_SIZE ** 2 * 3));
    const logits = model.run("logits", new Map([["images", images]])).get("logits");
    assert.deepEqual(logits?.shape, [1, smallNetwork.classes]);
  });

  it("takes serialized examples for Classify", () => {
    assert.equal(model.signatures.get("serving_default")?.methodName, "tensorflow/serving/classify");
  });

  it("is the same from a checkpoint of the other format", () => {
    const other = path.join(folder, "output", "2");
    exportSavedModel(inputs.V2, other);
    assert.deepEqual(answerOf(loadModel(other)), answer);
  });

  it("is the same as a SessionBundle", () => {
    const bundle = exportSessionBundle(inputs.V2, path.join(folder, "bundles"), 1467158400);
    assert.equal(path.basename(bundle), "1467158400");
    assert.ok(existsSync(path.join(bundle, "export.meta")));
    assert.deepEqual(answerOf(loadModel(bundle)), answer);
  });

  it("refuses a picture that is none, naming what it takes", () => {
    const bad = stringTensor([1], [Buffer.from("no picture")]);
    assert.throws(() => model.run("predict_images", new Map([["images", bad]])), {
      code: Code.INVALID_ARGUMENT,
    });
  });
});

describe("a training checkpoint", () => {
  const variables = (network = smallNetwork) => {
    const graph = new GraphBuilder();
    const images = graph.placeholder("float32", [-1, IMAGE_SIZE, IMAGE_SIZE, 3]);
    addInceptionV3(graph, images, { ...network, useResource: true });
    return graph.variables;
  };

  it("gives the moving averages, not what training had last", () => {
    const { prefix, globalStep, values } = readTrainedVariables(inputs.V1.checkpointDir, variables());
    const reader = openCheckpoint(prefix);
    const [name, average] = ["conv0/weights", "conv0/weights/ExponentialMovingAverage"];
    assert.deepEqual(values.get(name), reader.read(average));
    assert.notDeepEqual(values.get(name), reader.read(name));
    assert.equal(globalStep, 157585);
    reader.close();
  });

  it("is found beside its state file when that names a folder of another machine", () => {
    const moved = path.join(folder, "moved");
    cpSync(inputs.V2.checkpointDir, moved, { recursive: true });
    writeFileSync(path.join(moved, "checkpoint"), 'model_checkpoint_path: "/data/train/model.ckpt-157585"\n');
    assert.equal(readTrainedVariables(moved, variables()).prefix, path.join(moved, "model.ckpt-157585"));
  });

  it("that is not there is an error with advice", () => {
    const empty = path.join(folder, "empty");
    mkdirSync(empty);
    assert.throws(() => readTrainedVariables(empty, variables()), {
      code: Code.NOT_FOUND,
      message: /^Checkpoint file not found: .*empty.*inception_checkpoint.*--checkpoint_dir$/,
    });
    writeFileSync(path.join(empty, "checkpoint"), 'model_checkpoint_path: "model.ckpt-1"\n');
    assert.throws(() => readTrainedVariables(empty, variables()), {
      code: Code.NOT_FOUND,
      message: /names .*model\.ckpt-1, which is neither there/,
    });
    rmSync(empty, { recursive: true });
  });

  it("of another network is refused, with how many variables don't fit", () => {
    const wider = variables({ ...smallNetwork, depth: 1 / 8 });
    assert.throws(() => readTrainedVariables(inputs.V1.checkpointDir, wider), {
      code: Code.INVALID_ARGUMENT,
      message:
        /\(\d+ variables\): "conv0\/weights" must be float32 of shape \[3,3,3,4\], got float32 of shape/,
    });
  });

  for (const name of ["inception_ckpt_v1", "inception_ckpt_v2"]) {
    it(`that TensorFlow wrote is read: ${name}`, { skip: goldenSkip() }, () => {
      const golden = loadCase(name);
      const shadow = "/ExponentialMovingAverage";
      const averages = Object.entries(golden.variables ?? {}).filter(([each]) => each.endsWith(shadow));
      const graph = new GraphBuilder();
      for (const [average, { shape }] of averages) {
        graph.variable("float32", [...shape], { name: average.slice(0, -shadow.length) });
      }
      const { values } = readTrainedVariables(
        path.join(sharedFolder, "golden", "cases", name),
        graph.variables,
      );
      assert.ok(averages.length > 10);
      for (const [average, expected] of averages) {
        assert.deepEqual(values.get(average.slice(0, -shadow.length)), decodeTensor(expected), average);
      }
    });
  }
});
