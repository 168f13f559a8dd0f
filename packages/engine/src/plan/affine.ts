/**
 * Sums of products with weights, as recurrent cells are made of: the matcher's view of MatMul, Add, BiasAdd, Split and
 * ConcatV2. A gate of a cell is one slice of the columns of such a sum.
 */
import type { Edge, Node } from "../graph/graph.js";
import { scalarOf } from "../passes/loop-counters.js";

/** A range of columns of a matrix, of entries of a vector. */
export type Range = readonly [from: number, to: number];

/** A part of a constant matrix or vector. A scalar stands for as many equal entries as are wanted. */
export interface Weight {
  readonly source: Node;
  /** Rows of a matrix; all when absent. */
  readonly rows?: Range;
  /** Columns of a matrix, entries of a vector; all when absent. */
  readonly columns?: Range;
}

export interface Product {
  /** What is multiplied with the weights. */
  readonly factor: Edge;
  readonly weight: Weight;
}

/** The sum of products and biases. */
export interface Affine {
  readonly products: readonly Product[];
  readonly biases: readonly Weight[];
  /** Added to every column. */
  readonly offset?: number;
}

/** The size of the last axis of an edge, when it is known. */
export type WidthOf = (edge: Edge) => number | undefined;

/** The edge as such a sum; undefined when it is something else. */
export function affineOf(edge: Edge, width: WidthOf): Affine | undefined {
  const { node } = edge;
  const [a, b] = node.inputs as [Edge, Edge];
  switch (node.op) {
    case "Constant":
      return { products: [], biases: [{ source: node }] };
    case "MatMul":
      return productOf(node, a, b, width);
    case "Add":
    case "AddV2":
    case "BiasAdd":
      return sum(affineOf(a, width), affineOf(b, width));
    default: {
      const slice = columnsOf(edge, width);
      const whole = slice && affineOf(slice.whole, width);
      return whole && columnsOfSum(whole, slice.columns);
    }
  }
}

/** What an edge takes some columns of: a matrix that was split or sliced along its last axis. */
export function columnsOf(edge: Edge, width: WidthOf): { whole: Edge; columns: Range } | undefined {
  const { node } = edge;
  const [first, second] = node.inputs as [Edge, Edge];
  if (node.op === "Split") {
    const total = scalarOf(first) === 1 || scalarOf(first) === -1 ? width(second) : undefined;
    if (total === undefined) return undefined;
    const each = total / node.outputTypes.length;
    return { whole: second, columns: [edge.index * each, (edge.index + 1) * each] };
  }
  if (node.op === "SplitV") {
    const sizes = entriesOf(second);
    const axis = scalarOf(node.inputs[2]);
    const total = axis === 1 || axis === -1 ? width(first) : undefined;
    if (sizes === undefined || total === undefined) return undefined;
    const given = sizes.reduce((all, size) => all + Math.max(size, 0), 0);
    const widths = sizes.map((size) => (size < 0 ? total - given : size));
    const from = widths.slice(0, edge.index).reduce((all, size) => all + size, 0);
    return { whole: first, columns: [from, from + (widths[edge.index] as number)] };
  }
  const total = node.op === "StridedSlice" ? width(first) : undefined;
  const columns = total === undefined ? undefined : slicedColumns(node, total);
  return columns && { whole: first, columns };
}

/** The columns that x[:, from:to] takes; undefined for any other slice. */
function slicedColumns({ attrs, inputs }: Node, total: number): Range | undefined {
  const [begin, end, strides] = inputs.slice(1).map(entriesOf);
  const mask = (name: string, place: number) => ((attrs.int(name) >> place) & 1) === 1;
  const isPlain = ["ellipsis_mask", "new_axis_mask", "shrink_axis_mask"].every(
    (name) => attrs.int(name) === 0,
  );
  if (!isPlain || begin?.length !== 2 || end?.length !== 2 || strides?.some((stride) => stride !== 1))
    return undefined;
  if (!mask("begin_mask", 0) || !mask("end_mask", 0)) return undefined;
  const bound = (value: number) => (value < 0 ? value + total : Math.min(value, total));
  const from = mask("begin_mask", 1) ? 0 : bound(begin[1] as number);
  const to = mask("end_mask", 1) ? total : bound(end[1] as number);
  return from >= 0 && to > from ? [from, to] : undefined;
}

function productOf(node: Node, factor: Edge, weights: Edge, width: WidthOf): Affine | undefined {
  const isPlain = !node.attrs.bool("transpose_a") && !node.attrs.bool("transpose_b");
  if (!isPlain || weights.node.constant?.shape.length !== 2) return undefined;
  const source = weights.node;
  if (factor.node.op !== "ConcatV2") return { products: [{ factor, weight: { source } }], biases: [] };
  const axis = scalarOf(factor.node.inputs.at(-1) as Edge);
  if (axis !== 1 && axis !== -1) return undefined;
  const products: Product[] = [];
  let from = 0;
  for (const part of factor.node.inputs.slice(0, -1)) {
    const size = width(part);
    if (size === undefined) return undefined;
    products.push({ factor: part, weight: { source, rows: [from, from + size] } });
    from += size;
  }
  return { products, biases: [] };
}

function sum(a: Affine | undefined, b: Affine | undefined): Affine | undefined {
  if (a === undefined || b === undefined) return undefined;
  return { products: [...a.products, ...b.products], biases: [...a.biases, ...b.biases] };
}

/** Some columns of a sum. */
export function columnsOfSum(affine: Affine, columns: Range): Affine {
  const part = (weight: Weight): Weight => {
    if (weight.source.constant?.shape.length === 0) return weight;
    const [left] = weight.columns ?? [0];
    return { ...weight, columns: [left + columns[0], left + columns[1]] };
  };
  return {
    ...affine,
    products: affine.products.map(({ factor, weight }) => ({ factor, weight: part(weight) })),
    biases: affine.biases.map(part),
  };
}

/** The entries of a constant int32 vector. */
function entriesOf(edge: Edge): number[] | undefined {
  const source = edge.node.constant;
  return source?.dtype === "int32" && source.shape.length === 1
    ? Array.from(source.read().data as Int32Array)
    : undefined;
}

// ---- values --------------------------------------------------------------------------------------------------

/** The products' weights with one factor as the rows of a [width, units] matrix, added up; zeros when there are none. */
export function matrixOf(affine: Affine, factor: Edge, rows: number, units: number): Float32Array {
  const total = new Float32Array(rows * units);
  for (const product of affine.products) {
    if (product.factor.node !== factor.node || product.factor.index !== factor.index) continue;
    const { source, columns } = product.weight;
    const [from] = product.weight.rows ?? [0];
    const stride = source.constant?.shape[1] as number;
    const data = source.constant?.read().data as Float32Array;
    const [left] = columns ?? [0];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < units; column++) {
        const at = row * units + column;
        total[at] = (total[at] as number) + (data[(from + row) * stride + left + column] as number);
      }
    }
  }
  return total;
}

/** The biases added up, one per unit. */
export function biasOf({ biases, offset = 0 }: Affine, units: number): Float32Array {
  const total = new Float32Array(units).fill(offset);
  for (const { source, columns } of biases) {
    const data = source.constant?.read().data as Float32Array;
    const [left] = columns ?? [0];
    for (let i = 0; i < units; i++) {
      total[i] = (total[i] as number) + (data[data.length === 1 ? 0 : left + i] as number);
    }
  }
  return total;
}
