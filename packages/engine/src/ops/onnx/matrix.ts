/** Products of matrices, and what picks or sets their diagonals and triangles. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import type { OnnxNode, OnnxTable } from "../op-table.js";
import { input, outputCarrier, rankOf, value } from "./node-facts.js";

/** With the last two dimensions swapped. */
function transposed(g: OnnxEmitter, x: OnnxValue, rank: number): OnnxValue {
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  perm.splice(rank - 2, 2, rank - 1, rank - 2);
  return g.op("Transpose", [x], { perm });
}

/** Attributes that say whether each operand is transposed; for real numbers an adjoint is no more than that. */
const matMul =
  (transposeA: string, transposeB: string) =>
  (g: OnnxEmitter, node: OnnxNode): OnnxValue => {
    const operand = (index: number, attr: string) => {
      const x = g.cast(value(node, index), outputCarrier(node));
      return node.attrs.bool(attr) ? transposed(g, x, rankOf(input(node, index))) : x;
    };
    return g.op("MatMul", [operand(0, transposeA), operand(1, transposeB)]);
  };

/**
 * ONNX Runtime wants the ellipsis to stand for the same dimensions everywhere, TensorFlow lets operands have fewer. With
 * known ranks the dimensions get labels of their own, counted from the back.
 */
function einsumEquation(node: OnnxNode): string {
  const equation = node.attrs.string("equation").replaceAll(" ", "");
  if (!equation.includes("...")) return equation;
  const [left = "", output] = equation.split("->");
  const operands = left.split(",");
  const hidden = operands.map((labels, i) =>
    labels.includes("...") ? rankOf(input(node, i)) - (labels.length - 3) : undefined,
  );
  const known = hidden.filter((count) => count !== undefined);
  if (known.every((count) => count === known[0])) return equation;
  const free = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((label) => !equation.includes(label));
  const labelsOf = (count: number) => free.slice(0, count).reverse().join("");
  const inputs = operands.map((labels, i) => labels.replace("...", labelsOf(hidden[i] ?? 0)));
  return `${inputs.join(",")}->${output?.replace("...", labelsOf(Math.max(...known)))}`;
}

export const matrixRows: OnnxTable = {
  MatMul: { build: matMul("transpose_a", "transpose_b") },
  SparseMatMul: { build: matMul("transpose_a", "transpose_b") },
  BatchMatMul: { build: matMul("adj_x", "adj_y") },
  BatchMatMulV2: { build: matMul("adj_x", "adj_y") },
  BatchMatMulV3: { build: matMul("adj_x", "adj_y") },
  Einsum: {
    build: (g, node) =>
      g.op(
        "Einsum",
        node.inputs.map((each) => each.value),
        { equation: einsumEquation(node) },
      ),
  },
};
