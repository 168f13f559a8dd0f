/** All rows of ops over strings. */
import type { HostTable } from "../../op-table.js";
import { formattingKernels } from "./formatting.js";
import { hashingKernels } from "./hashing.js";
import { joiningStringKernels } from "./joining.js";
import { numberStringKernels } from "./numbers.js";
import { splittingKernels } from "./splitting.js";
import { textKernels } from "./text.js";

export const stringKernels: HostTable = {
  ...formattingKernels,
  ...hashingKernels,
  ...joiningStringKernels,
  ...numberStringKernels,
  ...splittingKernels,
  ...textKernels,
};
