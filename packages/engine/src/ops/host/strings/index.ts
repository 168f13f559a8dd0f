/** All rows of ops over strings. */
import type { HostTable } from "../../op-table.js";
import { csvKernels } from "./csv.js";
import { decodingKernels } from "./decoding.js";
import { formattingKernels } from "./formatting.js";
import { hashingKernels } from "./hashing.js";
import { joiningStringKernels } from "./joining.js";
import { numberStringKernels } from "./numbers.js";
import { regexKernels } from "./regex.js";
import { splittingKernels } from "./splitting.js";
import { textKernels } from "./text.js";
import { unicodeKernels } from "./unicode.js";

export const stringKernels: HostTable = {
  ...csvKernels,
  ...decodingKernels,
  ...formattingKernels,
  ...hashingKernels,
  ...joiningStringKernels,
  ...numberStringKernels,
  ...regexKernels,
  ...splittingKernels,
  ...textKernels,
  ...unicodeKernels,
};
