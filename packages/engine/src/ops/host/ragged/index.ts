/** All rows of ops over ragged tensors and sequences of labels. */
import type { HostTable } from "../../op-table.js";
import { ctcKernels } from "./ctc.js";
import { editDistanceKernels } from "./edit-distance.js";
import { raggedTensorKernels } from "./ragged-tensors.js";
import { raggedVariantKernels } from "./variants.js";

export const raggedKernels: HostTable = {
  ...ctcKernels,
  ...editDistanceKernels,
  ...raggedTensorKernels,
  ...raggedVariantKernels,
};
