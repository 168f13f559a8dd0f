/**
 * Attention with several heads, softmax(scale · Q Kᵀ + mask) V, becomes the operator that ONNX Runtime has for it: no
 * transposed copies of Q, K and V, and the products of a head stay in the cache.
 */
import type { PartialShape } from "@servable/formats";
import type { OnnxOp } from "../onnx-graph.js";
import { type GraphEditor, intsAttr, makeOp, type Rewritten } from "./graph-editor.js";

const HEADS_FIRST = [0, 2, 1, 3];
const HEADS_FIRST_TRANSPOSED = [0, 2, 3, 1];

/** Queries, keys or values: [batch, places, heads · size], the vector to be added to them, and how they divide. */
interface Projection {
  readonly flat: string;
  /** A constant of heads · size elements. */
  readonly bias: string | undefined;
  readonly heads: number;
  readonly size: number;
  readonly scale: number;
  /** What must be written first. */
  readonly ops: readonly OnnxOp[];
}

export function fuseAttention(op: OnnxOp, g: GraphEditor): Rewritten {
  if (!permutes(op, HEADS_FIRST)) return undefined;
  const weighted = g.producer(op.inputs[0], "MatMul");
  const scores = scoresOf(weighted?.inputs[0], g);
  if (weighted === undefined || scores === undefined) return undefined;
  const query = projection(scores.product.inputs[0], HEADS_FIRST, g);
  const key = projection(scores.product.inputs[1], HEADS_FIRST_TRANSPOSED, g);
  const value = projection(weighted.inputs[1], HEADS_FIRST, g);
  if (query === undefined || key === undefined || value === undefined) return undefined;
  const { heads, size } = query;
  const isOne = [key, value].every((each) => each.heads === heads) && key.size === size;
  if (!isOne || key.scale !== 1 || value.scale !== 1) return undefined;
  const [output = ""] = op.outputs;
  const flat = g.fresh(`${output}/attention`);
  const inputs = [query.flat, key.flat, value.flat, biasOf([query, key, value], output, g)];
  if (scores.mask !== undefined) inputs.push("", scores.mask);
  const attrs = { num_heads: heads, scale: { float: scores.scale * query.scale } };
  const [batch = -1, places = -1] = g.shape(output) ?? [];
  g.describe(flat, { dtype: "float32", shape: [batch, places, heads * value.size] });
  return [
    ...[query, key, value].flatMap((each) => each.ops),
    makeOp("MultiHeadAttention", withoutTrailing(inputs), flat, attrs, "com.microsoft"),
    makeOp("Reshape", [flat, g.addInts(`${output}/shape`, [0, 0, heads, value.size])], output),
  ];
}

function permutes(op: OnnxOp | undefined, perm: readonly number[]): boolean {
  return op?.type === "Transpose" && intsAttr(op, "perm")?.join() === perm.join();
}

function withoutTrailing(inputs: readonly string[]): string[] {
  const last = inputs.findLastIndex((name) => name !== "");
  return inputs.slice(0, last + 1);
}

interface Scores {
  readonly product: OnnxOp;
  readonly scale: number;
  readonly mask: string | undefined;
}

function scoresOf(probabilities: string | undefined, g: GraphEditor): Scores | undefined {
  const softmax = g.producer(probabilities, "Softmax");
  const axis = softmax?.attrs.axis;
  let scores = softmax?.inputs[0];
  if (scores === undefined || (axis !== -1 && axis !== 3) || g.dtype(scores) !== "float32") return undefined;
  let mask: string | undefined;
  const masked = g.producer(scores, "Add");
  if (masked !== undefined) {
    const shape = g.shape(scores);
    mask = masked.inputs.find((name) => g.producer(name, "MatMul", "Mul", "Div") === undefined);
    if (mask === undefined || !isMaskFor(g.shape(mask), shape)) return undefined;
    scores = masked.inputs.find((name) => name !== mask);
  }
  const { name, scale } = unscaled(scores, g);
  const product = g.producer(name, "MatMul");
  return product === undefined ? undefined : { product, scale, mask };
}

/** What is added to the scores may be the same for all of the batch, and for all heads, but not for all places. */
function isMaskFor(mask: PartialShape, scores: PartialShape): boolean {
  if (mask?.length !== 4 || scores?.length !== 4) return false;
  const [batch, heads, ...places] = mask;
  const isEachPlace = places.every((size, i) => size > 0 && size === scores[i + 2]);
  return isEachPlace && (batch === 1 || batch === scores[0]) && (heads === 1 || heads === scores[1]);
}

function unscaled(name: string | undefined, g: GraphEditor): { name: string | undefined; scale: number } {
  const op = g.producer(name, "Mul", "Div");
  const by = op?.inputs.findIndex((input) => g.scalar(input) !== undefined) ?? -1;
  if (op === undefined || by < 0 || (op.type === "Div" && by === 0)) return { name, scale: 1 };
  const factor = g.scalar(op.inputs[by]) as number;
  return { name: op.inputs[1 - by], scale: op.type === "Div" ? 1 / factor : factor };
}

function projection(
  name: string | undefined,
  perm: readonly number[],
  g: GraphEditor,
): Projection | undefined {
  const turned = g.producer(name, "Transpose");
  if (turned === undefined || !permutes(turned, perm)) return undefined;
  const divided = turned.inputs[0] as string;
  const { name: before = divided, scale } = unscaled(divided, g);
  const [, , heads = -1, size = -1] = g.shape(divided) ?? [];
  if (heads <= 0 || size <= 0) return undefined;
  return { heads, size, scale, ...flattened(before, heads, size, g) };
}

/** A value [batch, places, heads, size] with its last two dimensions joined, as it was before they were parted if can be. */
function flattened(
  name: string,
  heads: number,
  size: number,
  g: GraphEditor,
): Pick<Projection, "flat" | "bias" | "ops"> {
  const sum = g.producer(name, "Add");
  const bias = sum?.inputs.find((input) => isBias(g.constant(input)?.shape, heads, size));
  const before = bias === undefined ? name : (sum?.inputs.find((input) => input !== bias) as string);
  const parted = g.producer(before, "Reshape");
  const whole = g.shape(parted?.inputs[0]);
  const [, places = -1] = g.numbers(parted?.inputs[1]) ?? [];
  if (
    parted !== undefined &&
    whole?.length === 3 &&
    whole[2] === heads * size &&
    places > 0 &&
    places === whole[1]
  ) {
    return { flat: parted.inputs[0] as string, bias, ops: [] };
  }
  const flat = g.fresh(`${before}/joined`);
  const shape = g.addInts(`${before}/joined/shape`, [0, 0, heads * size]);
  return { flat, bias, ops: [makeOp("Reshape", [before, shape], flat)] };
}

function isBias(shape: readonly number[] | undefined, heads: number, size: number): boolean {
  return shape?.length === 2 && shape[0] === heads && shape[1] === size;
}

/** One vector for the three of them; "" where none has one. */
function biasOf(parts: readonly Projection[], output: string, g: GraphEditor): string {
  if (parts.every(({ bias }) => bias === undefined)) return "";
  const sizes = parts.map(({ heads, size }) => heads * size);
  const shape = [sizes.reduce((sum, size) => sum + size, 0)];
  const constants = parts.map(({ bias }) => g.constant(bias));
  const read = () => {
    const data = new Float32Array(shape[0] as number);
    let at = 0;
    constants.forEach((constant, i) => {
      if (constant !== undefined) data.set(constant.read().data as Float32Array, at);
      at += sizes[i] as number;
    });
    return { dtype: "float32" as const, shape, data };
  };
  return g.add(`${output}/bias`, { dtype: "float32", shape, read });
}
