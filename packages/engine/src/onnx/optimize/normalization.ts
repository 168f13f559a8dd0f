/** Normalizations that TensorFlow writes as arithmetic become the operators that ONNX Runtime has for them. */
import { elementCount } from "@servable/formats";
import type { OnnxOp } from "../onnx-graph.js";
import { type GraphEditor, makeOp, type Rewritten } from "./graph-editor.js";

/**
 * A factor and an offset for each channel, where no convolution before them can take them in: between a concatenation and an
 * activation, say. As BatchNormalization it becomes a convolution of its own in ONNX Runtime's blocked layout.
 */
export function fuseChannelAffine(op: OnnxOp, g: GraphEditor): Rewritten {
  if (op.type !== "Add") return undefined;
  const [product, offset] = sides(op, (name) => g.producer(name, "Mul"));
  const offsets = channelVector(offset, g);
  if (product === undefined || offsets === undefined) return undefined;
  const [x, factor] = sides(product, (name) => (g.constant(name) === undefined ? name : undefined));
  const factors = channelVector(factor, g);
  if (x === undefined || factors === undefined || elementCount(factors.shape) !== elementCount(offsets.shape))
    return undefined;
  // ONNX Runtime folds the two into a convolution before them, and knows pooled images to be convolution's as well.
  if (g.producer(x, "Conv", "Add", "ConvTranspose") !== undefined) return undefined;
  if (g.producer(x, "Concat", "MaxPool", "AveragePool", "Relu", "Clip", "Pad") === undefined)
    return undefined;
  const [output = ""] = op.outputs;
  const size = [elementCount(factors.shape)];
  const filled = (hint: string, value: number) => {
    const data = new Float32Array(size[0] as number).fill(value);
    return g.add(`${output}/${hint}`, {
      dtype: "float32",
      shape: size,
      read: () => ({ dtype: "float32", shape: size, data }),
    });
  };
  const inputs = [
    x,
    g.addReshaped(`${output}/scale`, factors, size),
    g.addReshaped(`${output}/offset`, offsets, size),
    filled("mean", 0),
    filled("variance", 1),
  ];
  return [makeOp("BatchNormalization", inputs, output, { epsilon: { float: 0 } })];
}

/** A constant [C, 1, 1] of floats: what is broadcast to an image whose channels come first. */
function channelVector(name: string | undefined, g: GraphEditor) {
  const constant = g.constant(name);
  const isVector =
    constant?.dtype === "float32" &&
    constant.shape.length === 3 &&
    constant.shape[1] === 1 &&
    constant.shape[2] === 1;
  return isVector ? constant : undefined;
}

/** Of an operator with two inputs in either order: what `find` makes of one, and the other's name. */
function sides<T>(
  { inputs: [a, b] }: OnnxOp,
  find: (name: string) => T | undefined,
): [T, string] | [undefined, undefined] {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ]) {
    const found = one === undefined ? undefined : find(one);
    if (found !== undefined && other !== undefined) return [found, other];
  }
  return [undefined, undefined];
}

/**
 * Layer normalization as Keras writes it, for what normalizes the last dimension:
 *
 *     x · m + (β - mean · m),  m = γ / √(mean((x - mean)²) + ε)
 */
export function fuseLayerNormalization(op: OnnxOp, g: GraphEditor): Rewritten {
  if (op.type !== "Add") return undefined;
  for (const [a, b] of [op.inputs, [...op.inputs].reverse()]) {
    const found = layerNormalization(g.producer(a, "Mul"), b as string, g);
    if (found === undefined) continue;
    const [output = ""] = op.outputs;
    const vector = (hint: string, name: string) => {
      const constant = g.constant(name);
      return constant === undefined
        ? undefined
        : g.addReshaped(`${output}/${hint}`, constant, [elementCount(constant.shape)]);
    };
    const [scale, bias] = [vector("scale", found.scale), vector("bias", found.bias)];
    if (scale === undefined || bias === undefined) continue;
    const attrs = { axis: -1, epsilon: { float: found.epsilon } };
    return [makeOp("LayerNormalization", [found.x, scale, bias], output, attrs)];
  }
  return undefined;
}

interface LayerNormalization {
  readonly x: string;
  readonly scale: string;
  readonly bias: string;
  readonly epsilon: number;
}

function layerNormalization(
  scaled: OnnxOp | undefined,
  rest: string,
  g: GraphEditor,
): LayerNormalization | undefined {
  const offset = centredOffset(rest, g);
  if (scaled === undefined || offset === undefined) return undefined;
  const { bias, mean, factor } = offset;
  const x = scaled.inputs.find((name) => name !== factor);
  if (x === undefined || !scaled.inputs.includes(factor) || lastAxisMean(mean, g) !== x) return undefined;
  const product = g.producer(factor, "Mul");
  if (product === undefined) return undefined;
  const [deviation, scale] = sides(product, (name) => g.producer(name, "Reciprocal"));
  if (deviation === undefined || !isVectorOfLast(scale, x, g) || !isVectorOfLast(bias, x, g))
    return undefined;
  const sum = g.producer(g.producer(deviation.inputs[0], "Sqrt")?.inputs[0], "Add");
  if (sum === undefined) return undefined;
  const [epsilon, variance] = sides(sum, (name) => g.scalar(name));
  if (epsilon === undefined || !isVarianceOf(variance, x, mean, g)) return undefined;
  return { x, scale, bias, epsilon };
}

/** β - mean · m, or β + (-mean) · m. */
function centredOffset(
  name: string,
  g: GraphEditor,
): { bias: string; mean: string; factor: string } | undefined {
  const subtracted = g.producer(name, "Sub");
  if (subtracted !== undefined) {
    const product = g.producer(subtracted.inputs[1], "Mul");
    if (product === undefined) return undefined;
    const [mean, factor] = sides(product, (each) => g.producer(each, "ReduceMean"));
    const [bias = ""] = subtracted.inputs;
    return mean === undefined ? undefined : { bias, mean: mean.outputs[0] as string, factor };
  }
  const sum = g.producer(name, "Add");
  if (sum === undefined) return undefined;
  const [product, bias] = sides(sum, (each) => g.producer(each, "Mul"));
  if (product === undefined) return undefined;
  const [negated, factor] = sides(product, (each) => g.producer(each, "Neg"));
  return negated === undefined ? undefined : { bias, mean: negated.inputs[0] as string, factor };
}

/** What a value is the mean of, along the last dimension, which stays. */
function lastAxisMean(name: string, g: GraphEditor): string | undefined {
  const mean = g.producer(name, "ReduceMean");
  const x = mean?.inputs[0];
  const axes = g.numbers(mean?.inputs[1]);
  const rank = g.shape(x)?.length;
  if (mean === undefined || axes?.length !== 1 || mean.attrs.keepdims === 0) return undefined;
  return axes[0] === -1 || (rank !== undefined && axes[0] === rank - 1) ? x : undefined;
}

function isVarianceOf(name: string, x: string, mean: string, g: GraphEditor): boolean {
  const square = g.producer(lastAxisMean(name, g), "Mul");
  if (square === undefined || square.inputs[0] !== square.inputs[1]) return false;
  const difference = g.producer(square.inputs[0], "Sub");
  return difference?.inputs[0] === x && difference.inputs[1] === mean;
}

/** A constant with one element for each of the last dimension of x, which is known. */
function isVectorOfLast(name: string | undefined, x: string, g: GraphEditor): boolean {
  const constant = g.constant(name);
  const size = g.shape(x)?.at(-1);
  if (constant === undefined || size === undefined || size <= 0) return false;
  return (
    constant.dtype === "float32" && constant.shape.at(-1) === size && elementCount(constant.shape) === size
  );
}
