/** How every operator of TensorFlow Lite is told in TensorFlow's, one file per category. */
import type { TfliteTable } from "../operator.js";
import { activationRows } from "./activation.js";
import { controlRows } from "./control.js";
import { elementwiseRows } from "./elementwise.js";
import { layerRows } from "./layers.js";
import { recurrentRows } from "./recurrent.js";
import { reductionRows } from "./reductions.js";
import { servingRows } from "./serving.js";
import { shapingRows } from "./shaping.js";

export const tfliteRows: TfliteTable = {
  ...activationRows,
  ...controlRows,
  ...elementwiseRows,
  ...layerRows,
  ...recurrentRows,
  ...reductionRows,
  ...servingRows,
  ...shapingRows,
};

/** Operators that choose and move numbers and make no new ones. */
export const movingOperators: ReadonlySet<string> = new Set([
  "BATCH_TO_SPACE_ND",
  "BROADCAST_TO",
  "CONCATENATION",
  "DEPTH_TO_SPACE",
  "EMBEDDING_LOOKUP",
  "EXPAND_DIMS",
  "GATHER",
  "GATHER_ND",
  "MAXIMUM",
  "MAX_POOL_2D",
  "MINIMUM",
  "MIRROR_PAD",
  "PACK",
  "PAD",
  "REDUCE_MAX",
  "REDUCE_MIN",
  "RESHAPE",
  "RESIZE_NEAREST_NEIGHBOR",
  "REVERSE_V2",
  "SLICE",
  "SPACE_TO_BATCH_ND",
  "SPACE_TO_DEPTH",
  "SPLIT",
  "SPLIT_V",
  "SQUEEZE",
  "STRIDED_SLICE",
  "TILE",
  "TOPK_V2",
  "TRANSPOSE",
  "UNPACK",
]);
