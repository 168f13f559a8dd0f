/** Products of matrices as layers write them: with reshapes around, because TensorFlow's MatMul takes two dimensions. */
import type { OnnxOp } from "../onnx-graph.js";
import { type GraphEditor, makeOp, type Rewritten } from "./graph-editor.js";

/** Rows made of all dimensions but the last, multiplied by a matrix, and the dimensions back: MatMul of ONNX takes any rank. */
export function fuseTensordot(op: OnnxOp, g: GraphEditor): Rewritten {
  if (op.type !== "Reshape") return undefined;
  const product = g.producer(op.inputs[0], "MatMul");
  const rows = g.producer(product?.inputs[0], "Reshape");
  const matrix = g.shape(product?.inputs[1]);
  const x = rows?.inputs[0];
  const shape = g.shape(x);
  const rowSizes = g.numbers(rows?.inputs[1]);
  if (product === undefined || x === undefined || shape === null || shape.length < 2) return undefined;
  if (matrix?.length !== 2 || rowSizes?.length !== 2) return undefined;
  const depth = shape.at(-1);
  if (depth === undefined || depth <= 0 || matrix[0] !== depth || rowSizes[1] !== depth) return undefined;
  const wanted = [...shape.slice(0, -1), matrix[1] as number];
  if (!givesSizes(op.inputs[1] as string, wanted, x, g)) return undefined;
  return [makeOp("MatMul", [x, product.inputs[1] as string], op.outputs[0] as string)];
}

/** Whether the entries of a shape are these sizes: one unknown follows from the others, several are read off x. */
function givesSizes(shape: string, wanted: readonly number[], x: string, g: GraphEditor): boolean {
  const sizes = g.numbers(shape);
  if (sizes !== undefined) {
    const isSame = sizes.length === wanted.length && sizes.every((size, axis) => size === wanted[axis]);
    return isSame && !sizes.includes(0) && sizes.filter((size) => size < 0).length <= 1;
  }
  const entries = withoutCasts(shape, g, "Concat");
  const [leading = "", last, ...more] = entries?.inputs ?? [];
  const read = withoutCasts(leading, g, "Gather");
  const axes = g.numbers(read?.inputs[1]);
  const of = withoutCasts(read?.inputs[0] ?? "", g, "Shape");
  const isLeading = axes?.length === wanted.length - 1 && axes.every((axis, i) => axis === i);
  const isWhole = of !== undefined && Object.keys(of.attrs).length === 0 && of.inputs[0] === x;
  return isLeading && isWhole && more.length === 0 && g.numbers(last)?.join() === String(wanted.at(-1));
}

function withoutCasts(name: string, g: GraphEditor, type: string): OnnxOp | undefined {
  let value = name;
  for (let cast = g.producer(value, "Cast"); cast !== undefined; cast = g.producer(value, "Cast"))
    value = cast.inputs[0] as string;
  return g.producer(value, type);
}
