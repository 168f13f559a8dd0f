/** Layers that are activations (keras/src/layers/activations). */

import type { Output } from "../../graph-builder/operation.js";
import { activated, activationByName, reluWith } from "../activations.js";
import type { Layer } from "../layer.js";
import { dimsOf, rankOf } from "../nodes.js";
import type { LayerRow, LayerTable } from "./row.js";

/** What activation functions need to know of where they are used. */
export function contextOf(layer: Layer) {
  return { n: layer.n, isKeras2: layer.build.isKeras2 };
}

/** The configured activation of a layer. */
export function withActivation(layer: Layer, x: Output, name = "activation"): Output {
  return activated(contextOf(layer), x, layer.config.get(name));
}

const elementwise = (compute: (layer: Layer, x: Output) => Output): LayerRow => ({
  call: (layer, args) => [{ output: compute(layer, args.input.output) }],
  passesMask: true,
});

/** Weights of the shape of a sample, with ones on the axes that are shared. */
function prelu(layer: Layer, x: Output): Output {
  const { n } = layer;
  const shared = new Set(layer.config.numbers("shared_axes", []));
  const shape = dimsOf(x)
    .slice(1)
    .map((size, i) => (shared.has(i + 1) ? 1 : size));
  const alpha = layer.weight("alpha", shape);
  return n.sub(n.op("Relu", [x]), n.mul(alpha, n.op("Relu", [n.op("Neg", [x])])));
}

/** Masked entries weigh nothing: what a mask leaves out is pushed far below all others. */
const softmax: LayerRow = {
  passesMask: true,
  call: (layer, args) => {
    const { n } = layer;
    const { output, mask: inputMask } = args.input;
    const mask = args.tensor(1, "mask")?.output ?? inputMask;
    const axes = layer.config.numbers("axis", [-1]);
    const x = mask === undefined ? output : maskedLogits(layer, output, mask);
    if (axes.length === 1) {
      return [{ output: activationByName(contextOf(layer), x, "softmax", { axis: axes[0] as number }) }];
    }
    const largest = n.reduce("Max", x, axes, true);
    const powers = n.op("Exp", [n.sub(x, largest)]);
    return [{ output: n.div(powers, n.reduce("Sum", powers, axes, true)) }];
  },
};

function maskedLogits(layer: Layer, x: Output, mask: Output): Output {
  const { n } = layer;
  let wide = mask;
  while (rankOf(wide) < rankOf(x)) wide = n.expand(wide, -1);
  const large = x.dtype === "float16" ? -3e4 : -1e9;
  const penalty = n.scaled(n.sub(n.number(x, 1), n.cast(wide, x.dtype)), large);
  return n.add(x, penalty);
}

export const activationRows: LayerTable = {
  Activation: elementwise((layer, x) => withActivation(layer, x)),
  ReLU: elementwise((layer, x) =>
    reluWith(layer.n, x, {
      slope: layer.config.number("negative_slope", 0),
      threshold: layer.config.number("threshold", 0),
      ...(layer.config.has("max_value") && { maximum: layer.config.number("max_value") }),
    }),
  ),
  LeakyReLU: elementwise((layer, x) =>
    layer.n.op("LeakyRelu", [x], {
      alpha: layer.config.number("negative_slope", layer.config.number("alpha", 0.3)),
    }),
  ),
  ELU: elementwise((layer, x) =>
    activationByName(contextOf(layer), x, "elu", { alpha: layer.config.number("alpha", 1) }),
  ),
  ThresholdedReLU: elementwise((layer, x) => {
    const { n } = layer;
    const above = n.op("Greater", [x, n.number(x, layer.config.number("theta", 1))]);
    return n.mul(x, n.cast(above, x.dtype));
  }),
  PReLU: elementwise(prelu),
  Softmax: softmax,
};
