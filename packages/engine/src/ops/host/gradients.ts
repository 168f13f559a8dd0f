/** Gradients of activations and roots: few inference graphs hold them, each is one formula of y (or x) and dy. */
import type { HostRow, HostTable } from "../op-table.js";
import { binaryFor, pairwise, zipped } from "./elementwise.js";
import { compute } from "./kernel.js";

const SELU_SCALE = 1.0507009873554805;
const SELU_SCALE_ALPHA = 1.7580993408473766;

const ofFloats = (f: (x: number, y: number) => number): HostRow => pairwise({ float: f });
const negativeSquare = ofFloats((y, dy) => -dy * y * y);

export const gradientKernels: HostTable = {
  SigmoidGrad: ofFloats((y, dy) => dy * y * (1 - y)),
  TanhGrad: ofFloats((y, dy) => dy * (1 - y * y)),
  InvGrad: negativeSquare,
  ReciprocalGrad: negativeSquare,
  SqrtGrad: ofFloats((y, dy) => (dy * 0.5) / y),
  RsqrtGrad: ofFloats((y, dy) => -0.5 * dy * y * y * y),
  ReluGrad: ofFloats((dy, x) => (x > 0 ? dy : 0)),
  Relu6Grad: ofFloats((dy, x) => (x > 0 && x < 6 ? dy : 0)),
  EluGrad: ofFloats((dy, y) => (y < 0 ? dy * (y + 1) : dy)),
  SeluGrad: ofFloats((dy, y) => (y < 0 ? dy * (y + SELU_SCALE_ALPHA) : dy * SELU_SCALE)),
  SoftplusGrad: ofFloats((dy, x) => dy / (Math.exp(-x) + 1)),
  SoftsignGrad: ofFloats((dy, x) => dy / (1 + Math.abs(x)) ** 2),
  LeakyReluGrad: compute((node) => {
    const alpha = node.attrs.float("alpha");
    const slope = binaryFor({ float: (dy, x) => (x > 0 ? dy : alpha * dy) }, "float32");
    return (dy, x) => zipped(dy, x, dy.dtype, slope);
  }),
};
