/**
 * Decoders of connectionist temporal classification: from scores of labels at each time step to sequences of labels,
 * in which a blank stands between repetitions.
 *
 * The beam search is that of tensorflow/core/util/ctc/ctc_beam_search.h (Graves, "Supervised Sequence Labelling", 7.4):
 * beams are the nodes of a tree of prefixes, each with the log probability that its prefix ends in a blank or a label.
 */
import {
  failedPrecondition,
  invalidArgument,
  type NumericTensor,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { type IndexData, indexData, int64Tensor } from "../index-data.js";
import { compute, type TensorFunction } from "../kernel.js";

/** Scores by time, example and class. */
interface Scores {
  readonly dtype: "float32" | "float64";
  readonly data: Float32Array | Float64Array;
  readonly steps: number;
  readonly examples: number;
  readonly classes: number;
  /** Steps of each example. */
  readonly lengths: IndexData;
}

function scoresOf(inputs: Tensor, lengthInput: Tensor): Scores {
  const { shape } = inputs;
  if (shape.length !== 3) throw invalidArgument(`inputs is not a 3-Tensor: ${shapeText(shape)}`);
  const [steps, examples, classes] = shape as [number, number, number];
  const lengths = indexData(lengthInput);
  if (steps === 0 || classes === 0) throw invalidArgument("max_time and num_classes must not be 0");
  if (lengths.length !== examples) {
    throw failedPrecondition(
      `len(sequence_length) != batch_size.  len(sequence_length):  ${lengths.length} batch_size: ${examples}`,
    );
  }
  const wrong = lengths.findIndex((length) => length > steps || length < 0);
  if (wrong >= 0) throw failedPrecondition(`sequence_length(${wrong}) <= ${steps}`);
  const { dtype, data } = inputs as NumericTensor;
  return { dtype: dtype as "float32", data: data as Float32Array, steps, examples, classes, lengths };
}

function stepScores(
  { data, examples, classes }: Scores,
  step: number,
  example: number,
): Float32Array | Float64Array {
  const start = (step * examples + example) * classes;
  return data.subarray(start, start + classes) as Float32Array;
}

/** Label sequences of all examples as a sparse matrix. */
function asSparse(
  sequences: readonly (readonly number[])[],
): [indices: Tensor, values: Tensor, shape: Tensor] {
  const values = sequences.flat();
  const indices = sequences.flatMap((sequence, example) => sequence.flatMap((_, i) => [example, i]));
  const longest = sequences.reduce((most, sequence) => Math.max(most, sequence.length), 0);
  return [
    int64Tensor([values.length, 2], indices),
    int64Tensor([values.length], values),
    int64Tensor([2], [sequences.length, longest]),
  ];
}

// ---- greedy --------------------------------------------------------------------------------------------------

function greedyDecoder({ attrs }: NodeFacts): TensorFunction {
  const mergeRepeated = attrs.bool("merge_repeated");
  const blankIndex = attrs.int("blank_index");
  return (inputs, lengthInput) => {
    const scores = scoresOf(inputs as Tensor, lengthInput as Tensor);
    const blank = blankIndex < 0 ? scores.classes + blankIndex : blankIndex;
    if (blank < 0 || blank >= scores.classes) {
      throw invalidArgument(
        `blank_index expected to be between ${-scores.classes} and ${scores.classes - 1}, but was ${blankIndex}`,
      );
    }
    const negativeSums = scores.data.slice(0, scores.examples).fill(0);
    const sequences = Array.from({ length: scores.examples }, (_, example) => {
      const sequence: number[] = [];
      let last = -1;
      for (let step = 0; step < (scores.lengths[example] as number); step++) {
        const row = stepScores(scores, step, example);
        const best = argMax(row);
        negativeSums[example] = (negativeSums[example] as number) - (row[best] as number);
        if (best !== blank && !(mergeRepeated && best === last)) sequence.push(best);
        last = best;
      }
      return sequence;
    });
    return [...asSparse(sequences), tensorOver(scores.dtype, [scores.examples, 1], negativeSums)];
  };
}

function argMax(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] as number) > (row[best] as number)) best = i;
  return best;
}

// ---- beam search ---------------------------------------------------------------------------------------------

const NEVER = Number.NEGATIVE_INFINITY;

/** Log probabilities that a prefix was read so far: in all, ending in a blank, ending in its label. */
interface Chance {
  total: number;
  blank: number;
  label: number;
}

const never = (): Chance => ({ total: NEVER, blank: NEVER, label: NEVER });

/** A prefix: its last label, behind the prefix of its parent. */
interface Beam {
  readonly parent: Beam | undefined;
  readonly label: number;
  readonly children: Map<number, Beam>;
  before: Chance;
  now: Chance;
}

function beam(parent: Beam | undefined, label: number): Beam {
  return { parent, label, children: new Map(), before: never(), now: never() };
}

/** log(e^a + e^b). */
function logSum(a: number, b: number): number {
  if (a === NEVER) return b;
  if (b === NEVER) return a;
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

/** The best beams, best first, never more than the width. */
class Leaves {
  readonly sorted: Beam[] = [];

  constructor(private readonly width: number) {}

  get isFull(): boolean {
    return this.sorted.length >= this.width;
  }

  get worst(): Beam | undefined {
    return this.sorted.at(-1);
  }

  /** Puts a beam in its place; the worst one leaves when there are too many. */
  push(entry: Beam): void {
    let [low, high] = [0, this.sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.sorted[middle] as Beam).now.total >= entry.now.total) low = middle + 1;
      else high = middle;
    }
    this.sorted.splice(low, 0, entry);
    if (this.sorted.length > this.width) this.sorted.pop();
  }
}

class BeamSearch {
  private leaves: Leaves;

  constructor(
    private readonly width: number,
    /** The last class. */
    private readonly blank: number,
  ) {
    this.leaves = new Leaves(width);
    const root = beam(undefined, -1);
    root.now = { total: 0, blank: 0, label: NEVER };
    this.leaves.push(root);
  }

  /** Reads the scores of one time step. */
  step(scores: ArrayLike<number>): void {
    const chances = logSoftmax(scores);
    const beams = this.leaves.sorted;
    this.leaves = new Leaves(this.width);
    for (const entry of beams) entry.before = { ...entry.now };
    for (const entry of beams) {
      this.stay(entry, chances);
      this.leaves.push(entry);
    }
    for (const entry of beams) {
      if (this.mayEnter(entry.before.total)) this.grow(entry, chances);
    }
  }

  /** The same prefix after one more step: a blank, or its label again. */
  private stay(entry: Beam, chances: Float64Array): void {
    const { parent, before, now } = entry;
    if (parent !== undefined) {
      if (parent.now.total !== NEVER) {
        const arrived = entry.label === parent.label ? parent.before.blank : parent.before.total;
        now.label = logSum(now.label, arrived);
      }
      now.label += chances[entry.label] as number;
    }
    now.blank = before.total + (chances[this.blank] as number);
    now.total = logSum(now.blank, now.label);
  }

  private mayEnter(total: number): boolean {
    return total > NEVER && (!this.leaves.isFull || total > (this.leaves.worst as Beam).now.total);
  }

  /** Prefixes that are longer by one label. */
  private grow(entry: Beam, chances: Float64Array): void {
    for (let label = 0; label < this.blank; label++) {
      const child = childOf(entry, label);
      if (child.now.total !== NEVER) continue;
      const arrived = label === entry.label ? entry.before.blank : entry.before.total;
      const total = (chances[label] as number) + arrived;
      if (!this.mayEnter(total)) {
        child.before = never();
        continue;
      }
      child.now = { total, blank: NEVER, label: total };
      if (this.leaves.isFull) (this.leaves.worst as Beam).now = never();
      this.leaves.push(child);
    }
  }

  /** The best prefixes with their log probabilities, best first. */
  best(count: number): Beam[] {
    if (count > this.leaves.sorted.length) {
      throw invalidArgument("Less leaves in the beam search than requested.");
    }
    return this.leaves.sorted.slice(0, count);
  }
}

function childOf(entry: Beam, label: number): Beam {
  let child = entry.children.get(label);
  if (child === undefined) {
    child = beam(entry, label);
    entry.children.set(label, child);
  }
  return child;
}

function logSoftmax(scores: ArrayLike<number>): Float64Array {
  const most = scores[argMax(scores)] as number;
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += Math.exp((scores[i] as number) - most);
  const offset = most + Math.log(sum);
  return Float64Array.from(scores, (score) => score - offset);
}

function labelsOf(leaf: Beam, mergeRepeated: boolean): number[] {
  const labels: number[] = [];
  let last = -1;
  for (let entry: Beam = leaf; entry.parent !== undefined; entry = entry.parent) {
    if (!mergeRepeated || entry.label !== last) labels.push(entry.label);
    last = entry.label;
  }
  return labels.reverse();
}

function beamSearchDecoder({ attrs }: NodeFacts): TensorFunction {
  const [width, paths] = [attrs.int("beam_width"), attrs.int("top_paths")];
  const mergeRepeated = attrs.bool("merge_repeated");
  return (inputs, lengthInput) => {
    const scores = scoresOf(inputs as Tensor, lengthInput as Tensor);
    if (paths > width) throw invalidArgument("requested more paths than the beam width.");
    const best = Array.from({ length: scores.examples }, (_, example) => {
      const search = new BeamSearch(width, scores.classes - 1);
      const steps = scores.lengths[example] as number;
      for (let step = 0; step < steps; step++) search.step(stepScores(scores, step, example));
      return search.best(paths);
    });
    const sparse = Array.from({ length: paths }, (_, path) =>
      asSparse(best.map((leaves) => labelsOf(leaves[path] as Beam, mergeRepeated))),
    );
    const chances = best.flatMap((leaves) => leaves.map((leaf) => leaf.now.total));
    const data = scores.dtype === "float32" ? Float32Array.from(chances) : Float64Array.from(chances);
    return [
      ...[0, 1, 2].flatMap((output) => sparse.map((tensors) => tensors[output] as Tensor)),
      tensorOver(scores.dtype, [scores.examples, paths], data),
    ];
  };
}

export const ctcKernels: HostTable = {
  CTCGreedyDecoder: compute(greedyDecoder),
  CTCBeamSearchDecoder: compute(beamSearchDecoder),
};
