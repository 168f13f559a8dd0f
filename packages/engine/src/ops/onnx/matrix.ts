/** Products of matrices, and what picks or sets their diagonals and triangles. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { agrees, input, outputCarrier, rankOf, value } from "./node-facts.js";

/** With the last two dimensions swapped. */
function transposed(g: OnnxEmitter, x: OnnxValue, rank: number): OnnxValue {
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  perm.splice(rank - 2, 2, rank - 1, rank - 2);
  return g.op("Transpose", [x], { perm });
}

/** ONNX takes a vector for a matrix of one row or column, where TensorFlow refuses it: the host says so. */
function checkRanks(node: OnnxNode): void {
  const isRefused = (rank: number) => (node.op.startsWith("Batch") ? rank < 2 : rank !== 2);
  for (const { shape } of node.inputs) {
    if (shape !== null && isRefused(shape.length))
      throw new NotExpressible(`an operand of rank ${shape.length}`);
  }
  if (node.op === "BatchMatMul") checkBatches(node);
}

/** The first version broadcasts nothing. */
function checkBatches(node: OnnxNode): void {
  const [a, b] = node.inputs.map(({ shape }) => shape?.slice(0, -2));
  if (a === undefined || b === undefined) return;
  const fits = a.length === b.length && a.every((size, axis) => agrees(size, b[axis]));
  if (!fits) throw new NotExpressible("batches that differ");
}

/** Attributes that say whether each operand is transposed; for real numbers an adjoint is no more than that. */
const matMul =
  (transposeA: string, transposeB: string) =>
  (g: OnnxEmitter, node: OnnxNode): OnnxValue => {
    checkRanks(node);
    const operand = (index: number, attr: string) => {
      const x = g.cast(value(node, index), outputCarrier(node));
      return node.attrs.bool(attr) ? transposed(g, x, rankOf(input(node, index))) : x;
    };
    return g.op("MatMul", [operand(0, transposeA), operand(1, transposeB)]);
  };

export const matrixRows: OnnxTable = {
  MatMul: { build: matMul("transpose_a", "transpose_b") },
  SparseMatMul: { build: matMul("transpose_a", "transpose_b") },
  BatchMatMul: { build: matMul("adj_x", "adj_y") },
  BatchMatMulV2: { build: matMul("adj_x", "adj_y") },
  BatchMatMulV3: { build: matMul("adj_x", "adj_y") },
};
