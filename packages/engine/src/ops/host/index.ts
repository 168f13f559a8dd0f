/** All rows of this aspect, one file per category. */
import type { HostTable } from "../op-table.js";
import { checkpointReadingKernels } from "./checkpoint-reading.js";
import { variableRows } from "./variables.js";

export const hostRows: HostTable = {
  ...checkpointReadingKernels,
  ...variableRows,
};
