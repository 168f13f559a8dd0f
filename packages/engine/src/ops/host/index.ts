/** All rows of this aspect, one file per category. */
import type { HostTable } from "../op-table.js";
import { audioKernels } from "./audio.js";
import { blockKernels } from "./blocks.js";
import { castKernels } from "./casts.js";
import { checkpointReadingKernels } from "./checkpoint-reading.js";
import { checkKernels } from "./checks.js";
import { comparisonKernels } from "./comparison.js";
import { convolutionKernels } from "./convolutions.js";
import { countingKernels } from "./counting.js";
import { diagonalKernels } from "./diagonals.js";
import { elementwiseBinaryKernels } from "./elementwise-binary.js";
import { elementwiseUnaryKernels } from "./elementwise-unary.js";
import { environmentKernels } from "./environment.js";
import { exampleKernels } from "./examples/index.js";
import { fourierKernels } from "./fourier.js";
import { gatheringKernels } from "./gathering.js";
import { gradientKernels } from "./gradients.js";
import { identityKernels } from "./identity.js";
import { imageKernels } from "./image-files/kernels.js";
import { colorKernels } from "./images/colors.js";
import { resizingKernels } from "./images/resizing.js";
import { suppressionKernels } from "./images/suppression.js";
import { warpingKernels } from "./images/warping.js";
import { joiningKernels } from "./joining.js";
import { linearAlgebraKernels } from "./linear-algebra.js";
import { normalizationKernels } from "./normalization.js";
import { placeholderKernels } from "./placeholders.js";
import { poolingKernels } from "./pooling.js";
import { productKernels } from "./products.js";
import { quantizationKernels } from "./quantization.js";
import { quantizedGraphKernels } from "./quantized-graphs.js";
import { raggedKernels } from "./ragged/index.js";
import { distortedBoxKernels } from "./random/distorted-boxes.js";
import { fractionalPoolingKernels } from "./random/fractional-pooling.js";
import { randomKernels } from "./random/random.js";
import { rearrangingKernels } from "./rearranging.js";
import { recurrentKernels } from "./recurrent.js";
import { reductionKernels } from "./reductions.js";
import { regressionKernels } from "./regression.js";
import { scanKernels } from "./scans.js";
import { scatteringKernels } from "./scattering.js";
import { segmentKernels } from "./segments.js";
import { sequenceKernels } from "./sequences.js";
import { shapingKernels } from "./shaping.js";
import { slicingKernels } from "./slicing.js";
import { sortingKernels } from "./sorting.js";
import { sparseKernels } from "./sparse/index.js";
import { spatialGradientKernels } from "./spatial-gradients.js";
import { specialKernels } from "./special.js";
import { stackKernels } from "./stacks.js";
import { stringKernels } from "./strings/index.js";
import { summaryKernels } from "./summaries.js";
import { tableKernels } from "./tables/tables.js";
import { tensorListKernels } from "./tensor-lists.js";
import { variableKernels } from "./variables.js";
import { wavEncodingKernels } from "./wav-encoding.js";

export const hostRows: HostTable = {
  ...wavEncodingKernels,
  ...imageKernels,
  ...exampleKernels,
  ...castKernels,
  ...checkpointReadingKernels,
  ...comparisonKernels,
  ...elementwiseBinaryKernels,
  ...elementwiseUnaryKernels,
  ...gatheringKernels,
  ...identityKernels,
  ...joiningKernels,
  ...placeholderKernels,
  ...rearrangingKernels,
  ...reductionKernels,
  ...sequenceKernels,
  ...shapingKernels,
  ...slicingKernels,
  ...raggedKernels,
  ...sparseKernels,
  ...stringKernels,
  ...tableKernels,
  ...stackKernels,
  ...tensorListKernels,
  ...variableKernels,
  ...specialKernels,
  ...gradientKernels,
  ...checkKernels,
  ...scanKernels,
  ...scatteringKernels,
  ...segmentKernels,
  ...sortingKernels,
  ...countingKernels,
  ...productKernels,
  ...diagonalKernels,
  ...fourierKernels,
  ...linearAlgebraKernels,
  ...convolutionKernels,
  ...poolingKernels,
  ...normalizationKernels,
  ...blockKernels,
  ...recurrentKernels,
  ...regressionKernels,
  ...randomKernels,
  ...quantizationKernels,
  ...resizingKernels,
  ...colorKernels,
  ...suppressionKernels,
  ...warpingKernels,
  ...fractionalPoolingKernels,
  ...summaryKernels,
  ...audioKernels,
  ...spatialGradientKernels,
  ...distortedBoxKernels,
  ...environmentKernels,
  ...quantizedGraphKernels,
};
