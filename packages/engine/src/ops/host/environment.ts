/** Ops that ask where and when they run. */

import type { HostTable } from "../op-table.js";
import { tensorOfNumbers } from "./domains.js";
import { compute } from "./kernel.js";

export const environmentKernels: HostTable = {
  // Which branch of a Case is meant for this device: one past the last when none is for a CPU.
  DeviceIndex: compute((node) => {
    const devices = node.attrs.strings("device_names");
    const index = devices.indexOf("CPU");
    return () => tensorOfNumbers("int32", [], [index < 0 ? devices.length : index]);
  }),
  /** Seconds since 1970. */
  Timestamp: compute(() => () => tensorOfNumbers("float64", [], [Date.now() / 1000]), "random"),
};
