import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniform } from "@servable/example-kit/random";
import { type DenseLayer, initialLayers, type Layers, Network, zeroLayers } from "./network.js";

const layer = (inputs: number, outputs: number, weights: number[], biases: number[]): DenseLayer => ({
  inputs,
  outputs,
  weights: Float32Array.from(weights),
  biases: Float32Array.from(biases),
});

const near = (actual: number, expected: number, tolerance: number): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not near ${expected}`);

describe("a network", () => {
  it("gives the softmax of the last layer", () => {
    const network = new Network([layer(2, 2, [1, 0, 0, 2], [0, 1])], 2);
    // Logits [3, 1] and [0, 5].
    const probabilities = network.run(Float32Array.of(3, 0, 0, 2), 2);
    near(probabilities[0] as number, 1 / (1 + Math.exp(-2)), 1e-6);
    near(probabilities[3] as number, 1 / (1 + Math.exp(-5)), 1e-6);
  });

  it("rectifies between layers", () => {
    const network = new Network([layer(1, 2, [1, -1], [0, 0]), layer(2, 2, [1, 0, 0, 1], [0, 0])], 1);
    // The second hidden unit would have -2 and counts as 0: logits [2, 0].
    near(network.run(Float32Array.of(2), 1)[0] as number, 1 / (1 + Math.exp(-2)), 1e-6);
  });

  it("adds a gradient that agrees with differences of the loss", () => {
    const random = uniform(3);
    const sizes = [5, 6, 4, 3];
    const layers = initialLayers(sizes, random);
    const inputs = Float32Array.from({ length: 4 * 5 }, random);
    const labels = Uint8Array.of(0, 2, 1, 2);
    const network = new Network(layers, 4);
    const gradient = zeroLayers(sizes);
    network.addGradient(inputs, labels, gradient);
    const loss = (): number => network.addGradient(inputs, labels, zeroLayers(sizes));
    for (const [values, slopes] of parameters(layers, gradient)) {
      for (const i of [0, 1, values.length - 1]) {
        const before = values[i] as number;
        const step = 1e-2;
        values[i] = before + step;
        const above = loss();
        values[i] = before - step;
        const below = loss();
        values[i] = before;
        near(slopes[i] as number, (above - below) / (2 * step), 1e-3);
      }
    }
  });
});

function parameters(layers: Layers, gradient: Layers): [Float32Array, Float32Array][] {
  return layers.flatMap(({ weights, biases }, i) => {
    const slope = gradient[i] as DenseLayer;
    return [
      [weights, slope.weights],
      [biases, slope.biases],
    ] as [Float32Array, Float32Array][];
  });
}
