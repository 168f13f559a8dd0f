/** Trains the two models of the example: what they are, and the loop that fits them to the data. */

import { permutation, uniform } from "@servable/example-kit/random";
import { CLASSES, type DataSet, PIXELS, putImage } from "./data-set.js";
import { initialLayers, type Layers, Network, zeroLayers } from "./network.js";
import { adam, gradientDescent, type Optimizer } from "./optimizer.js";

/** A model and how it is trained. */
export interface Recipe {
  /** Units between the inputs and the classes, layer by layer. */
  readonly hidden: readonly number[];
  readonly batchSize: number;
  readonly trainingIterations: number;
  readonly optimizer: () => Optimizer;
}

/**
 * softmax: softmax regression with the settings of TensorFlow Serving's example; errs on 8 to 9 % of the test images.
 * mlp: two hidden layers of 256 rectified units; errs on about 2 %.
 */
export const recipes = {
  softmax: {
    hidden: [],
    batchSize: 50,
    trainingIterations: 1000,
    optimizer: () => gradientDescent(0.01),
  },
  mlp: {
    hidden: [256, 256],
    batchSize: 100,
    trainingIterations: 3000,
    optimizer: () => adam(0.001),
  },
} satisfies Record<string, Recipe>;

export type ModelName = keyof typeof recipes;

/** Called after every iteration with its number, counted from 1, and the mean cross entropy of its batch. */
export type OnIteration = (iteration: number, loss: number) => void;

const SEED = 1;

/** Where training begins that goes on from earlier training. */
export interface TrainedBefore {
  /** Of the recipe's sizes; they are changed. */
  readonly layers: Layers;
  /** For another order of the images than before: any number but 1. */
  readonly seed: number;
}

/** Units of the inputs, of each hidden layer and of the classes. */
export function layerSizes({ hidden }: Recipe): number[] {
  return [PIXELS, ...hidden, CLASSES];
}

/** Fits a model to the data. The same data gives the same parameters. */
export function train(
  data: DataSet,
  recipe: Recipe,
  onIteration: OnIteration = () => {},
  before?: TrainedBefore,
): Layers {
  const { batchSize, trainingIterations } = recipe;
  const random = uniform(before?.seed ?? SEED);
  const sizes = layerSizes(recipe);
  const network = new Network(before?.layers ?? initialLayers(sizes, random), batchSize);
  const gradient = zeroLayers(sizes);
  const optimize = recipe.optimizer();
  const batches = new Batches(data, batchSize, random);
  for (let iteration = 1; iteration <= trainingIterations; iteration++) {
    const { images, labels } = batches.next();
    const loss = network.addGradient(images, labels, gradient);
    optimize(network.layers, gradient);
    onIteration(iteration, loss / batchSize);
  }
  return network.layers;
}

/** Batches of the data, each image once in random order before any comes again. */
class Batches {
  readonly images: Float32Array;
  readonly labels: Uint8Array;
  private order: Int32Array;
  private used = 0;

  constructor(
    private readonly data: DataSet,
    size: number,
    private readonly random: () => number,
  ) {
    this.images = new Float32Array(size * PIXELS);
    this.labels = new Uint8Array(size);
    this.order = permutation(data.count, random);
  }

  /** The next batch, in the same memory as the one before. */
  next(): this {
    for (let row = 0; row < this.labels.length; row++) {
      const image = this.draw();
      putImage(this.data.images, image, this.images, row);
      this.labels[row] = this.data.labels[image] as number;
    }
    return this;
  }

  private draw(): number {
    if (this.used === this.order.length) {
      this.order = permutation(this.data.count, this.random);
      this.used = 0;
    }
    return this.order[this.used++] as number;
  }
}

const EVALUATION_BATCH = 100;

/** The share of images that the model takes for what they are. */
export function accuracy(layers: Layers, data: DataSet): number {
  const network = new Network(layers, EVALUATION_BATCH);
  const images = new Float32Array(EVALUATION_BATCH * PIXELS);
  let correct = 0;
  for (let start = 0; start < data.count; start += EVALUATION_BATCH) {
    const batch = Math.min(EVALUATION_BATCH, data.count - start);
    for (let row = 0; row < batch; row++) putImage(data.images, start + row, images, row);
    const probabilities = network.run(images, batch);
    for (let row = 0; row < batch; row++) {
      if (mostLikely(probabilities, row) === data.labels[start + row]) correct++;
    }
  }
  return correct / data.count;
}

function mostLikely(probabilities: Float32Array, row: number): number {
  const scores = probabilities.subarray(row * CLASSES, (row + 1) * CLASSES);
  return scores.indexOf(Math.max(...scores));
}
