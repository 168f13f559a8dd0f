import { describeRows } from "./testing/recorded-rows.js";

describeRows("nn", {
  refused: [
    /^MaxPool.*over channels/,
    /^MatrixDiag(Part)?V3\(float32\[2, 3(, \d)?\], int32\[2\]/,
    /^MatrixDiagV3\(float32\[2, 3\], int32\[\], int32\[\], int32\[\], float32\[\]\): of a given size/,
    /^Matrix(Determinant|Inverse)/,
    /^Einsum.*(equation=ii|: broadcast)/,
  ],
  lenient: [
    /^Conv2D\(float32\[1, 5, 5, 4\], float32\[3, 3, 2, 6\]/,
    /^Conv2DBackpropInput\(int32\[2\]/,
    /^Einsum.*: broadcast/,
  ],
  indulgent: ["Conv2DBackpropInput", "Conv3DBackpropInputV2", "Einsum"],
});
