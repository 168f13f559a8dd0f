/** EditDistance: the Levenshtein distance of each innermost row of two sparse tensors. */
import { invalidArgument, resourceExhausted, shapeText, stridesOf } from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { latin1Of } from "../byte-strings.js";
import { tensorOver } from "../element-memory.js";
import { compute, countOf, type TensorFunction } from "../kernel.js";
import { checkInside, rowGroups, type SparseTensor, sparseTensor } from "../sparse/sparse-tensor.js";

type Sequence = readonly (string | number | bigint)[];

/** The sequences of a tensor by the position of their row in `groupShape`. */
function sequencesOf(sparse: SparseTensor, strides: readonly number[]): Map<number, Sequence> {
  const { indices, count, rank, values } = sparse;
  const sequences = new Map<number, Sequence>();
  for (const { start, end } of rowGroups(indices, count, rank, rank - 1)) {
    const row = strides.reduce(
      (at, stride, axis) => at + stride * (indices[start * rank + axis] as number),
      0,
    );
    const sequence = Array.from({ length: end - start }, (_, i) => {
      const element = values.data[start + i] as Uint8Array | number | bigint;
      return typeof element === "object" ? latin1Of(element) : element;
    });
    sequences.set(row, sequence);
  }
  return sequences;
}

function editDistance({ attrs }: NodeFacts): TensorFunction {
  const normalize = attrs.bool("normalize");
  return (...inputs) => {
    const hypothesis = sparseTensor(inputs[0], inputs[1], inputs[2]);
    const truth = sparseTensor(inputs[3], inputs[4], inputs[5]);
    if (hypothesis.rank !== truth.rank) {
      throw invalidArgument(
        `Expected truth and hypothesis to have matching ranks, but their shapes are: ${shapeText(truth.shape)} and ${shapeText(hypothesis.shape)}`,
      );
    }
    checkInside(hypothesis);
    checkInside(truth);
    const shape = truth.shape
      .slice(0, -1)
      .map((size, axis) => Math.max(size, hypothesis.shape[axis] as number));
    const distances = new Float32Array(countOf(shape));
    const strides = stridesOf(shape);
    const [guesses, truths] = [sequencesOf(hypothesis, strides), sequencesOf(truth, strides)];
    for (const row of new Set([...guesses.keys(), ...truths.keys()])) {
      const [guess, actual] = [guesses.get(row) ?? [], truths.get(row) ?? []];
      const distance = levenshtein(guess, actual);
      // Against nothing any guess is infinitely wrong.
      distances[row] = normalize ? distance / actual.length : distance;
    }
    return tensorOver("float32", shape, distances);
  };
}

/** A comparison of each element with each other takes seconds at this many. */
const MAX_COMPARISONS = 2 ** 32;

/** Least number of insertions, deletions and substitutions. */
function levenshtein(a: Sequence, b: Sequence): number {
  if (a.length * b.length > MAX_COMPARISONS) {
    throw resourceExhausted(`Sequences of ${a.length} and ${b.length} elements are too long to compare`);
  }
  let row = Uint32Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, element] of a.entries()) {
    const next = new Uint32Array(b.length + 1);
    next[0] = i + 1;
    for (const [j, other] of b.entries()) {
      const substituted = (row[j] as number) + (element === other ? 0 : 1);
      next[j + 1] = Math.min(substituted, (row[j + 1] as number) + 1, (next[j] as number) + 1);
    }
    row = next;
  }
  return row[b.length] as number;
}

export const editDistanceKernels: HostTable = {
  EditDistance: compute(editDistance),
};
