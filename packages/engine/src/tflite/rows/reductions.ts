/** Operators that look at many elements at once: reductions, orders, segments, spectra, and boxes. */
import type { Output } from "@servable/formats";
import type { TfliteOp, TfliteRow, TfliteTable } from "../operator.js";

const same =
  (op: string): TfliteRow =>
  (tflite) =>
    tflite.g.compute(op, tflite.inputs());

const reduce =
  (op: string): TfliteRow =>
  (tflite) =>
    tflite.g.compute(op, [tflite.input(0), tflite.input(1)], {
      keep_dims: tflite.options("ReducerOptions").keepDims,
    });

const argument =
  (type: "ArgMax" | "ArgMin"): TfliteRow =>
  (op) =>
    op.g.compute(type, [op.input(0), op.scalar(1)], { output_type: op.outputTensor().type });

const cumsum: TfliteRow = (op) => {
  const { exclusive, reverse } = op.options("CumsumOptions");
  return op.g.compute("Cumsum", [op.input(0), op.scalar(1)], { exclusive, reverse });
};

const unique: TfliteRow = (op) =>
  op.g.op("Unique", [op.input(0)], { out_idx: op.options("UniqueOptions").idxOutType }).outputs;

const resize =
  (
    type: "ResizeBilinear" | "ResizeNearestNeighbor",
    kind: "ResizeBilinearOptions" | "ResizeNearestNeighborOptions",
  ): TfliteRow =>
  (op) => {
    const { alignCorners, halfPixelCenters } = op.options(kind);
    return op.g.compute(type, [op.input(0), op.input(1)], {
      align_corners: alignCorners,
      half_pixel_centers: halfPixelCenters,
    });
  };

/** Boxes that overlap better ones too much are left out; what is left is padded to the most that may be. */
function suppression(op: TfliteOp, type: string, inputs: number): readonly Output[] {
  const scalars = Array.from({ length: inputs - 2 }, (_, i) => op.scalar(i + 2));
  return op.g.op(type, [op.input(0), op.input(1), ...scalars], { pad_to_max_output_size: true }).outputs;
}

const random =
  (type: "RandomStandardNormal" | "RandomUniform"): TfliteRow =>
  (op) => {
    const { seed, seed2 } = op.options("RandomOptions");
    return op.g.compute(type, [op.input(0)], { seed, seed2, dtype: "float32" });
  };

const multinomial: TfliteRow = (op) => {
  const { seed, seed2 } = op.options("RandomOptions");
  const attrs = { seed, seed2, output_dtype: op.outputTensor().type };
  return op.g.compute("Multinomial", [op.input(0), op.scalar(1)], attrs);
};

export const reductionRows: TfliteTable = {
  ARG_MAX: argument("ArgMax"),
  ARG_MIN: argument("ArgMin"),
  CUMSUM: cumsum,
  MEAN: reduce("Mean"),
  MULTINOMIAL: multinomial,
  NON_MAX_SUPPRESSION_V4: (op) => suppression(op, "NonMaxSuppressionV4", 5),
  NON_MAX_SUPPRESSION_V5: (op) => suppression(op, "NonMaxSuppressionV5", 6),
  RANDOM_STANDARD_NORMAL: random("RandomStandardNormal"),
  RANDOM_UNIFORM: random("RandomUniform"),
  REDUCE_ALL: reduce("All"),
  REDUCE_ANY: reduce("Any"),
  REDUCE_MAX: reduce("Max"),
  REDUCE_MIN: reduce("Min"),
  REDUCE_PROD: reduce("Prod"),
  RESIZE_BILINEAR: resize("ResizeBilinear", "ResizeBilinearOptions"),
  RESIZE_NEAREST_NEIGHBOR: resize("ResizeNearestNeighbor", "ResizeNearestNeighborOptions"),
  RFFT2D: same("RFFT2D"),
  SEGMENT_SUM: same("SegmentSum"),
  SUM: reduce("Sum"),
  TOPK_V2: (op) => op.g.op("TopKV2", [op.input(0), op.scalar(1)]).outputs,
  UNIQUE: unique,
  UNSORTED_SEGMENT_MAX: same("UnsortedSegmentMax"),
  UNSORTED_SEGMENT_MIN: same("UnsortedSegmentMin"),
  UNSORTED_SEGMENT_PROD: same("UnsortedSegmentProd"),
  UNSORTED_SEGMENT_SUM: same("UnsortedSegmentSum"),
};
