/**
 * The part of a graph that saves and restores its variables, for which loaders look in SaverDef
 * (tensorflow/core/protobuf/saver.proto): a loader feeds the checkpoint's prefix and runs the restore operation.
 */
import { create } from "@bufbuild/protobuf";
import { shapeAndSliceText } from "../checkpoint/tensor-slice.js";
import { dtypeNumber } from "../dtype.js";
import {
  type SaverDef,
  SaverDef_CheckpointFormatVersion,
  SaverDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/saver_pb.js";
import { type StringTensor, stringTensor } from "../tensor.js";
import type { GraphBuilder } from "./graph-builder.js";
import type { Operation, Output } from "./operation.js";
import type { Variable } from "./variable.js";

/** Checkpoints that tf.train.Saver keeps when it saves several; a SavedModel holds one. */
const MAX_TO_KEEP = 5;

/** A variable, and the name under which a checkpoint holds it. */
export interface SavedVariable {
  readonly variable: Variable;
  readonly name: string;
}

/**
 * Adds saving and restoring of all variables in the V2 format, under their names; parts of partitioned variables as
 * slices of the whole. Undefined when there are none.
 *
 * @example
 * const graph = new GraphBuilder();
 * graph.variable("float32", [2], { name: "w" });
 * const saver = addSaver(graph);
 * assert.deepEqual([saver?.filenameTensorName, saver?.restoreOpName], ["save/filename:0", "save/restore_all"]);
 */
export function addSaver(graph: GraphBuilder): SaverDef | undefined {
  const saved = graph.variables.map((variable) => ({ variable, name: variable.checkpointName }));
  return saved.length === 0 ? undefined : addBundleSaver(graph, saved, { maxToKeep: MAX_TO_KEEP });
}

/** Adds saving and restoring of variables in the V2 format, below "save". */
export function addBundleSaver(
  graph: GraphBuilder,
  saved: readonly SavedVariable[],
  settings: { readonly maxToKeep: number; readonly sharded?: boolean; readonly hours?: number },
): SaverDef {
  return graph.scope("save", () => {
    const filename = graph.compute(
      "PlaceholderWithDefault",
      [stringTensor([], ["model"])],
      { shape: [] },
      { name: "filename" },
    );
    return create(SaverDefSchema, {
      filenameTensorName: filename.name,
      saveTensorName: addSave(graph, filename, saved).name,
      restoreOpName: addRestore(graph, filename, saved).name,
      maxToKeep: settings.maxToKeep,
      sharded: settings.sharded ?? false,
      ...(settings.hours !== undefined && { keepCheckpointEveryNHours: settings.hours }),
      version: SaverDef_CheckpointFormatVersion.V2,
    });
  });
}

/** The names in the checkpoint, and for each the slice of the tensor that is meant: all of it where that is empty. */
export function namesAndSlices(saved: readonly SavedVariable[]): readonly [StringTensor, StringTensor] {
  const slices = saved.map(({ variable: { partition } }) =>
    partition === undefined ? "" : shapeAndSliceText(partition.fullShape, partition.slice),
  );
  return [
    stringTensor(
      [saved.length],
      saved.map(({ name }) => name),
    ),
    stringTensor([saved.length], slices),
  ];
}

function addSave(graph: GraphBuilder, filename: Output, saved: readonly SavedVariable[]): Output {
  const values = saved.map(({ variable }) => variable.read());
  const save = graph.op("SaveV2", [filename, ...namesAndSlices(saved), values]);
  return graph.compute("Identity", [filename], {}, { name: "saved_filename", controlInputs: [save] });
}

function addRestore(graph: GraphBuilder, filename: Output, saved: readonly SavedVariable[]): Operation {
  const dtypes = saved.map(({ variable }) => dtypeNumber(variable.dtype));
  const restore = graph.op("RestoreV2", [filename, ...namesAndSlices(saved)], { dtypes });
  const assigns = saved.map(({ variable }, i) => variable.assign(restore.output(i), { name: "Assign" }));
  return graph.group(assigns, { name: "restore_all" });
}
