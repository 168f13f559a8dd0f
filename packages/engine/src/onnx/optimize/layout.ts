/**
 * TensorFlow's images have their channels last, ONNX's first, so every convolution comes with a transposition before and
 * after it. Here the one after is moved down the graph, past operators to which the order of dimensions is the same,
 * until it meets the one before the next convolution, and both are gone.
 *
 * ONNX Runtime does this too, but fuses convolutions with what follows them before it does, and gives up at operators
 * that it does not know; what then stays between two convolutions costs two reorderings of its blocked layout.
 */
import { elementCount } from "@servable/formats";
import type { OnnxOp } from "../onnx-graph.js";
import { type GraphEditor, intsAttr, makeOp, type Rewritten } from "./graph-editor.js";

/** Operators that treat every element alike. Further inputs are scalars. */
const elementwise = new Set([
  "Abs",
  "Cast",
  "Ceil",
  "Clip",
  "Elu",
  "Erf",
  "Exp",
  "Floor",
  "Gelu",
  "HardSigmoid",
  "HardSwish",
  "Identity",
  "LeakyRelu",
  "Log",
  "Neg",
  "Reciprocal",
  "Relu",
  "Round",
  "Selu",
  "Sigmoid",
  "Sign",
  "Softplus",
  "Softsign",
  "Sqrt",
  "Tanh",
  "ThresholdedRelu",
]);

const broadcasting = new Set(["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"]);

/** A value that some transposition has made, and what that one has read. */
interface Transposed {
  readonly from: string;
  readonly perm: readonly number[];
}

/** Moves the transpositions of an operator's inputs behind it. */
export function sinkTransposition(op: OnnxOp, g: GraphEditor): Rewritten {
  if (op.type === "Transpose") return cancel(op, g);
  if (elementwise.has(op.type)) return sinkElementwise(op, g);
  if (op.type === "Div") {
    const sum = sumOfMean(op, g);
    if (sum !== undefined) return sinkMean(op, sum, g);
  }
  if (broadcasting.has(op.type) && op.inputs.length === 2) return sinkBroadcasting(op, g);
  if (op.type === "Concat") return sinkConcat(op, g);
  if (op.type === "Pad") return sinkPad(op, g);
  if (op.type === "ReduceMean") return sinkMean(op, op, g);
  return undefined;
}

function transposed(value: string | undefined, g: GraphEditor): Transposed | undefined {
  const op = g.producer(value, "Transpose");
  const perm = op === undefined ? undefined : intsAttr(op, "perm");
  return op === undefined || perm === undefined ? undefined : { from: op.inputs[0] as string, perm };
}

/** The operator on what was there before the transposition, and the transposition after it. */
function moved(
  op: OnnxOp,
  inputs: readonly string[],
  perm: readonly number[],
  g: GraphEditor,
  attrs = op.attrs,
) {
  const [output = ""] = op.outputs;
  const inner = g.fresh(`${output}/untransposed`);
  return [
    { ...op, name: inner, inputs, attrs, outputs: [inner] },
    makeOp("Transpose", [inner], output, { perm }),
  ];
}

/** Two transpositions after each other are one, or none. */
function cancel(op: OnnxOp, g: GraphEditor): Rewritten {
  const perm = intsAttr(op, "perm");
  const [x = "", output = ""] = [op.inputs[0], op.outputs[0]];
  if (perm === undefined) return undefined;
  if (isIdentity(perm)) return { same: x };
  const before = transposed(x, g);
  if (before === undefined || before.perm.length !== perm.length)
    return reshapeInstead(op, perm, g) ?? paddingLast(op, perm, g);
  const joint = perm.map((axis) => before.perm[axis] as number);
  return isIdentity(joint)
    ? { same: before.from }
    : [makeOp("Transpose", [before.from], output, { perm: joint })];
}

/** A transposition after a padding changes places with it: a convolution after both can then take the padding in. */
function paddingLast(op: OnnxOp, perm: readonly number[], g: GraphEditor): Rewritten {
  const pad = g.producer(op.inputs[0], "Pad");
  const sizes = g.numbers(pad?.inputs[1]);
  if (pad === undefined || pad.inputs.length > 3 || sizes?.length !== 2 * perm.length) return undefined;
  const [output = ""] = op.outputs;
  const [x = "", , ...value] = pad.inputs;
  const inner = g.fresh(`${output}/unpadded`);
  const entries = [...perm, ...perm.map((axis) => axis + perm.length)].map((at) => sizes[at] as number);
  const inputs = [inner, g.addInts(`${output}/pads`, entries), ...value];
  return [makeOp("Transpose", [x], inner, { perm }), makeOp("Pad", inputs, output, pad.attrs)];
}

/** A transposition that moves only dimensions of size 1 past others, after a Reshape: the Reshape can do that. */
function reshapeInstead(op: OnnxOp, perm: readonly number[], g: GraphEditor): Rewritten {
  const before = g.producer(op.inputs[0], "Reshape");
  const sizes = before === undefined ? undefined : g.numbers(before.inputs[1]);
  if (before === undefined || sizes?.length !== perm.length || sizes.includes(0)) return undefined;
  const longer = perm.filter((axis) => sizes[axis] !== 1);
  if (longer.some((axis, i) => i > 0 && axis < (longer[i - 1] as number))) return undefined;
  const [output = ""] = op.outputs;
  const to = g.addInts(
    `${output}/shape`,
    perm.map((axis) => sizes[axis] as number),
  );
  return [makeOp("Reshape", [before.inputs[0] as string, to], output)];
}

function sinkElementwise(op: OnnxOp, g: GraphEditor): Rewritten {
  const [x, ...others] = op.inputs;
  const before = transposed(x, g);
  if (before === undefined) return undefined;
  return moved(op, [before.from, ...others], before.perm, g);
}

function sinkBroadcasting(op: OnnxOp, g: GraphEditor): Rewritten {
  const found = op.inputs.map((name) => transposed(name, g));
  const perm = found.find((each) => each !== undefined)?.perm;
  if (perm === undefined) return undefined;
  const inputs = op.inputs.map((name, i) => {
    const before = found[i];
    if (before !== undefined) return samePerm(before.perm, perm) ? before.from : undefined;
    return transposedConstant(name, perm, g);
  });
  return inputs.every((name) => name !== undefined) ? moved(op, inputs, perm, g) : undefined;
}

/** A constant as it is broadcast to what was there before the transposition: for scalars and vectors along one dimension. */
function transposedConstant(name: string, perm: readonly number[], g: GraphEditor): string | undefined {
  const constant = g.constant(name);
  if (constant === undefined || constant.shape.length > perm.length) return undefined;
  if (constant.shape.length === 0) return name;
  const padded = [...new Array<number>(perm.length - constant.shape.length).fill(1), ...constant.shape];
  if (Math.max(...padded) !== elementCount(constant.shape)) return undefined;
  const shape = new Array<number>(perm.length).fill(1);
  perm.forEach((from, to) => {
    shape[from] = padded[to] as number;
  });
  while (shape.length > 1 && shape[0] === 1) shape.shift();
  return g.addReshaped(`${name}/untransposed`, constant, shape);
}

function sinkConcat(op: OnnxOp, g: GraphEditor): Rewritten {
  const found = op.inputs.map((name) => transposed(name, g));
  const perm = found[0]?.perm;
  const { axis } = op.attrs;
  if (perm === undefined || typeof axis !== "number") return undefined;
  if (!found.every((each) => each !== undefined && samePerm(each.perm, perm))) return undefined;
  const inputs = found.map((each) => (each as Transposed).from);
  return moved(op, inputs, perm, g, { ...op.attrs, axis: perm.at(axis) as number });
}

function sinkPad(op: OnnxOp, g: GraphEditor): Rewritten {
  const [x, pads, value] = op.inputs;
  const before = transposed(x, g);
  const sizes = g.numbers(pads);
  if (before === undefined || sizes === undefined || op.inputs.length > 3) return undefined;
  const { from, perm } = before;
  const rank = perm.length;
  if (sizes.length !== 2 * rank) return undefined;
  const places = perm.map((_, axis) => perm.indexOf(axis));
  const entries = [...places.map((at) => sizes[at]), ...places.map((at) => sizes[rank + at])] as number[];
  const inputs = [from, g.addInts(`${op.outputs[0]}/pads`, entries), ...(value === undefined ? [] : [value])];
  return moved(op, inputs, perm, g);
}

/**
 * The sum of a mean that is written for tensors that may be empty: the sum, by how many elements there were to each sum.
 * An image is not: convolutions refuse those without pixels, and so does a pooling.
 */
function sumOfMean(op: OnnxOp, g: GraphEditor): OnnxOp | undefined {
  const sum = g.producer(op.inputs[0], "ReduceSum");
  const count = g.producer(g.producer(op.inputs[1], "Cast")?.inputs[0], "Div");
  const size = g.producer(count?.inputs[0], "Size");
  if (sum === undefined || size?.inputs[0] !== sum.inputs[0]) return undefined;
  const means = g.producer(count?.inputs[1], "Where");
  const of = g.producer(means?.inputs[1], "Size");
  return of?.inputs[0] === sum.outputs[0] && transposed(sum.inputs[0], g) !== undefined ? sum : undefined;
}

/**
 * A mean over all places of an image is a pooling, which ONNX Runtime knows in its blocked layout. `reduction` has the
 * input and the axes of `op`, whose output is the mean.
 */
function sinkMean(op: OnnxOp, reduction: OnnxOp, g: GraphEditor): Rewritten {
  const before = transposed(reduction.inputs[0], g);
  const axes = g.numbers(reduction.inputs[1]);
  const [output = ""] = op.outputs;
  if (before === undefined || axes === undefined || g.dtype(output) !== "float32") return undefined;
  const { from, perm } = before;
  const reduced = axes.map((axis) => perm.at(axis) as number).sort((a, b) => a - b);
  const isPooling =
    perm.length > 2 && reduced.length === perm.length - 2 && reduced.every((axis, i) => axis === i + 2);
  if (!isPooling) return undefined;
  const pooled = g.fresh(`${output}/pooled`);
  const pool = makeOp("GlobalAveragePool", [from], pooled);
  if (reduction.attrs.keepdims !== 0) return [pool, makeOp("Transpose", [pooled], output, { perm })];
  // The two that are left are in ONNX's order: the batch comes first.
  return perm[0] === 0 ? [pool, makeOp("Flatten", [pooled], output, { axis: 1 })] : undefined;
}

function samePerm(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((axis, i) => axis === b[i]);
}

function isIdentity(perm: readonly number[]): boolean {
  return perm.every((axis, i) => axis === i);
}
