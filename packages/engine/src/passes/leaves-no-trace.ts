/**
 * Whether running a graph can be told afterwards: by a variable, a table or a random number generator that is not
 * what it was. A signature that leaves no trace may be run by the server itself, to warm it up.
 */
import { type Graph, isLoop, type Node } from "../graph/graph.js";
import { hostRows } from "../ops/host/index.js";

/** Ops that touch state and only read it, or make what nothing outside of the run knows. */
const readers = new Set([
  "VarHandleOp",
  "ReadVariableOp",
  "VarIsInitializedOp",
  "VariableShape",
  "ResourceGather",
  "ResourceGatherNd",
  "HashTable",
  "HashTableV2",
  "MutableHashTable",
  "MutableHashTableV2",
  "MutableHashTableOfTensors",
  "MutableHashTableOfTensorsV2",
  "MutableDenseHashTable",
  "MutableDenseHashTableV2",
  "LookupTableFind",
  "LookupTableFindV2",
  "LookupTableSize",
  "LookupTableSizeV2",
  "LookupTableExport",
  "LookupTableExportV2",
  "StackV2",
  "StackPushV2",
  "StackPopV2",
  "StackCloseV2",
]);

export function leavesNoTrace({ nodes }: Graph): boolean {
  return nodes.every((node) => isHarmless(node) && (node.bodies ?? []).every(leavesNoTrace));
}

/** Whether the graph loops, itself or in a branch: how often is for values to say. */
export function hasLoops({ nodes }: Graph): boolean {
  return nodes.some((node) => isLoop(node) || (node.bodies ?? []).some(hasLoops));
}

function isHarmless({ op }: Node): boolean {
  const effect = hostRows[op]?.effect;
  // A generator counts as state: the next number that it gives to a caller would be another.
  return effect === undefined || effect === "check" || readers.has(op);
}
