/** All rows of this aspect, one file per category. */
import type { OnnxTable } from "../op-table.js";
import { activationRows } from "./activation.js";
import { comparisonRows } from "./comparison.js";
import { convolutionRows } from "./convolution.js";
import { elementwiseRows } from "./elementwise.js";
import { gatherScatterRows } from "./gather-scatter.js";
import { matrixRows } from "./matrix.js";
import { normalizationRows } from "./normalization.js";
import { poolingRows } from "./pooling.js";
import { reductionRows } from "./reductions.js";
import { shapingRows } from "./shaping.js";
import { slicingRows } from "./slicing.js";

export const onnxRows: OnnxTable = {
  ...elementwiseRows,
  ...comparisonRows,
  ...activationRows,
  ...reductionRows,
  ...shapingRows,
  ...slicingRows,
  ...gatherScatterRows,
  ...matrixRows,
  ...convolutionRows,
  ...poolingRows,
  ...normalizationRows,
};
