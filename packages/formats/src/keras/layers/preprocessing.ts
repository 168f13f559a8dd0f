/** Layers that turn features into numbers (keras/src/layers/preprocessing), all but those for text and pictures. */
import type { DType } from "../../dtype.js";
import type { Output } from "../../graph-builder/operation.js";
import { invalidArgument } from "../../status.js";
import { stringTensor, type Tensor } from "../../tensor.js";
import type { Json } from "../config.js";
import { type Layer, tensorsOf } from "../layer.js";
import { frontAxes, int, knownSize, type Nodes, numbersOf, rankOf } from "../nodes.js";
import type { LayerRow, LayerTable } from "./row.js";

const EPSILON = 1e-7;

// ---- numbers of classes as vectors ---------------------------------------------------------------------------

export interface Encoding {
  readonly mode: string;
  readonly depth: number;
  readonly dtype: DType;
  /** What each entry counts for, with the mode "count". */
  readonly weights?: Output;
}

/** Integers as they are, or as vectors of `depth`; those outside count for nothing. */
export function encoded(layer: Layer, input: Output, { mode, depth, dtype, weights }: Encoding): Output {
  const { n } = layer;
  if (mode === "int") return n.cast(input, dtype);
  const x = rankOf(input) === 0 ? n.expand(input, 0) : input;
  if (mode === "one_hot") {
    const flat = rankOf(x) > 1 && x.shape?.at(-1) === 1 ? n.squeeze(x, -1) : x;
    return oneHot(n, flat, depth, dtype);
  }
  const hot = oneHot(n, x, depth, dtype);
  const axis = rankOf(x) === 1 ? 0 : 1;
  if (mode === "multi_hot") return n.reduce("Max", hot, [axis]);
  if (mode !== "count") return layer.refuse(`the output mode "${mode}" is not known`);
  const weighted = weights === undefined ? hot : n.mul(hot, n.expand(n.cast(weights, dtype), -1));
  return n.reduce("Sum", weighted, [axis]);
}

function oneHot(n: Nodes, x: Output, depth: number, dtype: DType): Output {
  const indices = x.dtype === "int64" || x.dtype === "int32" ? x : n.cast(x, "int64");
  return n.op("OneHot", [indices, int(depth), n.number(dtype, 1), n.number(dtype, 0)]);
}

function modeOf(layer: Layer, otherwise: string): string {
  if (layer.config.boolean("sparse", false)) layer.refuse("sparse outputs are not supported");
  return layer.config.string("output_mode", otherwise);
}

/** Layers with a dtype for their output: that of the configuration, int64 for plain numbers of classes. */
export function outputDtype(layer: Layer, mode: string): DType {
  const value = layer.config.get("dtype");
  if (mode === "int") return value === "int32" ? "int32" : "int64";
  return layer.dtype === "int64" || layer.dtype === "string" ? "float32" : layer.dtype;
}

const categoryEncoding: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) => {
    const mode = modeOf(layer, "multi_hot");
    const weights = args.tensor(1, "count_weights")?.output;
    const depth = layer.config.number("num_tokens");
    const settings = { mode, depth, dtype: layer.dtype, ...(weights && { weights }) };
    return [{ output: encoded(layer, args.input.output, settings) }];
  },
};

const discretization: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) => {
    const { n } = layer;
    const boundaries = layer.config.numbers("bin_boundaries", []);
    if (boundaries.length === 0) layer.refuse("it has no bin boundaries: adapt it before the model is saved");
    const mode = modeOf(layer, "int");
    const { output: x } = args.input;
    const bins = n.op("Bucketize", [x], { boundaries: [...boundaries] });
    const dtype = mode === "int" ? integerOutput(layer) : layer.dtype;
    return [{ output: encoded(layer, bins, { mode, depth: boundaries.length + 1, dtype }) }];
  },
};

function integerOutput(layer: Layer): DType {
  return layer.build.isKeras2 || layer.config.get("dtype") === "int64" ? "int64" : "int32";
}

// ---- hashes --------------------------------------------------------------------------------------------------

/** Bytes of a number or text as TensorFlow hashes them. */
function texts(n: Nodes, x: Output): Output {
  if (x.dtype === "string") return x;
  const whole =
    x.dtype === "float32" || x.dtype === "float64" || x.dtype === "float16" ? n.cast(x, "int64") : x;
  return n.op("AsString", [whole]);
}

function saltOf(layer: Layer): readonly number[] | undefined {
  const value = layer.config.get("salt");
  if (value === null) return undefined;
  const salt = layer.config.numbers("salt");
  return salt.length === 1 ? [salt[0] as number, salt[0] as number] : salt;
}

export function hashed(n: Nodes, x: Output, bins: number, salt: readonly number[] | undefined): Output {
  if (salt === undefined) return n.op("StringToHashBucketFast", [texts(n, x)], { num_buckets: bins });
  return n.op("StringToHashBucketStrong", [texts(n, x)], { num_buckets: bins, key: [...salt] });
}

const hashing: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const bins = config.number("num_bins");
    const maskValue = config.get("mask_value");
    const mode = modeOf(layer, "int");
    const x = args.input.output;
    const keepsZero = maskValue !== null && bins > 1;
    const hash = hashed(n, x, keepsZero ? bins - 1 : bins, saltOf(layer));
    const result = keepsZero ? withZero(n, x, hash, maskValue) : hash;
    return [{ output: encoded(layer, result, { mode, depth: bins, dtype: outputDtype(layer, mode) }) }];
  },
};

/** Bin 0 is for the value that stands for none. */
function withZero(n: Nodes, x: Output, hash: Output, value: Json): Output {
  const shifted = n.shifted(hash, 1);
  return n.where(n.op("Equal", [x, scalarOf(x.dtype, value)]), n.op("ZerosLike", [shifted]), shifted);
}

export function scalarOf(dtype: DType, value: Json): Tensor {
  if (dtype === "string") return stringTensor([], [String(value)]);
  return numbersOf(dtype, [], [Number(value)]);
}

/** The fingerprint that all cross features of TensorFlow begin with. */
const hashedCrossing: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const inputs = tensorsOf(args.positional[0]).map(({ output }) => output);
    const rank = rankOf(inputs[0] as Output);
    const columns = inputs.map((x) => (rank === 1 ? n.expand(x, 1) : x));
    const bins = config.number("num_bins");
    const dense = columns.map((x) => (x.dtype === "string" ? x : n.cast(x, "int64")));
    const crossed = n.ops("SparseCross", [[], [], [], dense], {
      hashed_output: true,
      num_buckets: bins,
      hash_key: 0xdecafcaffen,
      out_type: "int64",
      internal_type: inputs.every((x) => x.dtype === "string") ? "string" : "int64",
    });
    const [indices, values, shape] = crossed.outputs as [Output, Output, Output];
    const zero = { dtype: "int64" as const, shape: [], data: BigInt64Array.of(0n) };
    const result = n.op("SparseToDense", [indices, shape, values, zero]);
    const sized = n.reshape(result, n.sizes(inputs[0] as Output));
    const mode = modeOf(layer, "int");
    return [{ output: encoded(layer, sized, { mode, depth: bins, dtype: outputDtype(layer, mode) }) }];
  },
};

// ---- numbers -------------------------------------------------------------------------------------------------

const normalization: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const x = n.cast(args.input.output, layer.dtype);
    const rank = rankOf(x);
    const axes = config.has("axis") ? frontAxes(config.numbers("axis"), rank) : [];
    const sizes = axes.map((axis) => knownSize(x, axis, layer.where));
    const shape = Array.from({ length: rank }, (_, axis) =>
      axes.includes(axis) ? knownSize(x, axis, layer.where) : 1,
    );
    const mean = n.reshape(statistic(layer, "mean", sizes), shape);
    const variance = n.reshape(statistic(layer, "variance", sizes), shape);
    if (!isGiven(config.get("mean")))
      layer.weight("count", [], { trainable: false, dtype: layer.build.isKeras2 ? "int64" : "int32" });
    const deviation = n.op("Maximum", [n.op("Sqrt", [variance]), n.number(x, EPSILON)]);
    const isInverse = config.boolean("invert", false);
    return [{ output: isInverse ? n.add(mean, n.mul(x, deviation)) : n.div(n.sub(x, mean), deviation) }];
  },
};

function isGiven(value: Json): boolean {
  return value !== null && !(Array.isArray(value) && value.length === 0);
}

/** From the configuration, where it was given there, else from the file. */
function statistic(layer: Layer, name: string, sizes: readonly number[]): Output {
  const value = layer.config.get(name);
  if (!isGiven(value)) return layer.weight(name, sizes, { trainable: false });
  const numbers = flatNumbers(value);
  const count = layer.bounded(
    name,
    sizes.reduce((all, size) => all * size, 1),
    2 ** 24,
  );
  const filled = numbers.length === 1 ? new Array<number>(count).fill(numbers[0] as number) : numbers;
  if (filled.length !== count)
    throw invalidArgument(`${layer.where}: ${name} has ${filled.length} entries, expected ${count}`);
  return layer.n.g.constant(numbersOf(layer.dtype, sizes, filled));
}

export function flatNumbers(value: Json): number[] {
  if (typeof value === "number") return [value];
  return Array.isArray(value) ? value.flatMap(flatNumbers) : [];
}

const rescaling: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const x = n.cast(args.input.output, layer.dtype);
    const rank = rankOf(x);
    const parameter = (name: string, otherwise: number) => {
      const numbers = config.has(name) ? flatNumbers(config.get(name)) : [otherwise];
      if (numbers.length === 1) return n.number(x, numbers[0] as number);
      const shape = layer.isChannelsFirst && rank === 4 ? [numbers.length, 1, 1] : [numbers.length];
      return numbersOf(x.dtype, shape, numbers);
    };
    return [{ output: n.add(n.mul(x, parameter("scale", 1)), parameter("offset", 0)) }];
  },
};

export const preprocessingRows: LayerTable = {
  Normalization: normalization,
  Rescaling: rescaling,
  CategoryEncoding: categoryEncoding,
  Discretization: discretization,
  Hashing: hashing,
  HashedCrossing: hashedCrossing,
};
