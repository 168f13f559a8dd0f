/** How rows of ops on resources are written: their kernels get the context, and their errors name the node. */
import type { HostRow, Kernel, NodeFacts } from "../op-table.js";
import { namingNode } from "./kernel.js";

/** The row of an op that reads or writes a resource. `make` reads the attributes, once per node. */
export function stateful(make: (node: NodeFacts) => Kernel): HostRow {
  return {
    effect: "state",
    kernel(node) {
      const run = make(node);
      return (inputs, context) => {
        try {
          return run(inputs, context);
        } catch (error) {
          throw namingNode(error, node);
        }
      };
    },
  };
}
