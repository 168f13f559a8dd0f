/** Operators that move elements: shapes, slices, joins, gathers, padding, and sizes as tensors. */
import type { DType, Output, TfliteTensor } from "@servable/formats";
import { cast } from "../numbers.js";
import { int, ints, type TfliteOp, type TfliteRow, type TfliteTable } from "../operator.js";
import { activated } from "./activation.js";

/** TensorFlow has the same operator with the same inputs. */
const same =
  (op: string): TfliteRow =>
  (tflite) =>
    tflite.g.compute(op, tflite.inputs());

/** The type of an output that the operator's options choose, as the file has it. */
function typeOf({ type }: TfliteTensor): DType {
  return type as DType;
}

/** The new shape is an input, or an option where that input is missing. */
const reshape: TfliteRow = (op) => {
  const { newShape } = op.options("ReshapeOptions");
  if (op.has(1)) return op.g.compute("Reshape", [op.input(0), op.input(1)]);
  return op.g.compute("Reshape", [op.input(0), ints(...(newShape ?? op.outputTensor().shape))]);
};

const squeeze: TfliteRow = (op) =>
  op.g.compute("Squeeze", [op.input(0)], {
    squeeze_dims: [...(op.options("SqueezeOptions").squeezeDims ?? [])],
  });

const stridedSlice: TfliteRow = (op) => {
  const options = op.options("StridedSliceOptions");
  const begin = op.input(1);
  const end = options.offset ? op.g.compute("AddV2", [begin, op.input(2)]) : op.input(2);
  return op.g.compute("StridedSlice", [op.input(0), begin, end, op.input(3)], {
    begin_mask: options.beginMask,
    end_mask: options.endMask,
    ellipsis_mask: options.ellipsisMask,
    new_axis_mask: options.newAxisMask,
    shrink_axis_mask: options.shrinkAxisMask,
  });
};

const concatenation: TfliteRow = (op) => {
  const { axis, activation } = op.options("ConcatenationOptions");
  const inputs = op.inputs();
  const joined = inputs.length === 1 ? inputs[0] : op.g.compute("ConcatV2", [inputs, int(axis)]);
  return activated(op.g, joined as Output, activation);
};

const pack: TfliteRow = (op) => op.g.compute("Pack", [op.inputs()], { axis: op.options("PackOptions").axis });

const unpack: TfliteRow = (op) => {
  const { num, axis } = op.options("UnpackOptions");
  return op.g.op("Unpack", [op.input(0)], { num, axis }).outputs;
};

const split: TfliteRow = (op) =>
  op.g.op("Split", [op.scalar(0), op.input(1)], { num_split: op.options("SplitOptions").numSplits }).outputs;

const splitV: TfliteRow = (op) =>
  op.g.op("SplitV", [op.input(0), op.input(1), op.scalar(2)], {
    num_split: op.options("SplitVOptions").numSplits,
  }).outputs;

/** Indices of 16 bits are not TensorFlow's. */
function indices(op: TfliteOp, i: number): Output {
  const found = op.input(i);
  return found.dtype === "int16" ? cast(op.g, found, "int32") : found;
}

const gather: TfliteRow = (op) => {
  const { axis, batchDims } = op.options("GatherOptions");
  return op.g.compute("GatherV2", [op.input(0), indices(op, 1), int(axis)], { batch_dims: batchDims });
};

const mirrorPad: TfliteRow = (op) => {
  const mode = op.options("MirrorPadOptions").mode === 0 ? "REFLECT" : "SYMMETRIC";
  return op.g.compute("MirrorPad", op.inputs(), { mode });
};

/** Where the update is put, its first element moved so that all of it fits: both sides padded to the same shape. */
const dynamicUpdateSlice: TfliteRow = (op) => {
  const { g } = op;
  const [operand, update] = [op.input(0), op.input(1)];
  const start = cast(g, op.input(2), "int32");
  const room = g.compute("Sub", [g.compute("Shape", [operand]), g.compute("Shape", [update])]);
  const first = g.compute("Maximum", [g.compute("Minimum", [start, room]), int(0)]);
  const paddings = g.compute("Pack", [[first, g.compute("Sub", [room, first])]], { axis: 1 });
  const ones = g.compute("OnesLike", [cast(g, update, "float32")]);
  const covered = g.compute("Greater", [
    g.compute("Pad", [ones, paddings]),
    g.compute("ZerosLike", [cast(g, operand, "float32")]),
  ]);
  return g.compute("SelectV2", [covered, g.compute("Pad", [update, paddings]), operand]);
};

const reverseSequence: TfliteRow = (op) => {
  const { seqDim, batchDim } = op.options("ReverseSequenceOptions");
  return op.g.compute("ReverseSequence", op.inputs(), { seq_dim: seqDim, batch_dim: batchDim });
};

const sparseToDense: TfliteRow = (op) => {
  const [places, shape, values, absent] = op.inputs() as [Output, Output, Output, Output];
  return op.g.compute("SparseToDense", [places, shape, values, absent], {
    validate_indices: op.options("SparseToDenseOptions").validateIndices,
  });
};

export const shapingRows: TfliteTable = {
  BATCH_TO_SPACE_ND: same("BatchToSpaceND"),
  BROADCAST_ARGS: same("BroadcastArgs"),
  BROADCAST_TO: same("BroadcastTo"),
  CONCATENATION: concatenation,
  DEPTH_TO_SPACE: (op) =>
    op.g.compute("DepthToSpace", [op.input(0)], { block_size: op.options("DepthToSpaceOptions").blockSize }),
  DYNAMIC_UPDATE_SLICE: dynamicUpdateSlice,
  EMBEDDING_LOOKUP: (op) => op.g.compute("GatherV2", [op.input(1), indices(op, 0), int(0)]),
  EXPAND_DIMS: (op) => op.g.compute("ExpandDims", [op.input(0), op.scalar(1)]),
  FILL: same("Fill"),
  GATHER: gather,
  GATHER_ND: (op) => op.g.compute("GatherNd", [op.input(0), indices(op, 1)]),
  MATRIX_DIAG: same("MatrixDiag"),
  MATRIX_SET_DIAG: same("MatrixSetDiag"),
  MIRROR_PAD: mirrorPad,
  ONE_HOT: (op) =>
    op.g.compute("OneHot", [op.input(0), op.scalar(1), op.scalar(2), op.scalar(3)], {
      axis: op.options("OneHotOptions").axis,
    }),
  PACK: pack,
  PAD: same("Pad"),
  PADV2: (op) => op.g.compute("PadV2", [op.input(0), op.input(1), op.scalar(2)]),
  RANGE: (op) => op.g.compute("Range", [op.scalar(0), op.scalar(1), op.scalar(2)]),
  RANK: same("Rank"),
  RESHAPE: reshape,
  REVERSE_SEQUENCE: reverseSequence,
  REVERSE_V2: same("ReverseV2"),
  SCATTER_ND: same("ScatterNd"),
  SHAPE: (op) => op.g.compute("Shape", [op.input(0)], { out_type: typeOf(op.outputTensor()) }),
  SLICE: same("Slice"),
  SPACE_TO_BATCH_ND: same("SpaceToBatchND"),
  SPACE_TO_DEPTH: (op) =>
    op.g.compute("SpaceToDepth", [op.input(0)], { block_size: op.options("SpaceToDepthOptions").blockSize }),
  SPARSE_TO_DENSE: sparseToDense,
  SPLIT: split,
  SPLIT_V: splitV,
  SQUEEZE: squeeze,
  STRIDED_SLICE: stridedSlice,
  TILE: same("Tile"),
  TRANSPOSE: same("Transpose"),
  UNPACK: unpack,
  WHERE: same("Where"),
};
