/** All rows of this aspect, one file per category. */
import type { OnnxTable } from "../op-table.js";
import { activationRows } from "./activation.js";
import { comparisonRows } from "./comparison.js";
import { elementwiseRows } from "./elementwise.js";

export const onnxRows: OnnxTable = {
  ...elementwiseRows,
  ...comparisonRows,
  ...activationRows,
};
