/**
 * Diagonals and triangles of matrices. Several diagonals at once, and results of given sizes, are the host's.
 *
 * Masks choose between elements instead of multiplying by 0 and 1: NaN and infinities stay where they belong.
 */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { constantNumber, constantNumbers, input, shapeOf, value } from "./node-facts.js";
import { counted, frontAxes, type Size, smaller, subtract, vector } from "./sizes.js";

/** Keeps a band around the diagonal: so many diagonals below and above, all where the number is negative. */
function bandPart(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const below = constantNumber(input(node, 1), "num_lower");
  const above = constantNumber(input(node, 2), "num_upper");
  const lower =
    below < 0 ? value(node, 0) : g.op("Trilu", [value(node, 0), g.scalar("int64", -below)], { upper: 1 });
  return above < 0 ? lower : g.op("Trilu", [lower, g.scalar("int64", above)], { upper: 0 });
}

/** Which diagonal: 0 the main one, negative ones below it. The first op of the family has no choice. */
function offsetOf(node: OnnxNode, at: number | undefined): number {
  if (at === undefined) return 0;
  const offsets = constantNumbers(input(node, at), "the diagonal");
  if (offsets.some((offset) => offset !== offsets[0])) throw new NotExpressible("several diagonals");
  return offsets[0] as number;
}

/** True on one diagonal of a matrix of so many rows and columns. */
function onDiagonal(g: OnnxEmitter, rows: Size, columns: Size, offset: number): OnnxValue {
  const row = g.op("Unsqueeze", [counted(g, rows), g.ints([-1])]);
  const diagonal = offset === 0 ? row : g.op("Add", [row, g.ints([offset])]);
  return g.op("Equal", [diagonal, counted(g, columns)]);
}

/** A matrix with the input on a diagonal. `offset`, `sizes` and `filler` say which inputs those are. */
const diag =
  (inputs: { offset?: number; sizes?: readonly number[]; filler?: number } = {}) =>
  (g: OnnxEmitter, node: OnnxNode): OnnxValue => {
    const x = value(node, 0);
    if (shapeOf(input(node, 0)).length === 0) throw new NotExpressible("the diagonal of a scalar");
    const offset = offsetOf(node, inputs.offset);
    for (const at of inputs.sizes ?? []) {
      if (constantNumber(input(node, at), "the size") !== -1)
        throw new NotExpressible("a matrix of a given size");
    }
    const filler = inputs.filler === undefined ? g.scalar(x.dtype, 0) : value(node, inputs.filler);
    const length = lastSize(g, node, 0, -1);
    const size =
      typeof length === "number"
        ? length + Math.abs(offset)
        : g.op("Add", [length, g.ints([Math.abs(offset)])]);
    const spread = spreadAlong(g, x, offset);
    return g.op("Where", [onDiagonal(g, size, size, offset), spread, filler]);
  };

function lastSize(g: OnnxEmitter, node: OnnxNode, at: number, axis: -1 | -2): Size {
  const size = shapeOf(input(node, at)).at(axis) ?? -1;
  if (size >= 0) return size;
  return g.op("Shape", [value(node, at)], axis === -1 ? { start: -1 } : { start: -2, end: -1 });
}

/** The elements of a diagonal in front of the rows that they go to: rows above a lower diagonal have none. */
function spreadAlong(g: OnnxEmitter, x: OnnxValue, offset: number): OnnxValue {
  const column = g.op("Unsqueeze", [x, g.ints([-1])]);
  if (offset === 0) return column;
  const pads = offset < 0 ? [-offset, 0] : [0, offset];
  return g.op("Pad", [column, g.ints(pads), g.scalar(x.dtype, 0), g.ints([-2])]);
}

/** The elements of a diagonal. */
const diagPart =
  (offsetAt?: number) =>
  (g: OnnxEmitter, node: OnnxNode): OnnxValue => {
    const x = value(node, 0);
    const offset = offsetOf(node, offsetAt);
    const [rows, columns] = [lastSize(g, node, 0, -2), lastSize(g, node, 0, -1)];
    // One element of each row is on the diagonal; the others count as 0 and the sum is that one.
    const alone = g.op("Where", [onDiagonal(g, rows, columns, offset), x, g.scalar(x.dtype, 0)]);
    const summed = g.op("ReduceSum", [alone, frontAxes(g, [-1], input(node, 0))], { keepdims: 0 });
    const start = Math.max(-offset, 0);
    if (typeof rows === "number" && typeof columns === "number") {
      const end = Math.min(rows, columns - offset);
      if (end <= start) throw new NotExpressible("a diagonal outside of the matrix");
      return start === 0 && end === rows ? summed : slice(g, summed, start, end);
    }
    return slice(g, summed, start, smaller(g, rows, subtract(g, columns, offset)));
  };

function slice(g: OnnxEmitter, x: OnnxValue, start: number, end: Size): OnnxValue {
  return g.op("Slice", [x, g.ints([start]), vector(g, [end]), g.ints([-1])]);
}

/** The matrix with another diagonal. */
const setDiag =
  (offsetAt?: number) =>
  (g: OnnxEmitter, node: OnnxNode): OnnxValue => {
    const [x, diagonal] = [value(node, 0), value(node, 1)];
    const offset = offsetOf(node, offsetAt);
    const [rows, columns] = [lastSize(g, node, 0, -2), lastSize(g, node, 0, -1)];
    if (typeof rows !== "number" || typeof columns !== "number")
      throw new NotExpressible("the size of the matrix is unknown");
    const length = Math.min(rows + Math.min(offset, 0), columns - Math.max(offset, 0));
    const before = Math.max(-offset, 0);
    const column = g.op("Unsqueeze", [diagonal, g.ints([-1])]);
    const pads = g.ints([before, rows - before - length]);
    const spread = g.op("Pad", [column, pads, g.scalar(x.dtype, 0), g.ints([-2])]);
    return g.op("Where", [onDiagonal(g, rows, columns, offset), spread, x]);
  };

export const diagonalRows: OnnxTable = {
  MatrixBandPart: { build: bandPart },
  BatchMatrixBandPart: { build: bandPart },
  MatrixDiag: { build: diag() },
  BatchMatrixDiag: { build: diag() },
  MatrixDiagV2: { build: diag({ offset: 1, sizes: [2, 3], filler: 4 }) },
  MatrixDiagV3: { build: diag({ offset: 1, sizes: [2, 3], filler: 4 }) },
  MatrixDiagPart: { build: diagPart() },
  BatchMatrixDiagPart: { build: diagPart() },
  MatrixDiagPartV2: { build: diagPart(1) },
  MatrixDiagPartV3: { build: diagPart(1) },
  MatrixSetDiag: { build: setDiag() },
  BatchMatrixSetDiag: { build: setDiag() },
  MatrixSetDiagV2: { build: setDiag(2) },
  MatrixSetDiagV3: { build: setDiag(2) },
};
