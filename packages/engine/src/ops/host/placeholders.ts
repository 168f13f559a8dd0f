/** A placeholder that nobody feeds: its run fails, and only that of signatures that reach it. */
import { invalidArgument } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";

const placeholder: HostRow = {
  effect: "check",
  kernel: (node) => () => {
    throw invalidArgument(
      `You must feed a value for placeholder tensor '${node.name}' with dtype ${node.outputTypes[0]}`,
    );
  },
};

export const placeholderKernels: HostTable = { Placeholder: placeholder, PlaceholderV2: placeholder };
