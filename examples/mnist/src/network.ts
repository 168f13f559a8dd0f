/**
 * Fully connected networks for MNIST: layers with rectified linear units between them and softmax at the end. One
 * layer alone is softmax regression. Written by hand: for two models of this size a training library would be most of
 * the install.
 */
import { RowCombiner } from "./rows.js";

/** out = in · weights + biases. */
export interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** Row-major, [inputs, outputs]. */
  readonly weights: Float32Array;
  readonly biases: Float32Array;
}

/** The layers' parameters, or a gradient of them. */
export type Layers = readonly DenseLayer[];

/** Layers of zeros between these many units; the first size is that of an input. */
export function zeroLayers(sizes: readonly number[]): Layers {
  return sizes.slice(1).map((outputs, i) => {
    const inputs = sizes[i] as number;
    return {
      inputs,
      outputs,
      weights: new Float32Array(inputs * outputs),
      biases: new Float32Array(outputs),
    };
  });
}

/**
 * Layers to start from. A single one starts with zeros; several must differ to learn different things: normally
 * distributed weights of variance 2 / inputs keep the signal's size from layer to layer (He et al., 2015).
 *
 * @param random uniform in [0, 1)
 */
export function initialLayers(sizes: readonly number[], random: () => number): Layers {
  const layers = zeroLayers(sizes);
  if (layers.length === 1) return layers;
  for (const { inputs, weights } of layers) {
    const deviation = Math.sqrt(2 / inputs);
    for (let i = 0; i < weights.length; i++) weights[i] = deviation * normal(random);
  }
  return layers;
}

/** A number of the standard normal distribution, by Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Runs batches through a network. Its memory is that of the largest batch. */
export class Network {
  /** What each layer gave for the last batch, [batch, outputs]: rectified, at the end probabilities. */
  private readonly signals: readonly Float32Array[];
  /** The derivatives of the loss by what each layer gave before that. */
  private readonly errors: readonly Float32Array[];
  private readonly combiner: RowCombiner;

  constructor(
    readonly layers: Layers,
    readonly batchSize: number,
  ) {
    this.signals = layers.map(({ outputs }) => new Float32Array(batchSize * outputs));
    this.errors = layers.map(({ outputs }) => new Float32Array(batchSize * outputs));
    this.combiner = new RowCombiner(Math.max(batchSize, ...layers.map(({ inputs }) => inputs)));
  }

  /**
   * The probability of each class for each example, [batch, classes]; valid until the next call.
   *
   * @param inputs [batch, inputs], batch at most batchSize
   */
  run(inputs: Float32Array, batch: number): Float32Array {
    let signal = inputs;
    this.layers.forEach((layer, i) => {
      const output = this.signals[i] as Float32Array;
      this.applyDense(layer, signal, output, batch);
      if (i < this.layers.length - 1) rectify(output);
      else softmaxRows(output, layer.outputs, batch);
      signal = output;
    });
    return signal;
  }

  /**
   * Adds the gradient of the examples' summed cross entropy to `gradient`; returns the cross entropy.
   *
   * @param labels the class of each example
   */
  addGradient(inputs: Float32Array, labels: Uint8Array, gradient: Layers): number {
    const batch = labels.length;
    const probabilities = this.run(inputs, batch);
    const last = this.layers.length - 1;
    const { outputs: classes } = this.layers[last] as DenseLayer;
    const loss = crossEntropy(probabilities, labels, classes, this.errors[last] as Float32Array);
    for (let i = last; i >= 0; i--) {
      const error = this.errors[i] as Float32Array;
      const signal = i === 0 ? inputs : (this.signals[i - 1] as Float32Array);
      this.addLayerGradient(signal, error, gradient[i] as DenseLayer, batch);
      if (i > 0)
        propagate(this.layers[i] as DenseLayer, error, signal, this.errors[i - 1] as Float32Array, batch);
    }
    return loss;
  }

  private applyDense(layer: DenseLayer, input: Float32Array, output: Float32Array, batch: number): void {
    const { inputs, outputs, weights, biases } = layer;
    for (let b = 0; b < batch; b++) {
      output.set(biases, b * outputs);
      for (let i = 0; i < inputs; i++) this.combiner.term(input[b * inputs + i] as number, i * outputs);
      this.combiner.addTo(output, b * outputs, outputs, weights);
    }
  }

  /** What went in, transposed, times the error of what came out. */
  private addLayerGradient(
    signal: Float32Array,
    error: Float32Array,
    gradient: DenseLayer,
    batch: number,
  ): void {
    const { inputs, outputs, weights, biases } = gradient;
    for (let i = 0; i < inputs; i++) {
      for (let b = 0; b < batch; b++) this.combiner.term(signal[b * inputs + i] as number, b * outputs);
      this.combiner.addTo(weights, i * outputs, outputs, error);
    }
    for (let b = 0; b < batch; b++) this.combiner.term(1, b * outputs);
    this.combiner.addTo(biases, 0, outputs, error);
  }
}

function rectify(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) if ((values[i] as number) < 0) values[i] = 0;
}

function softmaxRows(values: Float32Array, width: number, rows: number): void {
  for (let row = 0; row < rows; row++) {
    const logits = values.subarray(row * width, (row + 1) * width);
    const max = Math.max(...logits);
    let sum = 0;
    for (let i = 0; i < width; i++) {
      const power = Math.exp((logits[i] as number) - max);
      logits[i] = power;
      sum += power;
    }
    for (let i = 0; i < width; i++) logits[i] = (logits[i] as number) / sum;
  }
}

/** Keeps the logarithm of a probability that was rounded to zero finite. */
const LEAST_PROBABILITY = 1e-30;

/** Sets `error` to the derivatives of the summed cross entropy by the logits; returns the cross entropy. */
function crossEntropy(
  probabilities: Float32Array,
  labels: Uint8Array,
  classes: number,
  error: Float32Array,
): number {
  error.set(probabilities);
  let loss = 0;
  labels.forEach((label, b) => {
    const at = b * classes + label;
    error[at] = (error[at] as number) - 1;
    loss -= Math.log(Math.max(probabilities[at] as number, LEAST_PROBABILITY));
  });
  return loss;
}

/** The error of the layer below, through the weights; units that gave nothing have none. */
function propagate(
  { inputs, outputs, weights }: DenseLayer,
  error: Float32Array,
  signal: Float32Array,
  below: Float32Array,
  batch: number,
): void {
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < inputs; i++) {
      const at = b * inputs + i;
      below[at] = signal[at] === 0 ? 0 : dot(weights, i * outputs, error, b * outputs, outputs);
    }
  }
}

function dot(a: Float32Array, atA: number, b: Float32Array, atB: number, length: number): number {
  let even = 0;
  let odd = 0;
  for (let j = 0; j + 1 < length; j += 2) {
    even += (a[atA + j] as number) * (b[atB + j] as number);
    odd += (a[atA + j + 1] as number) * (b[atB + j + 1] as number);
  }
  if (length % 2 === 1) even += (a[atA + length - 1] as number) * (b[atB + length - 1] as number);
  return even + odd;
}
