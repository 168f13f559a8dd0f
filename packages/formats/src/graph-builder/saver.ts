/**
 * The part of a graph that saves and restores its variables, for which loaders look in SaverDef
 * (tensorflow/core/protobuf/saver.proto): a loader feeds the checkpoint's prefix and runs the restore operation.
 */
import { create } from "@bufbuild/protobuf";
import { dtypeNumber } from "../dtype.js";
import {
  type SaverDef,
  SaverDef_CheckpointFormatVersion,
  SaverDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/saver_pb.js";
import { stringTensor } from "../tensor.js";
import type { GraphBuilder } from "./graph-builder.js";
import type { Operation, Output } from "./operation.js";
import type { Variable } from "./variable.js";

/** Checkpoints that tf.train.Saver keeps when it saves several; a SavedModel holds one. */
const MAX_TO_KEEP = 5;

/** Adds saving and restoring of all variables in the V2 format, under their names. Undefined when there are none. */
export function addSaver(graph: GraphBuilder): SaverDef | undefined {
  const variables = [...graph.variables];
  if (variables.length === 0) return undefined;
  return graph.scope("save", () => {
    const filename = graph.compute(
      "PlaceholderWithDefault",
      [stringTensor([], ["model"])],
      { shape: [] },
      { name: "filename" },
    );
    return create(SaverDefSchema, {
      filenameTensorName: filename.name,
      saveTensorName: addSave(graph, filename, variables).name,
      restoreOpName: addRestore(graph, filename, variables).name,
      maxToKeep: MAX_TO_KEEP,
      version: SaverDef_CheckpointFormatVersion.V2,
    });
  });
}

/** The names in the checkpoint, and for each the slice of the tensor that is meant: all of it. */
function namesAndSlices(variables: readonly Variable[]) {
  return [
    stringTensor(
      [variables.length],
      variables.map(({ name }) => name),
    ),
    stringTensor(
      [variables.length],
      variables.map(() => ""),
    ),
  ] as const;
}

function addSave(graph: GraphBuilder, filename: Output, variables: readonly Variable[]): Output {
  const values = variables.map((variable) => variable.read());
  const save = graph.op("SaveV2", [filename, ...namesAndSlices(variables), values]);
  return graph.compute("Identity", [filename], {}, { name: "saved_filename", controlInputs: [save] });
}

function addRestore(graph: GraphBuilder, filename: Output, variables: readonly Variable[]): Operation {
  const dtypes = variables.map(({ dtype }) => dtypeNumber(dtype));
  const restore = graph.op("RestoreV2", [filename, ...namesAndSlices(variables)], { dtypes });
  const assigns = variables.map((variable, i) => variable.assign(restore.output(i), { name: "Assign" }));
  return graph.group(assigns, { name: "restore_all" });
}
