/** All rows of this aspect, one file per category. */
import type { OnnxTable } from "../op-table.js";

export const onnxRows: OnnxTable = {};
