/** Non-maximum suppression: of boxes that overlap too much, only the best scored one stays. */
import { type DType, shapeText, type Tensor } from "@servable/formats";
import type { HostTable } from "../../op-table.js";
import { type Reals, realsOf, tensorOfNumbers } from "../domains.js";
import { compute, countOf, ensure, integerOf, outputDtype } from "../kernel.js";

interface Limits {
  readonly count: number;
  /** Boxes overlapping a chosen one by more are dropped. */
  readonly overlap: number;
  /** Only scores above count. */
  readonly score: number;
  /** Of soft suppression, which lowers scores in place of dropping boxes; 0 for none. */
  readonly sigma: number;
}

interface Candidate {
  readonly box: number;
  score: number;
  /** How many of the chosen boxes it has been compared to. */
  compared: number;
}

interface Chosen {
  readonly boxes: number[];
  readonly scores: number[];
}

/** The best boxes, best first. `overlap` compares two by their positions. */
function suppress(
  scores: ArrayLike<number>,
  overlap: (a: number, b: number) => number,
  limits: Limits,
): Chosen {
  const queue = Array.from(scores, (score, box): Candidate => ({ box, score, compared: 0 }))
    .filter(({ score }) => score > limits.score)
    .sort(better);
  const chosen: Chosen = { boxes: [], scores: [] };
  while (chosen.boxes.length < limits.count) {
    const next = queue.shift();
    if (next === undefined) break;
    const before = next.score;
    const dropped = compare(next, chosen.boxes, overlap, limits);
    next.compared = chosen.boxes.length;
    if (dropped) continue;
    if (next.score === before) {
      chosen.boxes.push(next.box);
      chosen.scores.push(next.score);
    } else if (next.score > limits.score) {
      insert(queue, next);
    }
  }
  return chosen;
}

/** Higher scores first, of equal ones the first box. */
function better(a: Candidate, b: Candidate): number {
  return b.score - a.score || a.box - b.box;
}

function insert(queue: Candidate[], candidate: Candidate): void {
  const at = queue.findIndex((other) => better(candidate, other) < 0);
  queue.splice(at < 0 ? queue.length : at, 0, candidate);
}

/** Lowers the candidate's score by the chosen boxes that it overlaps; whether one of them drops it. */
function compare(
  candidate: Candidate,
  chosen: readonly number[],
  overlap: (a: number, b: number) => number,
  { overlap: most, score, sigma }: Limits,
): boolean {
  for (let i = chosen.length - 1; i >= candidate.compared; i--) {
    const similarity = overlap(candidate.box, chosen[i] as number);
    if (sigma === 0 && similarity > most) return true;
    if (sigma > 0) {
      const kept = Math.exp((-0.5 / sigma) * similarity * similarity);
      candidate.score = Math.fround(candidate.score * kept);
    }
    if (candidate.score <= score) return false;
  }
  return false;
}

/** Intersection over union of two boxes, given by any two opposite corners. */
function intersectionOverUnion(boxes: Reals): (a: number, b: number) => number {
  const corners = (box: number): [number, number, number, number] => {
    const [y1, x1, y2, x2] = boxes.subarray(4 * box, 4 * box + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    return [Math.min(y1, y2), Math.min(x1, x2), Math.max(y1, y2), Math.max(x1, x2)];
  };
  return (a, b) => {
    const [top, left, bottom, right] = corners(a);
    const [otherTop, otherLeft, otherBottom, otherRight] = corners(b);
    const [area, otherArea] = [
      (bottom - top) * (right - left),
      (otherBottom - otherTop) * (otherRight - otherLeft),
    ];
    if (area <= 0 || otherArea <= 0) return 0;
    const height = Math.max(Math.min(bottom, otherBottom) - Math.max(top, otherTop), 0);
    const width = Math.max(Math.min(right, otherRight) - Math.max(left, otherLeft), 0);
    return (height * width) / (area + otherArea - height * width);
  };
}

function requireBoxes(boxes: Tensor, scores: Tensor): void {
  ensure(
    boxes.shape.length === 2 && boxes.shape[1] === 4,
    () => `boxes must have shape [num_boxes,4], got ${shapeText(boxes.shape)}`,
  );
  ensure(
    scores.shape.length === 1 && scores.shape[0] === boxes.shape[0],
    () => `scores has incompatible shape: ${shapeText(scores.shape)} for ${boxes.shape[0]} boxes`,
  );
}

function thresholdOf(input: Tensor | undefined, otherwise: number): number {
  return input === undefined ? otherwise : (realsOf(input)[0] as number);
}

function limitsOf(count: Tensor, overlap: number, score: number, sigma = 0): Limits {
  ensure(overlap >= 0 && overlap <= 1, () => `iou_threshold must be in [0, 1], got ${overlap}`);
  ensure(sigma >= 0, () => `soft_nms_sigma_val must be >= 0, got ${sigma}`);
  return { count: Math.max(0, integerOf(count, "max_output_size")), overlap, score, sigma };
}

function selected(boxes: Tensor, scores: Tensor, limits: Limits): Chosen {
  requireBoxes(boxes, scores);
  return suppress(realsOf(scores), intersectionOverUnion(realsOf(boxes)), limits);
}

const vector = (dtype: DType, values: readonly number[]): Tensor =>
  tensorOfNumbers(dtype, [values.length], values);
const scalar = (value: number): Tensor => tensorOfNumbers("int32", [], [value]);
const padded = (values: readonly number[], length: number): number[] => [
  ...values,
  ...new Array<number>(Math.max(0, length - values.length)).fill(0),
];

// ---- many classes at once --------------------------------------------------------------------------------------

interface Detection {
  readonly box: readonly number[];
  readonly score: number;
  readonly class: number;
}

interface CombinedLimits extends Limits {
  readonly total: number;
  readonly perClass: boolean;
  readonly clip: boolean;
}

/** Boxes [batch, num_boxes, classes or 1, 4], scores [batch, num_boxes, classes]. */
function combined(boxes: Tensor, scores: Tensor, limits: CombinedLimits): Tensor[] {
  const [batch, count, boxClasses] = boxes.shape as [number, number, number, number];
  const classes = scores.shape[2] as number;
  ensure(
    boxes.shape.length === 4 && boxes.shape[3] === 4,
    () => `boxes must be 4-D and end in 4, got ${shapeText(boxes.shape)}`,
  );
  ensure(
    scores.shape.length === 3 && scores.shape[0] === batch && scores.shape[1] === count,
    () => `scores has incompatible shape: ${shapeText(scores.shape)} vs. boxes ${shapeText(boxes.shape)}`,
  );
  ensure(
    boxClasses === 1 || boxClasses === classes,
    () => `third dimension of boxes must be either 1 or num classes, got ${boxClasses}`,
  );
  const size = limits.perClass ? Math.min(limits.total, limits.count * classes) : limits.total;
  countOf([batch, size, 4]);
  const [allBoxes, allScores] = [realsOf(boxes), realsOf(scores)];
  const results = Array.from({ length: batch }, (_, n) => {
    const found: Detection[] = [];
    for (let c = 0; c < classes; c++) found.push(...detectionsOf(n, c));
    return found.sort((a, b) => b.score - a.score).slice(0, size);
  });

  function detectionsOf(n: number, c: number): Detection[] {
    const own = Array.from({ length: count }, (_, i) => {
      const at = ((n * count + i) * boxClasses + (boxClasses === 1 ? 0 : c)) * 4;
      return [...allBoxes.subarray(at, at + 4)];
    });
    const ownScores = Float32Array.from(
      { length: count },
      (_, i) => allScores[(n * count + i) * classes + c] as number,
    );
    const chosen = suppress(ownScores, intersectionOverUnion(Float32Array.from(own.flat())), limits);
    return chosen.boxes.map((at, i) => ({
      box: own[at] as number[],
      score: chosen.scores[i] as number,
      class: c,
    }));
  }

  const column = (value: (detection: Detection) => readonly number[], width: number): number[] =>
    results.flatMap((found) => padded(found.flatMap(value), size * width));
  const within = (edge: number): number => (limits.clip ? Math.min(Math.max(edge, 0), 1) : edge);
  return [
    tensorOfNumbers(
      "float32",
      [batch, size, 4],
      column(({ box }) => box.map(within), 4),
    ),
    tensorOfNumbers(
      "float32",
      [batch, size],
      column(({ score }) => [score], 1),
    ),
    tensorOfNumbers(
      "float32",
      [batch, size],
      column((detection) => [detection.class], 1),
    ),
    vector(
      "int32",
      results.map((found) => found.length),
    ),
  ];
}

const LOWEST = Number.NEGATIVE_INFINITY;

export const suppressionKernels: HostTable = {
  NonMaxSuppression: compute((node) => {
    const overlap = node.attrs.float("iou_threshold");
    return (boxes, scores, count) =>
      vector("int32", selected(boxes, scores, limitsOf(count, overlap, LOWEST)).boxes);
  }),
  NonMaxSuppressionV2: compute(
    () => (boxes, scores, count, overlap) =>
      vector("int32", selected(boxes, scores, limitsOf(count, thresholdOf(overlap, 0), LOWEST)).boxes),
  ),
  NonMaxSuppressionV3: compute(() => (boxes, scores, count, overlap, score) => {
    const limits = limitsOf(count, thresholdOf(overlap, 0), thresholdOf(score, LOWEST));
    return vector("int32", selected(boxes, scores, limits).boxes);
  }),
  NonMaxSuppressionV4: compute((node) => {
    const pad = node.attrs.bool("pad_to_max_output_size");
    return (boxes, scores, count, overlap, score) => {
      const limits = limitsOf(count, thresholdOf(overlap, 0), thresholdOf(score, LOWEST));
      const chosen = selected(boxes, scores, limits).boxes;
      return [vector("int32", pad ? padded(chosen, limits.count) : chosen), scalar(chosen.length)];
    };
  }),
  NonMaxSuppressionV5: compute((node) => {
    const pad = node.attrs.bool("pad_to_max_output_size");
    return (boxes, scores, count, overlap, score, sigma) => {
      const limits = limitsOf(
        count,
        thresholdOf(overlap, 0),
        thresholdOf(score, LOWEST),
        thresholdOf(sigma, 0),
      );
      const chosen = selected(boxes, scores, limits);
      const length = pad ? limits.count : chosen.boxes.length;
      return [
        vector("int32", padded(chosen.boxes, length)),
        vector(outputDtype(node, 1), padded(chosen.scores, length)),
        scalar(chosen.boxes.length),
      ];
    };
  }),
  NonMaxSuppressionWithOverlaps: compute(() => (overlaps, scores, count, overlap, score) => {
    const size = scores.shape[0] as number;
    ensure(
      overlaps.shape.length === 2 && overlaps.shape[0] === size && overlaps.shape[1] === size,
      () =>
        `overlaps must be square and as large as scores: ${shapeText(overlaps.shape)} vs. ${shapeText(scores.shape)}`,
    );
    const table = realsOf(overlaps);
    const limits = {
      count: integerOf(count, "max_output_size"),
      overlap: thresholdOf(overlap, 0),
      score: thresholdOf(score, LOWEST),
      sigma: 0,
    };
    return vector("int32", suppress(realsOf(scores), (a, b) => table[a * size + b] as number, limits).boxes);
  }),
  CombinedNonMaxSuppression: compute((node) => {
    const [perClass, clip] = [node.attrs.bool("pad_per_class"), node.attrs.bool("clip_boxes")];
    return (boxes, scores, countPerClass, totalInput, overlap, score) => {
      const limits = limitsOf(countPerClass, thresholdOf(overlap, 0), thresholdOf(score, LOWEST));
      const total = integerOf(totalInput, "max_total_size");
      ensure(limits.count > 0, "max_size_per_class must be positive");
      ensure(total > 0, "max_total_size must be > 0");
      return combined(boxes, scores, { ...limits, total, perClass, clip });
    };
  }),
};
