/** Rules by which a gradient changes the parameters. */
import type { DenseLayer, Layers } from "./network.js";

/** Changes the layers by the gradient of one batch, and clears the gradient. */
export type Optimizer = (layers: Layers, gradient: Layers) => void;

/** Gradient descent: parameters go down the gradient. */
export function gradientDescent(learningRate: number): Optimizer {
  return (layers, gradient) => {
    forEachParameters(layers, gradient, (parameters, slopes) => {
      for (let i = 0; i < parameters.length; i++) {
        parameters[i] = (parameters[i] as number) - learningRate * (slopes[i] as number);
      }
      slopes.fill(0);
    });
  };
}

const FIRST_DECAY = 0.9;
const SECOND_DECAY = 0.999;
const EPSILON = 1e-8;

/** Adam (Kingma and Ba, 2014): each parameter's step is scaled by the recent size of its own gradient. */
export function adam(learningRate: number): Optimizer {
  const moments = new Map<Float32Array, { first: Float32Array; second: Float32Array }>();
  let steps = 0;
  return (layers, gradient) => {
    steps++;
    const rate = (learningRate * Math.sqrt(1 - SECOND_DECAY ** steps)) / (1 - FIRST_DECAY ** steps);
    forEachParameters(layers, gradient, (parameters, slopes) => {
      const { first, second } = momentsOf(moments, parameters);
      for (let i = 0; i < parameters.length; i++) {
        const slope = slopes[i] as number;
        const mean = FIRST_DECAY * (first[i] as number) + (1 - FIRST_DECAY) * slope;
        const square = SECOND_DECAY * (second[i] as number) + (1 - SECOND_DECAY) * slope * slope;
        first[i] = mean;
        second[i] = square;
        parameters[i] = (parameters[i] as number) - (rate * mean) / (Math.sqrt(square) + EPSILON);
      }
      slopes.fill(0);
    });
  };
}

function momentsOf(
  moments: Map<Float32Array, { first: Float32Array; second: Float32Array }>,
  of: Float32Array,
) {
  let found = moments.get(of);
  if (found === undefined) {
    found = { first: new Float32Array(of.length), second: new Float32Array(of.length) };
    moments.set(of, found);
  }
  return found;
}

function forEachParameters(
  layers: Layers,
  gradient: Layers,
  change: (parameters: Float32Array, slopes: Float32Array) => void,
): void {
  layers.forEach((layer, i) => {
    const slope = gradient[i] as DenseLayer;
    change(layer.weights, slope.weights);
    change(layer.biases, slope.biases);
  });
}
