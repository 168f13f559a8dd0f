/** All rows of this aspect, one file per category. */
import type { HostTable } from "../op-table.js";

export const hostRows: HostTable = {};
