/** Rows of operations (keras/src/ops), by class; and the functions of TensorFlow that Keras 2 records, by name. */
import type { DType } from "../dtype.js";
import { dtypeFromName } from "../dtype.js";
import type { Output } from "../graph-builder/operation.js";
import { unimplemented } from "../status.js";
import type { Tensor } from "../tensor.js";
import { type ActivationOptions, activationByName } from "./activations.js";
import { isJsonObject } from "./config.js";
import { type Arg, isLayerTensor, type Layer, type LayerArgs, tensorsOf } from "./layer.js";
import type { LayerRow } from "./layers/row.js";
import { dimsOf, frontAxis, int, ints, numbersOf, rankOf, type Size } from "./nodes.js";

/** An operation as it is called: its arguments, and what its configuration says instead of them. */
class OperationCall {
  constructor(
    readonly layer: Layer,
    readonly args: LayerArgs,
  ) {}

  get n() {
    return this.layer.n;
  }

  arg(place: number, name: string): Arg | undefined {
    const given = this.args.positional[place] ?? this.args.named[name];
    if (given !== undefined && given !== null) return given;
    const configured = this.layer.config.get(name);
    return configured === null ? undefined : configured;
  }

  /** A tensor, or a number as a constant of the dtype of the other operand. */
  operand(place: number, name: string, like?: DType): Output {
    const arg = this.arg(place, name);
    if (isLayerTensor(arg)) return arg.output;
    if (typeof arg === "number" || typeof arg === "boolean") {
      return this.n.g.constant(numbersOf(like ?? "float32", [], [Number(arg)]));
    }
    const flat = flatten(arg);
    if (flat !== undefined) return this.n.g.constant(numbersOf(like ?? "float32", flat.shape, flat.values));
    return this.layer.refuse(`its argument "${name}" is no tensor`);
  }

  private constantOperand(arg: Arg | undefined, place: number, dtype: DType): Output {
    const flat = flatten(arg);
    if (flat === undefined) return this.layer.refuse(`its operand ${place} is no tensor`);
    return this.n.g.constant(numbersOf(dtype, flat.shape, flat.values));
  }

  get x(): Output {
    return this.operand(0, "x");
  }

  /** Two operands of one dtype: a number takes that of the tensor, else the wider of both is taken. */
  pair(): [Output, Output] {
    const { n } = this;
    const named = (place: number, names: readonly string[]) =>
      names.map((name) => this.arg(place, name)).find((arg) => arg !== undefined);
    const [a, b] = [named(0, ["x1", "x", "a"]), named(1, ["x2", "y", "b"])];
    const dtypes = [a, b].flatMap((arg) => (isLayerTensor(arg) ? [arg.output.dtype] : []));
    const dtype = dtypes.reduce((left, right) => wider(left, right), dtypes[0] ?? "float32");
    const isFractional = [a, b].some((arg) => typeof arg === "number" && !Number.isInteger(arg));
    const common = isFractional && !isFloat(dtype) ? "float32" : dtype;
    const operand = (arg: Arg | undefined, place: number) =>
      isLayerTensor(arg) ? n.cast(arg.output, common) : this.constantOperand(arg, place, common);
    return [operand(a, 0), operand(b, 1)];
  }

  number(place: number, name: string, otherwise: number): number {
    const arg = this.arg(place, name);
    return typeof arg === "number" ? arg : otherwise;
  }

  flag(place: number, name: string, otherwise = false): boolean {
    const arg = this.arg(place, name);
    return typeof arg === "boolean" ? arg : otherwise;
  }

  /** Axes counted from the front; all of them where none are given. */
  axes(place: number, name = "axis"): number[] {
    const arg = this.arg(place, name);
    const rank = rankOf(this.x);
    const list = typeof arg === "number" ? [arg] : Array.isArray(arg) ? arg.map(Number) : undefined;
    return list?.map((axis) => frontAxis(axis, rank)) ?? Array.from({ length: rank }, (_, i) => i);
  }

  numbers(place: number, name: string): number[] {
    const arg = this.arg(place, name);
    if (typeof arg === "number") return [arg];
    if (Array.isArray(arg) && arg.every((each) => typeof each === "number")) return arg as number[];
    return this.layer.refuse(`its argument "${name}" is no list of numbers`);
  }

  dtype(place: number, name: string): DType {
    const arg = this.arg(place, name);
    const text = typeof arg === "string" ? arg : dtypeRecord(arg);
    const dtype = text === undefined ? undefined : dtypeFromName(text);
    return dtype ?? this.layer.refuse(`its argument "${name}" is no dtype`);
  }
}

/** Keras 2 writes {"class_name": "TypeSpec" …}; the name is its configuration. */
function dtypeRecord(arg: Arg | undefined): string | undefined {
  if (typeof arg !== "object" || arg === null || Array.isArray(arg) || isLayerTensor(arg)) return undefined;
  const record = arg as { readonly [name: string]: Arg };
  const config = record.config;
  return typeof config === "string" ? config : undefined;
}

function flatten(arg: Arg | undefined): { shape: number[]; values: number[] } | undefined {
  if (typeof arg === "number") return { shape: [], values: [arg] };
  if (!Array.isArray(arg)) return undefined;
  const parts = arg.map(flatten);
  if (parts.some((part) => part === undefined)) return undefined;
  const known = parts as { shape: number[]; values: number[] }[];
  return { shape: [arg.length, ...(known[0]?.shape ?? [])], values: known.flatMap(({ values }) => values) };
}

const floatOrder: readonly DType[] = ["bfloat16", "float16", "float32", "float64"];
const intOrder: readonly DType[] = [
  "bool",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "uint32",
  "int64",
  "uint64",
];

function isFloat(dtype: DType): boolean {
  return floatOrder.includes(dtype);
}

function wider(a: DType, b: DType): DType {
  if (a === b) return a;
  if (isFloat(a) !== isFloat(b)) return isFloat(a) ? a : b;
  const order = isFloat(a) ? floatOrder : intOrder;
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}

type Compute = (call: OperationCall) => Output | readonly Output[];

const row = (compute: Compute): LayerRow => ({
  takesAnyDtype: true,
  call: (layer, args) => [compute(new OperationCall(layer, args))].flat().map((output) => ({ output })),
});

/** Integers become floats first. */
const floatUnary = (op: string) => row(({ n, x }) => n.op(op, [isFloat(x.dtype) ? x : n.cast(x, "float32")]));
const unary = (op: string) => row(({ n, x }) => n.op(op, [x]));
const binary = (op: string) => row((call) => call.n.op(op, call.pair()));
const floatBinary = (op: string) =>
  row((call) => {
    const [a, b] = call.pair();
    const dtype = isFloat(a.dtype) ? a.dtype : "float32";
    return call.n.op(op, [call.n.cast(a, dtype), call.n.cast(b, dtype)]);
  });

const reduction = (op: "Sum" | "Mean" | "Max" | "Min" | "Prod" | "All" | "Any") =>
  row((call) => {
    const { n, x } = call;
    const input =
      op === "Mean" && !isFloat(x.dtype)
        ? n.cast(x, "float32")
        : op === "All" || op === "Any"
          ? n.cast(x, "bool")
          : x;
    return n.reduce(op, input, call.axes(1), call.flag(99, "keepdims") || call.flag(99, "keep_dims"));
  });

const deviation = (isRoot: boolean) =>
  row((call) => {
    const { n, x } = call;
    const axes = call.axes(1);
    const mean = n.reduce("Mean", x, axes, true);
    const variance = n.reduce("Mean", n.op("SquaredDifference", [x, mean]), axes, call.flag(99, "keepdims"));
    return isRoot ? n.op("Sqrt", [variance]) : variance;
  });

const argument = (op: "ArgMax" | "ArgMin") =>
  row((call) => {
    const { n, x } = call;
    const axis = call.arg(1, "axis");
    const flat = typeof axis === "number" ? x : n.op("Reshape", [x, ints(-1)]);
    const at = frontAxis(typeof axis === "number" ? axis : 0, rankOf(flat));
    const found = n.op(op, [flat, int(at)], { output_type: "int32" });
    return call.flag(99, "keepdims") ? n.expand(found, at) : found;
  });

const activation = (name: string, options: (call: OperationCall) => ActivationOptions = () => ({})) =>
  row((call) =>
    activationByName({ n: call.n, isKeras2: call.layer.build.isKeras2 }, call.x, name, options(call)),
  );

const overAxis = (call: OperationCall): ActivationOptions => ({ axis: call.number(1, "axis", -1) });

function tensorList(call: OperationCall, name = "xs"): Output[] {
  const tensors = tensorsOf(call.args.positional[0] ?? call.args.named[name] ?? call.args.named.values).map(
    ({ output }) => output,
  );
  if (tensors.length === 0) call.layer.refuse("it is called without tensors");
  const dtype = tensors.reduce((left, { dtype: right }) => wider(left, right), (tensors[0] as Output).dtype);
  return tensors.map((x) => call.n.cast(x, dtype));
}

const reshape: Compute = (call) => {
  const arg = call.arg(1, "newshape") ?? call.arg(1, "shape");
  if (!Array.isArray(arg)) return call.layer.refuse("its shape is computed");
  const sizes = arg.map(
    (size): Size => (isLayerTensor(size) ? call.n.cast(size.output, "int32") : Number(size ?? -1)),
  );
  return call.n.op("Reshape", [call.x, call.n.shapeVector(sizes)]);
};

const transpose: Compute = (call) => {
  const { n, x } = call;
  const axes = call.arg(1, "axes") ?? call.arg(1, "perm");
  const rank = rankOf(x);
  const order = Array.isArray(axes) ? axes.map((axis) => frontAxis(Number(axis), rank)) : undefined;
  return n.transpose(x, order ?? Array.from({ length: rank }, (_, i) => rank - 1 - i));
};

const squeeze: Compute = (call) => {
  const { n, x } = call;
  const arg = call.arg(1, "axis");
  const axes =
    arg === undefined ? dimsOf(x).flatMap((size, axis) => (size === 1 ? [axis] : [])) : call.axes(1);
  return [...axes].sort((a, b) => b - a).reduce((squeezed, axis) => n.squeeze(squeezed, axis), x);
};

const matmul: Compute = (call) => {
  const { n } = call;
  const [a, b] = call.pair();
  if (rankOf(a) === 2 && rankOf(b) === 2) return n.op("MatMul", [a, b]);
  if (rankOf(b) === 2) return n.dense(a, b);
  return n.op("BatchMatMulV2", [a, b]);
};

const einsum: Compute = (call) => {
  const equation = call.arg(99, "subscripts") ?? call.args.positional[0];
  if (typeof equation !== "string") return call.layer.refuse("its equation is not known");
  const tensors = call.args.tensors.map(({ output }) => output);
  return call.n.op("Einsum", [tensors], { equation });
};

const where: Compute = (call) => {
  const { n } = call;
  const [a, b] = [call.arg(1, "x1"), call.arg(2, "x2")];
  const like = [a, b].flatMap((arg) => (isLayerTensor(arg) ? [arg.output.dtype] : []))[0];
  return n.where(
    n.cast(call.operand(0, "condition"), "bool"),
    call.operand(1, "x1", like),
    call.operand(2, "x2", like),
  );
};

const clip: Compute = (call) => {
  const { n, x } = call;
  const bound = (place: number, names: readonly string[]) =>
    names.map((name) => call.arg(place, name)).find((arg) => typeof arg === "number") as number | undefined;
  const [low, high] = [bound(1, ["x_min", "clip_value_min"]), bound(2, ["x_max", "clip_value_max"])];
  if (low === undefined || high === undefined) return call.layer.refuse("its bounds are computed");
  return n.clipped(x, low, high);
};

const split: Compute = (call) => {
  const { n, x } = call;
  const arg = call.arg(1, "indices_or_sections") ?? call.arg(1, "num_or_size_splits");
  const axis = frontAxis(call.number(2, "axis", 0), rankOf(x));
  if (typeof arg === "number") return n.split(x, arg, axis);
  if (!Array.isArray(arg)) return call.layer.refuse("its parts are computed");
  const bounds = arg.map(Number);
  return [0, ...bounds].map((from, i) => n.slice(x, axis, from, bounds[i]));
};

/** x[…] with numbers, ranges, an ellipsis and new axes. */
const getItem: Compute = (call) => {
  const keys = call.arg(1, "key") ?? call.arg(1, "slice_spec");
  return sliced(call, call.x, Array.isArray(keys) ? keys : [keys]);
};

function sliced(call: OperationCall, x: Output, keys: readonly (Arg | undefined)[]): Output {
  const { layer, n } = call;
  const [begin, end, strides] = [[], [], []] as [number[], number[], number[]];
  const masks = { begin_mask: 0, end_mask: 0, shrink_axis_mask: 0, ellipsis_mask: 0, new_axis_mask: 0 };
  keys.forEach((key, i) => {
    const bit = 2 ** i;
    const range = rangeOf(key);
    begin.push(typeof key === "number" ? key : (range?.start ?? 0));
    end.push(typeof key === "number" ? key + 1 : (range?.stop ?? 0));
    strides.push(range?.step ?? 1);
    if (typeof key === "number") {
      masks.shrink_axis_mask += bit;
      if (key === -1) masks.end_mask += bit;
    } else if (isEllipsis(key)) masks.ellipsis_mask += bit;
    else if (key === null || key === undefined) masks.new_axis_mask += bit;
    else if (range === undefined) layer.refuse("an index that is computed");
    else {
      if (range.start === undefined) masks.begin_mask += bit;
      if (range.stop === undefined) masks.end_mask += bit;
    }
  });
  return n.op("StridedSlice", [x, ints(...begin), ints(...end), ints(...strides)], masks);
}

interface Range {
  readonly start: number | undefined;
  readonly stop: number | undefined;
  readonly step: number | undefined;
}

/** A Python slice: {"class_name": "__slice__", "config": {start, stop, step}}, or {start, stop, step} in Keras 2. */
function rangeOf(key: Arg | undefined): Range | undefined {
  if (typeof key !== "object" || key === null || Array.isArray(key) || isLayerTensor(key)) return undefined;
  const record = key as { readonly [name: string]: Arg };
  const values = isJsonObject(record.config as never)
    ? (record.config as { readonly [name: string]: Arg })
    : record;
  if (!("start" in values) && !("stop" in values)) return undefined;
  const part = (name: string) => (typeof values[name] === "number" ? (values[name] as number) : undefined);
  return { start: part("start"), stop: part("stop"), step: part("step") };
}

function isEllipsis(key: Arg | undefined): boolean {
  if (key === "Ellipsis" || key === "...") return true;
  if (typeof key !== "object" || key === null) return false;
  return (key as { readonly class_name?: Arg }).class_name === "__ellipsis__";
}

const take: Compute = (call) => {
  const { n, x } = call;
  const axis = call.arg(2, "axis");
  const flat = typeof axis === "number" ? x : n.op("Reshape", [x, ints(-1)]);
  const indices = n.cast(call.operand(1, "indices", "int32"), "int32");
  return n.op("GatherV2", [flat, indices, int(frontAxis(typeof axis === "number" ? axis : 0, rankOf(flat)))]);
};

const pad: Compute = (call) => {
  const { n, x } = call;
  const flat = flatten(call.arg(1, "pad_width") ?? call.arg(1, "paddings"));
  if (flat === undefined) return call.layer.refuse("its widths are computed");
  const rank = rankOf(x);
  const widths =
    flat.values.length === 2 * rank
      ? flat.values
      : Array.from({ length: 2 * rank }, (_, i) => flat.values[i % flat.values.length] as number);
  const paddings: Tensor = { dtype: "int32", shape: [rank, 2], data: Int32Array.from(widths) };
  const mode = String(call.arg(2, "mode") ?? "constant").toLowerCase();
  if (mode === "constant")
    return n.op("PadV2", [x, paddings, n.number(x, call.number(3, "constant_values", 0))]);
  return n.op("MirrorPad", [x, paddings], { mode: mode.toUpperCase() });
};

const stack: Compute = (call) => {
  const tensors = tensorList(call, "x");
  const axis = call.number(1, "axis", 0);
  return call.n.op("Pack", [tensors], { axis: frontAxis(axis, rankOf(tensors[0] as Output) + 1) });
};

const oneHot: Compute = (call) => {
  const { n } = call;
  const depth = call.number(1, "num_classes", call.number(1, "depth", 0));
  const dtype = call.arg(3, "dtype") === undefined ? "float32" : call.dtype(3, "dtype");
  const axis = call.number(2, "axis", -1);
  return n.op("OneHot", [n.cast(call.x, "int32"), int(depth), n.number(dtype, 1), n.number(dtype, 0)], {
    axis,
  });
};

const normalize: Compute = (call) => {
  const { n, x } = call;
  const axis = call.number(1, "axis", -1);
  const square = n.reduce("Sum", n.op("Square", [x]), [axis], true);
  return n.mul(x, n.op("Rsqrt", [n.op("Maximum", [square, n.number(x, 1e-12)])]));
};

const logSumExp: Compute = (call) => {
  const { n, x } = call;
  const axes = call.axes(1);
  const largest = n.reduce("Max", x, axes, true);
  const sum = n.op("Log", [n.reduce("Sum", n.op("Exp", [n.sub(x, largest)]), axes, true)]);
  const result = n.add(sum, largest);
  if (call.flag(2, "keepdims")) return result;
  return [...axes].sort((a, b) => b - a).reduce((squeezed, axis) => n.squeeze(squeezed, axis), result);
};

/** The operations of keras.ops by class. */
export const kerasOperations: Readonly<Record<string, LayerRow>> = {
  Add: binary("AddV2"),
  Subtract: binary("Sub"),
  Multiply: binary("Mul"),
  Divide: floatBinary("RealDiv"),
  TrueDivide: floatBinary("RealDiv"),
  FloorDivide: binary("FloorDiv"),
  Mod: binary("FloorMod"),
  Power: binary("Pow"),
  Maximum: binary("Maximum"),
  Minimum: binary("Minimum"),
  Arctan2: floatBinary("Atan2"),
  Equal: binary("Equal"),
  NotEqual: binary("NotEqual"),
  Greater: binary("Greater"),
  GreaterEqual: binary("GreaterEqual"),
  Less: binary("Less"),
  LessEqual: binary("LessEqual"),
  LogicalAnd: binary("LogicalAnd"),
  LogicalOr: binary("LogicalOr"),
  LogicalNot: row(({ n, x }) => n.op("LogicalNot", [n.cast(x, "bool")])),
  Absolute: unary("Abs"),
  Abs: unary("Abs"),
  Negative: unary("Neg"),
  Sign: unary("Sign"),
  Square: unary("Square"),
  Floor: floatUnary("Floor"),
  Ceil: floatUnary("Ceil"),
  Round: row(({ n, x }) => n.op("Round", [x])),
  Reciprocal: floatUnary("Reciprocal"),
  Exp: floatUnary("Exp"),
  Expm1: floatUnary("Expm1"),
  Log: floatUnary("Log"),
  Log1p: floatUnary("Log1p"),
  Log2: row(({ n, x }) => n.scaled(n.op("Log", [x]), Math.LOG2E)),
  Log10: row(({ n, x }) => n.scaled(n.op("Log", [x]), Math.LOG10E)),
  Sqrt: floatUnary("Sqrt"),
  Rsqrt: floatUnary("Rsqrt"),
  Sin: floatUnary("Sin"),
  Cos: floatUnary("Cos"),
  Tan: floatUnary("Tan"),
  Arcsin: floatUnary("Asin"),
  Arccos: floatUnary("Acos"),
  Arctan: floatUnary("Atan"),
  Sinh: floatUnary("Sinh"),
  Cosh: floatUnary("Cosh"),
  Erf: floatUnary("Erf"),
  Isnan: floatUnary("IsNan"),
  Isinf: floatUnary("IsInf"),
  Isfinite: floatUnary("IsFinite"),
  ZerosLike: unary("ZerosLike"),
  OnesLike: unary("OnesLike"),
  Sum: reduction("Sum"),
  Mean: reduction("Mean"),
  Max: reduction("Max"),
  Min: reduction("Min"),
  Amax: reduction("Max"),
  Amin: reduction("Min"),
  Prod: reduction("Prod"),
  All: reduction("All"),
  Any: reduction("Any"),
  Var: deviation(false),
  Std: deviation(true),
  Argmax: argument("ArgMax"),
  Argmin: argument("ArgMin"),
  Logsumexp: row(logSumExp),
  Cumsum: row((call) => call.n.op("Cumsum", [call.x, int(call.number(1, "axis", 0))])),
  Reshape: row(reshape),
  Transpose: row(transpose),
  Squeeze: row(squeeze),
  ExpandDims: row((call) =>
    [...call.numbers(1, "axis")].sort((a, b) => a - b).reduce((x, axis) => call.n.expand(x, axis), call.x),
  ),
  Concatenate: row((call) => {
    const tensors = tensorList(call);
    return call.n.concat(tensors, frontAxis(call.number(1, "axis", 0), rankOf(tensors[0] as Output)));
  }),
  Stack: row(stack),
  Split: row(split),
  Unstack: row((call) => {
    const axis = frontAxis(call.number(2, "axis", 0), rankOf(call.x));
    const count = dimsOf(call.x)[axis] as number;
    return call.n.ops("Unpack", [call.x], { num: count, axis }).outputs;
  }),
  Tile: row((call) => call.n.op("Tile", [call.x, ints(...call.numbers(1, "repeats"))])),
  Flip: row((call) => call.n.op("ReverseV2", [call.x, ints(...call.axes(1))])),
  Swapaxes: row((call) => {
    const rank = rankOf(call.x);
    const [a, b] = [frontAxis(call.number(1, "axis1", 0), rank), frontAxis(call.number(2, "axis2", 1), rank)];
    return call.n.transpose(
      call.x,
      Array.from({ length: rank }, (_, i) => (i === a ? b : i === b ? a : i)),
    );
  }),
  Moveaxis: row((call) => {
    const rank = rankOf(call.x);
    const from = frontAxis(call.numbers(1, "source")[0] as number, rank);
    const to = frontAxis(call.numbers(2, "destination")[0] as number, rank);
    const order = Array.from({ length: rank }, (_, i) => i).filter((axis) => axis !== from);
    return call.n.transpose(call.x, order.toSpliced(to, 0, from));
  }),
  Pad: row(pad),
  Where: row(where),
  Clip: row(clip),
  Take: row(take),
  GetItem: row(getItem),
  Matmul: row(matmul),
  Dot: row(matmul),
  Einsum: row(einsum),
  Cast: row((call) => call.n.cast(call.x, call.dtype(1, "dtype"))),
  Identity: row((call) => call.x),
  StopGradient: row((call) => call.x),
  OneHot: row(oneHot),
  Normalize: row(normalize),
  Softmax: activation("softmax", overAxis),
  LogSoftmax: activation("log_softmax", overAxis),
  Relu: activation("relu"),
  Relu6: activation("relu6"),
  Sigmoid: activation("sigmoid"),
  LogSigmoid: activation("log_sigmoid"),
  Softplus: activation("softplus"),
  Softsign: activation("softsign"),
  SoftShrink: activation("soft_shrink", (call) => ({ threshold: call.number(1, "threshold", 0.5) })),
  HardShrink: activation("hard_shrink", (call) => ({ threshold: call.number(1, "threshold", 0.5) })),
  HardSigmoid: activation("hard_sigmoid"),
  HardSilu: activation("hard_silu"),
  HardTanh: activation("hard_tanh"),
  TanhShrink: activation("tanh_shrink"),
  SparsePlus: activation("sparse_plus"),
  SparseSigmoid: activation("sparse_sigmoid"),
  Squareplus: activation("squareplus", (call) => ({ value: call.number(1, "b", 4) })),
  Silu: activation("silu"),
  Elu: activation("elu", (call) => ({ alpha: call.number(1, "alpha", 1) })),
  Selu: activation("selu"),
  Celu: activation("celu", (call) => ({ alpha: call.number(1, "alpha", 1) })),
  Gelu: activation("gelu", (call) => ({ approximate: call.flag(1, "approximate", true) })),
  Glu: activation("glu", overAxis),
  Tanh: floatUnary("Tanh"),
  LeakyRelu: activation("leaky_relu", (call) => ({ alpha: call.number(1, "negative_slope", 0.2) })),
  Threshold: activation("threshold", (call) => ({
    threshold: call.number(1, "threshold", 0),
    value: call.number(2, "default_value", 0),
  })),
  Sparsemax: activation("sparsemax", overAxis),
};

/** Functions of TensorFlow by the names that Keras 2 records. */
const functionNames: Readonly<Record<string, string>> = {
  "math.add": "Add",
  "__operators__.add": "Add",
  "math.subtract": "Subtract",
  "math.multiply": "Multiply",
  "math.divide": "Divide",
  "math.truediv": "Divide",
  "math.floordiv": "FloorDivide",
  "math.floormod": "Mod",
  "math.pow": "Power",
  "math.maximum": "Maximum",
  "math.minimum": "Minimum",
  "math.equal": "Equal",
  "math.not_equal": "NotEqual",
  "math.greater": "Greater",
  "math.greater_equal": "GreaterEqual",
  "math.less": "Less",
  "math.less_equal": "LessEqual",
  "math.logical_and": "LogicalAnd",
  "math.logical_or": "LogicalOr",
  "math.logical_not": "LogicalNot",
  "math.abs": "Abs",
  "math.negative": "Negative",
  "math.sign": "Sign",
  "math.square": "Square",
  "math.sqrt": "Sqrt",
  "math.rsqrt": "Rsqrt",
  "math.exp": "Exp",
  "math.expm1": "Expm1",
  "math.log": "Log",
  "math.log1p": "Log1p",
  "math.floor": "Floor",
  "math.ceil": "Ceil",
  "math.round": "Round",
  "math.reciprocal": "Reciprocal",
  "math.sin": "Sin",
  "math.cos": "Cos",
  "math.tanh": "Tanh",
  "math.erf": "Erf",
  "math.sigmoid": "Sigmoid",
  "math.softplus": "Softplus",
  "math.reduce_sum": "Sum",
  "math.reduce_mean": "Mean",
  "math.reduce_max": "Max",
  "math.reduce_min": "Min",
  "math.reduce_prod": "Prod",
  "math.reduce_all": "All",
  "math.reduce_any": "Any",
  "math.reduce_logsumexp": "Logsumexp",
  "math.argmax": "Argmax",
  "math.argmin": "Argmin",
  "math.cumsum": "Cumsum",
  "math.l2_normalize": "Normalize",
  "nn.l2_normalize": "Normalize",
  "linalg.l2_normalize": "Normalize",
  "linalg.matmul": "Matmul",
  "linalg.einsum": "Einsum",
  einsum: "Einsum",
  reshape: "Reshape",
  transpose: "Transpose",
  "compat.v1.transpose": "Transpose",
  squeeze: "Squeeze",
  "compat.v1.squeeze": "Squeeze",
  expand_dims: "ExpandDims",
  concat: "Concatenate",
  stack: "Stack",
  split: "Split",
  unstack: "Unstack",
  tile: "Tile",
  pad: "Pad",
  where: "Where",
  clip_by_value: "Clip",
  gather: "Take",
  "compat.v1.gather": "Take",
  cast: "Cast",
  identity: "Identity",
  stop_gradient: "StopGradient",
  one_hot: "OneHot",
  zeros_like: "ZerosLike",
  ones_like: "OnesLike",
  reverse: "Flip",
  "nn.relu": "Relu",
  "nn.relu6": "Relu6",
  "nn.elu": "Elu",
  "nn.selu": "Selu",
  "nn.silu": "Silu",
  "nn.softmax": "Softmax",
  "nn.log_softmax": "LogSoftmax",
  "nn.sigmoid": "Sigmoid",
  "nn.softplus": "Softplus",
  "nn.tanh": "Tanh",
  "nn.leaky_relu": "LeakyRelu",
  "__operators__.getitem": "GetItem",
};

/** The row of a recorded function. UNIMPLEMENTED, naming it, for those that have none. */
export function keras2Operations(name: string): LayerRow {
  const known = functionNames[name];
  const found = known === undefined ? undefined : kerasOperations[known];
  if (found === undefined) throw unimplemented(`layer TFOpLambda: the function tf.${name} is not supported`);
  return found;
}
