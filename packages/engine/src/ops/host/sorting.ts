/** Ops about order: largest and smallest elements, where they are, where a value belongs among sorted ones. */
import { invalidArgument, shapeText, type Tensor, unimplemented } from "@servable/formats";
import type { HostRow, HostTable, NodeFacts } from "../op-table.js";
import { aroundAxis } from "./boxes.js";
import { type Elements, elementsOf, newElements, realsOf, tensorOf, tensorOfNumbers } from "./domains.js";
import { indexData } from "./index-data.js";
import { axisOf, compute, countOf, ensure, integerOf, outputDtype } from "./kernel.js";
import { unsortedTop } from "./unsorted-top.js";

/** Ordered elements: numbers, or bigints of which JavaScript's comparisons mean the same. */
type Ordered = Elements<number>;

// ---- largest ---------------------------------------------------------------------------------------------------

/** Up to so many, the best of a row are kept in order while it is read; more are sorted out of all. */
const FEW = 64;

/** Positions of the k largest of a row, largest first; of equal ones the first. */
function largestOf(row: Ordered, start: number, size: number, k: number): number[] {
  const best: number[] = [];
  if (k === 0) return best;
  const value = (position: number): number => row[start + position] as number;
  if (k > FEW) {
    const all = Array.from({ length: size }, (_, position) => position);
    return all.sort((a, b) => ascending(value(b), value(a)) || a - b).slice(0, k);
  }
  for (let i = 0; i < size; i++) {
    if (best.length === k && !(value(i) > value(best[k - 1] as number))) continue;
    let [low, high] = [0, best.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value(i) > value(best[middle] as number)) high = middle;
      else low = middle + 1;
    }
    if (best.length === k) best.pop();
    best.splice(low, 0, i);
  }
  return best;
}

/** The same positions, in the order of TensorFlow's heap. */
function unsortedLargestOf(row: Ordered, start: number, size: number, k: number): number[] {
  if (k === 0) return [];
  return unsortedTop(size, k, (a, b) => {
    const [x, y] = [row[start + a] as number, row[start + b] as number];
    return x > y || (!(x < y) && a < b);
  });
}

function topK(x: Tensor, k: number, node: NodeFacts): [Tensor, Tensor] {
  ensure(x.shape.length >= 1, () => `input must be >= 1-D, got shape ${shapeText(x.shape)}`);
  ensure(k >= 0, () => `Need k >= 0, got ${k}`);
  const size = x.shape.at(-1) as number;
  ensure(size >= k, () => `input must have at least k columns. Had ${size}, needed ${k}`);
  const shape = x.shape.with(-1, k);
  const source = elementsOf<number>(x);
  const values = newElements<number>(x.dtype, shape);
  const positions = new Float64Array(countOf(shape));
  const isSorted = !node.attrs.has("sorted") || node.attrs.bool("sorted") || k === 1 || k === size;
  const pick = isSorted ? largestOf : unsortedLargestOf;
  for (let row = 0; row * k < positions.length; row++) {
    for (const [i, position] of pick(source, row * size, size, k).entries()) {
      positions[row * k + i] = position;
      values[row * k + i] = source[row * size + position] as number;
    }
  }
  return [tensorOf(x.dtype, shape, values), tensorOfNumbers(outputDtype(node, 1), shape, positions)];
}

/** The n-th smallest (or largest) of each row. */
function nthElement(x: Tensor, n: number, reverse: boolean): Tensor {
  ensure(x.shape.length >= 1, () => `Input must be >= 1-D, got shape ${shapeText(x.shape)}`);
  const size = x.shape.at(-1) as number;
  ensure(n >= 0, () => `n must be non-negative but is ${n}`);
  ensure(n < size, () => `Input must have last dimension > n = ${n}`);
  const shape = x.shape.slice(0, -1);
  const source = elementsOf<number>(x);
  const out = newElements<number>(x.dtype, shape);
  for (let row = 0; row < out.length; row++) {
    const sorted = Array.from({ length: size }, (_, i) => source[row * size + i] as number).sort(ascending);
    out[row] = sorted[reverse ? size - 1 - n : n] as number;
  }
  return tensorOf(x.dtype, shape, out);
}

function ascending(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where along an axis the first element is that no other one beats. NaN beats nothing. */
const argBest = (beats: (x: number, best: number) => boolean): HostRow =>
  compute((node) => (x, axisInput) => {
    const axis = axisOf(integerOf(axisInput, "dimension"), x.shape.length, "dimension");
    const { outer, size, inner } = aroundAxis(x.shape, axis);
    ensure(size > 0, () => `Reduction axis ${axis} is empty in shape ${shapeText(x.shape)}`);
    const source = elementsOf<number>(x);
    const positions = new Float64Array(outer * inner);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++)
        positions[o * inner + i] = best(source, o * size * inner + i, size, inner);
    }
    return tensorOfNumbers(outputDtype(node), x.shape.toSpliced(axis, 1), positions);

    function best(row: Ordered, start: number, count: number, step: number): number {
      let found = 0;
      let value = row[start] as number;
      for (let n = 1; n < count; n++) {
        const candidate = row[start + n * step] as number;
        if (beats(candidate, value) || (Number.isNaN(value) && !Number.isNaN(candidate))) {
          [found, value] = [n, candidate];
        }
      }
      return found;
    }
  });

// ---- places ----------------------------------------------------------------------------------------------------

/** How many of sorted[start, end) come before the place of a value. */
function place(
  sorted: Ordered,
  start: number,
  end: number,
  comesBefore: (element: number) => boolean,
): number {
  let [low, high] = [start, end];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comesBefore(sorted[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low - start;
}

/** For each row of values, where they belong in the same row of sorted inputs. */
const bound = (comesBefore: (element: number, value: number) => boolean): HostRow =>
  compute((node) => (sortedInputs, values) => {
    const [rows, size] = sortedInputs.shape;
    ensure(
      sortedInputs.shape.length === 2 && values.shape.length === 2 && values.shape[0] === rows,
      () =>
        `sorted_inputs and values must be matrices of as many rows: ${shapeText(sortedInputs.shape)} vs. ${shapeText(values.shape)}`,
    );
    const [sorted, sought] = [elementsOf<number>(sortedInputs), elementsOf<number>(values)];
    const width = values.shape[1] as number;
    const places = Float64Array.from({ length: sought.length }, (_, i) => {
      const start = Math.floor(i / width) * (size as number);
      return place(sorted, start, start + (size as number), (element) =>
        comesBefore(element, sought[i] as number),
      );
    });
    return tensorOfNumbers(outputDtype(node), values.shape, places);
  });

const bucketize = compute((node) => {
  const boundaries = node.attrs.floats("boundaries");
  if (boundaries.some((boundary, i) => i > 0 && boundary < (boundaries[i - 1] as number))) {
    throw invalidArgument(`${node.op} node "${node.name}": Expected sorted boundaries`);
  }
  return (x) => {
    const values = elementsOf<number>(x);
    const buckets = Int32Array.from({ length: values.length }, (_, i) => {
      const value = Number(values[i]);
      return place(boundaries, 0, boundaries.length, (boundary) => !(value < boundary));
    });
    return tensorOfNumbers("int32", x.shape, buckets);
  };
});

/**
 * Whether a row's target is among its k best predictions; ties count in its favour, what is not finite against it.
 */
function inTopK(predictions: Tensor, targets: Tensor, k: number): Tensor {
  const [rows, classes] = predictions.shape as [number, number];
  ensure(predictions.shape.length === 2, "predictions must be 2-dimensional");
  ensure(targets.shape.length === 1, "targets must be 1-dimensional");
  ensure(
    targets.shape[0] === rows,
    () => `First dimension of predictions ${rows} must match length of targets ${targets.shape[0]}`,
  );
  const scores = realsOf(predictions);
  const answers = Uint8Array.from(indexData(targets), (target, row) => {
    const of = scores.subarray(row * classes, (row + 1) * classes);
    const own = of[target];
    if (
      own === undefined ||
      !Number.isFinite(own) ||
      !of.every((score) => score <= own || Number.isFinite(score))
    )
      return 0;
    return of.filter((score) => score > own).length < k ? 1 : 0;
  });
  return { dtype: "bool", shape: [rows], data: answers };
}

/** For each point the k nearest centers, and its squared distances from them. */
function nearestNeighbors(points: Tensor, centers: Tensor, k: number): [Tensor, Tensor] {
  const [count, width] = points.shape as [number, number];
  const available = centers.shape[0] as number;
  ensure(
    points.shape.length === 2 && centers.shape.length === 2 && centers.shape[1] === width,
    () =>
      `points and centers must be matrices of as many columns: ${shapeText(points.shape)} vs. ${shapeText(centers.shape)}`,
  );
  ensure(k > 0, () => `Requires k > 0, got ${k}`);
  const found = Math.min(k, available);
  const shape = [count, found];
  const [x, c] = [realsOf(points), realsOf(centers)];
  const indices = new Float64Array(countOf(shape));
  const distances = new Float64Array(indices.length);
  for (let p = 0; p < count && found > 0; p++) {
    const negated = Float64Array.from({ length: available }, (_, center) => {
      let sum = 0;
      for (let i = 0; i < width; i++)
        sum += ((x[p * width + i] as number) - (c[center * width + i] as number)) ** 2;
      return -sum;
    });
    for (const [i, center] of largestOf(negated as Ordered, 0, available, found).entries()) {
      indices[p * found + i] = center;
      distances[p * found + i] = -(negated[center] as number);
    }
  }
  return [tensorOfNumbers("int64", shape, indices), tensorOfNumbers("float32", shape, distances)];
}

export const sortingKernels: HostTable = {
  TopK: compute((node) => {
    const k = node.attrs.int("k");
    return (x) => topK(x, k, node);
  }),
  TopKV2: compute((node) => (x, k) => {
    ensure(k.shape.length === 0, () => `k must be scalar, got shape ${shapeText(k.shape)}`);
    return topK(x, integerOf(k, "k"), node);
  }),
  // On a CPU TensorFlow finds the exact ones.
  ApproxTopK: compute((node) => {
    const [k, axis] = [node.attrs.int("k"), node.attrs.int("reduction_dimension")];
    return (x) => {
      const isLast = axis === -1 || axis === x.shape.length - 1;
      if (!isLast || !node.attrs.bool("is_max_k"))
        throw unimplemented("only the largest along the last dimension");
      return topK(x, k, node);
    };
  }),
  NthElement: compute((node) => {
    const reverse = node.attrs.bool("reverse");
    return (x, n) => nthElement(x, integerOf(n, "n"), reverse);
  }),
  ArgMax: argBest((x, best) => x > best),
  ArgMin: argBest((x, best) => x < best),
  NearestNeighbors: compute(
    () => (points, centers, k) => nearestNeighbors(points, centers, integerOf(k, "k")),
  ),
  LowerBound: bound((element, value) => element < value),
  UpperBound: bound((element, value) => element <= value),
  Bucketize: bucketize,
  InTopK: compute((node) => {
    const k = node.attrs.int("k");
    return (predictions, targets) => inTopK(predictions, targets, k);
  }),
  InTopKV2: compute(() => (predictions, targets, k) => inTopK(predictions, targets, integerOf(k, "k"))),
};
