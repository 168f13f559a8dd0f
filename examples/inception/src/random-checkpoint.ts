/**
 * Training checkpoints with random weights: for trying everything but the answers, where the published checkpoint can't
 * be had. Seeded: the same seed gives the same weights. Each variable has a moving average beside it that differs, as
 * after training.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { uniform } from "@servable/example-kit/random";
import { GraphBuilder, type Tensor, TensorBundleWriter, tensor, V1CheckpointWriter } from "@servable/formats";
import { addInceptionV3, IMAGE_SIZE, type NetworkOptions } from "./inception-v3.js";

/** Iterations that the published checkpoint was trained for. */
const GLOBAL_STEP = 157585;
const CHECKPOINT_NAME = `model.ckpt-${GLOBAL_STEP}`;

export type CheckpointFormat = "V1" | "V2";

export interface RandomCheckpoint {
  readonly network: Omit<NetworkOptions, "useResource">;
  readonly format: CheckpointFormat;
  readonly seed: number;
}

interface CheckpointWriter {
  add(name: string, value: Tensor): void;
  finish(): void;
}

/** Writes a checkpoint and its state file into a folder, and returns the checkpoint's prefix. */
export function writeRandomCheckpoint(folder: string, { network, format, seed }: RandomCheckpoint): string {
  mkdirSync(folder, { recursive: true });
  const prefix = path.join(folder, CHECKPOINT_NAME);
  const writer: CheckpointWriter =
    format === "V1" ? V1CheckpointWriter.create(prefix) : TensorBundleWriter.create(prefix);
  const random = uniform(seed);
  for (const { name, shape } of networkVariables(network)) {
    const average = randomValue(name, shape, random);
    const noise = (value: number) => value * (1 + 0.02 * (random() - 0.5));
    writer.add(`${name}/ExponentialMovingAverage`, tensor("float32", [...shape], average));
    writer.add(name, tensor("float32", [...shape], average.map(noise)));
  }
  writer.add("global_step", tensor("int64", [], BigInt64Array.of(BigInt(GLOBAL_STEP))));
  writer.finish();
  const state = `model_checkpoint_path: "${CHECKPOINT_NAME}"\nall_model_checkpoint_paths: "${CHECKPOINT_NAME}"\n`;
  writeFileSync(path.join(folder, "checkpoint"), state);
  return prefix;
}

function networkVariables(network: RandomCheckpoint["network"]) {
  const graph = new GraphBuilder();
  const images = graph.placeholder("float32", [-1, IMAGE_SIZE, IMAGE_SIZE, 3]);
  addInceptionV3(graph, images, { ...network, useResource: true });
  return graph.variables;
}

/** Values that keep a signal's size from layer to layer, so that the classes' scores differ as after training. */
function randomValue(name: string, shape: readonly number[], random: () => number): Float32Array {
  const value = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const draw = drawing(name, shape, random);
  for (let i = 0; i < value.length; i++) value[i] = draw();
  return value;
}

function drawing(name: string, shape: readonly number[], random: () => number): () => number {
  const kind = name.slice(name.lastIndexOf("/") + 1);
  if (kind === "moving_variance") return () => 0.6 + 0.8 * random();
  if (kind !== "weights") return () => 0.1 * normal(random);
  const inputs = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const deviation = Math.sqrt(2 / inputs);
  return () => deviation * normal(random);
}

/** A number of the standard normal distribution, nearly: the sum of uniform ones needs no logarithm. */
function normal(random: () => number): number {
  return (random() + random() + random() + random() - 2) * Math.sqrt(3);
}
