/** All rows of ops over sparse tensors. */
import type { HostTable } from "../../op-table.js";
import { sparseArithmeticKernels } from "./arithmetic.js";
import { countingKernels } from "./counting.js";
import { crossingKernels } from "./crossing.js";
import { sparseReducingKernels } from "./reducing.js";
import { sparseReshapingKernels } from "./reshaping.js";
import { sparseSerializationKernels } from "./serialization.js";
import { setKernels } from "./sets.js";

export const sparseKernels: HostTable = {
  ...countingKernels,
  ...crossingKernels,
  ...setKernels,
  ...sparseArithmeticKernels,
  ...sparseReducingKernels,
  ...sparseReshapingKernels,
  ...sparseSerializationKernels,
};
