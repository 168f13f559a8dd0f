/** Dense, Embedding, EinsumDense, Masking and what passes its input on (keras/src/layers/core). */
import type { Output } from "../../graph-builder/operation.js";
import { invalidArgument } from "../../status.js";
import { kerasObject } from "../config.js";
import type { Layer, LayerResult, LayerTensor } from "../layer.js";
import { dimsOf, int, knownSize } from "../nodes.js";
import { NameCounter, storeNameOf } from "../weight.js";
import { withActivation } from "./activation.js";
import type { LayerRow, LayerTable } from "./row.js";

/** Adds weights of the given shape to the last axes, unless the layer has none. */
export function withBias(layer: Layer, x: Output, shape: readonly number[]): Output {
  return layer.config.boolean("use_bias", true) ? layer.n.add(x, layer.weight("bias", shape)) : x;
}

const dense: LayerRow = {
  passesMask: true,
  call: (layer, args) => {
    if (layer.config.has("lora_rank")) layer.refuse("LoRA weights are not supported");
    const { output } = args.input;
    const units = layer.config.number("units");
    const kernel = layer.weight("kernel", [knownSize(output, -1, layer.where), units]);
    return [{ output: withActivation(layer, withBias(layer, layer.n.dense(output, kernel), [units])) }];
  },
};

const embedding: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) => {
    if (layer.config.has("lora_rank")) layer.refuse("LoRA weights are not supported");
    const { n, config } = layer;
    const { output } = args.input;
    const table = layer.weight("embeddings", [config.number("input_dim"), config.number("output_dim")]);
    const rows = output.dtype === "int64" || output.dtype === "int32" ? output : n.cast(output, "int32");
    const result = n.op("GatherV2", [table, rows, int(0)]);
    if (!config.boolean("mask_zero", false)) return [{ output: result }];
    return [{ output: result, mask: n.op("NotEqual", [output, n.number(output, 0)]) }];
  },
};

/** The same weights read both ways: rows by index, or the product with all of them. */
const reversibleEmbedding: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const [rows, size] = [config.number("input_dim"), config.number("output_dim")];
    const table = layer.weight("embeddings", [rows, size]);
    const isTied = config.boolean("tie_weights", true);
    const reverse = isTied ? undefined : layer.weight("reverse_embeddings", [size, rows]);
    const { output } = args.input;
    if (args.arg(1, "reverse") === true) {
      const x = n.cast(output, layer.dtype);
      const logits = n.dense(x, reverse ?? n.transpose(table, [1, 0]));
      if (!config.has("logit_soft_cap")) return [{ output: logits }];
      const cap = config.number("logit_soft_cap");
      return [{ output: n.scaled(n.op("Tanh", [n.scaled(logits, 1 / cap)]), cap) }];
    }
    const result = n.op("GatherV2", [table, n.cast(output, "int32"), int(0)]);
    if (!config.boolean("mask_zero", false)) return [{ output: result }];
    return [{ output: result, mask: n.op("NotEqual", [output, n.number(output, 0)]) }];
  },
};

interface EinsumShapes {
  readonly equation: string;
  readonly kernel: readonly number[];
  readonly bias: readonly number[] | undefined;
}

/**
 * What an equation such as "abc,cd->abd" says of the weights' shapes. Each letter of the kernel is one of the input or
 * of the output; an ellipsis stands for leading or trailing axes of both.
 */
export function einsumShapes(
  layer: Layer,
  input: readonly number[],
  settings: { equation: string; outputShape: readonly (number | null)[]; biasAxes: string | null },
): EinsumShapes {
  const [, left, kernel, right] =
    /^([a-zA-Z.]+),([a-zA-Z]+)->([a-zA-Z.]+)$/.exec(settings.equation.replace(/\s/g, "")) ?? [];
  if (left === undefined || kernel === undefined || right === undefined) {
    throw invalidArgument(`${layer.where}: "${settings.equation}" is no equation of two operands`);
  }
  const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((letter) => !settings.equation.includes(letter));
  const extra = Math.max(0, input.length - left.replace("...", "").length);
  const ellipsis = letters.slice(0, extra).join("");
  const [from, to] = [left.replace("...", ellipsis), right.replace("...", ellipsis)];
  const sizes = new Map<string, number>();
  [...to].forEach((letter, axis) => {
    const missing = to.length - settings.outputShape.length;
    const size = settings.outputShape[axis - missing];
    if (typeof size === "number" && size >= 0) sizes.set(letter, size);
  });
  [...from].forEach((letter, axis) => {
    const size = input[axis] as number;
    if (size >= 0) sizes.set(letter, size);
  });
  const sizeOf = (letter: string): number => {
    const size = sizes.get(letter);
    if (size === undefined) {
      throw invalidArgument(`${layer.where}: the size of "${letter}" in "${settings.equation}" is not known`);
    }
    return size;
  };
  return {
    equation: `${from},${kernel}->${to}`,
    kernel: [...kernel].map(sizeOf),
    bias: biasShape(to, settings.biasAxes, sizeOf),
  };
}

/** From the first axis that the bias has, with ones for those that it lacks. */
function biasShape(
  to: string,
  axes: string | null,
  sizeOf: (letter: string) => number,
): number[] | undefined {
  if (axes === null || axes === "") return undefined;
  const first = Math.min(...[...axes].map((letter) => to.indexOf(letter)));
  return [...to].slice(Math.max(0, first)).map((letter) => (axes.includes(letter) ? sizeOf(letter) : 1));
}

const einsumDense: LayerRow = {
  passesMask: true,
  call: (layer, args) => {
    const { n, config } = layer;
    if (config.has("lora_rank")) layer.refuse("LoRA weights are not supported");
    const x = args.input.output;
    const declared = config.get("output_shape");
    const shapes = einsumShapes(layer, dimsOf(x), {
      equation: config.string("equation"),
      outputShape: (Array.isArray(declared) ? declared : [declared]) as (number | null)[],
      biasAxes: config.has("bias_axes") ? config.string("bias_axes") : null,
    });
    const product = n.einsum(shapes.equation, x, layer.weight("kernel", shapes.kernel));
    const sum = shapes.bias === undefined ? product : n.add(product, layer.weight("bias", shapes.bias));
    return [{ output: withActivation(layer, sum) }];
  },
};

/** Steps all of whose features have the value count for nothing, and are zero from here on. */
const masking: LayerRow = {
  call: (layer, args) => {
    const { n } = layer;
    const { output } = args.input;
    const differs = n.op("NotEqual", [output, n.number(output, layer.config.number("mask_value", 0))]);
    const kept = n.reduce("Any", differs, [-1], true);
    return [{ output: n.mul(output, n.cast(kept, output.dtype)), mask: n.squeeze(kept, -1) }];
  },
};

const identity: LayerRow = {
  passesMask: true,
  call: (_, args) => args.tensors.slice(0, 1),
};

/** A layer around another. */
const wrapper: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) =>
    layer.callPart(
      layer.part("layer", () => layer.config.object("layer")),
      args.positional,
      args.named,
    ),
};

/** Layers one after the other, in a layer of its own. */
const pipeline: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) => {
    const counter = new NameCounter();
    return layer.config.list("layers").reduce<LayerResult>(
      (current, json, i) => {
        const object = kerasObject(json, `${layer.where}, layer ${i}`);
        const part = layer.part(`layers/${counter.next(storeNameOf(object.className))}`, () => object);
        return layer.callPart(part, [current[0] as LayerTensor]);
      },
      [args.input],
    );
  },
};

export const coreRows: LayerTable = {
  Pipeline: pipeline,
  InputLayer: { ...identity, takesAnyDtype: true },
  Identity: identity,
  Dense: dense,
  Embedding: embedding,
  ReversibleEmbedding: reversibleEmbedding,
  EinsumDense: einsumDense,
  Masking: masking,
  Wrapper: wrapper,
};
