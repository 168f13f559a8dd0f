/** All rows of this aspect, one file per category. */
import type { OnnxTable } from "../op-table.js";
import { activationRows } from "./activation.js";
import { blockRows } from "./blocks.js";
import { comparisonRows } from "./comparison.js";
import { convolutionRows } from "./convolution.js";
import { diagonalRows } from "./diagonals.js";
import { einsumRows } from "./einsum.js";
import { elementwiseRows } from "./elementwise.js";
import { gatherScatterRows } from "./gather-scatter.js";
import { imageRows } from "./image.js";
import { joiningRows } from "./joining.js";
import { matrixRows } from "./matrix.js";
import { normalizationRows } from "./normalization.js";
import { paddingRows } from "./padding.js";
import { poolingRows } from "./pooling.js";
import { quantizationRows } from "./quantization.js";
import { recurrentRows } from "./recurrent.js";
import { reductionRows } from "./reductions.js";
import { resizeRows } from "./resize.js";
import { shapingRows } from "./shaping.js";
import { slicingRows } from "./slicing.js";
import { turningRows } from "./turning.js";
import { uniformQuantizationRows } from "./uniform-quantization.js";

export const onnxRows: OnnxTable = {
  ...elementwiseRows,
  ...comparisonRows,
  ...activationRows,
  ...reductionRows,
  ...shapingRows,
  ...joiningRows,
  ...paddingRows,
  ...blockRows,
  ...turningRows,
  ...slicingRows,
  ...gatherScatterRows,
  ...matrixRows,
  ...einsumRows,
  ...diagonalRows,
  ...convolutionRows,
  ...poolingRows,
  ...normalizationRows,
  ...imageRows,
  ...resizeRows,
  ...quantizationRows,
  ...uniformQuantizationRows,
  ...recurrentRows,
};
