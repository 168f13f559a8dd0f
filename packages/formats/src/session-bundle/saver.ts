/**
 * Checkpoints of the first format for a graph that is being built: operations that save and restore its variables, as
 * tf.train.Saver(write_version=V1) adds them, and the checkpoint itself. Before there were SavedModels, a loader
 * found all it needed in the SaverDef (tensorflow/core/protobuf/saver.proto).
 */
import { create } from "@bufbuild/protobuf";
import { V1CheckpointWriter } from "../checkpoint/v1-writer.js";
import type { GraphBuilder } from "../graph-builder/graph-builder.js";
import type { Operation, Output } from "../graph-builder/operation.js";
import type { Variable } from "../graph-builder/variable.js";
import { checkVariableValues } from "../graph-builder/variable-values.js";
import {
  type SaverDef,
  SaverDef_CheckpointFormatVersion,
  SaverDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/saver_pb.js";
import { invalidArgument } from "../status.js";
import { stringTensor, type Tensor, tensor } from "../tensor.js";

export interface SaverOptions {
  /** Name the checkpoint as one of several files, `<prefix>-00000-of-00001`; false by default. */
  readonly sharded?: boolean;
}

const SHARD_COUNT = 1;

export class Saver {
  private readonly variables: readonly Variable[];
  private readonly saverDef: SaverDef;
  private readonly sharded: boolean;

  /**
   * Adds the operations to the graph, below "save".
   *
   * @param values of the variables that the graph has by now, by name; values of others are ignored
   * @throws INVALID_ARGUMENT, listing all, when a variable has no value or one of another dtype or shape, and when
   *   there is no variable
   */
  constructor(
    readonly graph: GraphBuilder,
    private readonly values: ReadonlyMap<string, Tensor>,
    { sharded = false }: SaverOptions = {},
  ) {
    if (graph.variables.length === 0) throw invalidArgument("No variables to save");
    this.variables = [...graph.variables];
    checkVariableValues(this.variables, values);
    this.sharded = sharded;
    this.saverDef = graph.scope("save", () => addOperations(graph, this.variables, sharded));
  }

  asSaverDef(): SaverDef {
    return this.saverDef;
  }

  /**
   * Writes the checkpoint; the codes of the file system's errors.
   *
   * @param prefix path of the file, without the shard's ending when there are shards
   */
  save(prefix: string): void {
    const writer = V1CheckpointWriter.create(this.sharded ? shardName(prefix) : prefix);
    try {
      for (const { name } of this.variables) writer.add(name, this.values.get(name) as Tensor);
    } catch (reason) {
      writer.discard();
      throw reason;
    }
    writer.finish();
  }
}

function shardName(prefix: string): string {
  return `${prefix}-00000-of-${String(SHARD_COUNT).padStart(5, "0")}`;
}

function addOperations(graph: GraphBuilder, variables: readonly Variable[], sharded: boolean): SaverDef {
  const filename = graph.constant(stringTensor([], ["model"]));
  return create(SaverDefSchema, {
    filenameTensorName: filename.name,
    saveTensorName: addSave(graph, filename, variables, sharded).name,
    restoreOpName: addRestore(graph, filename, variables, sharded).name,
    sharded,
    version: SaverDef_CheckpointFormatVersion.V1,
  });
}

function addSave(
  graph: GraphBuilder,
  prefix: Output,
  variables: readonly Variable[],
  sharded: boolean,
): Output {
  const number = (value: number) => tensor("int32", [], Int32Array.of(value));
  const file = sharded ? graph.compute("ShardedFilename", [prefix, number(0), number(SHARD_COUNT)]) : prefix;
  const names = variables.map(({ name }) => name);
  const save = graph.op("SaveSlices", [
    file,
    stringTensor([names.length], names),
    stringTensor(
      [names.length],
      names.map(() => ""),
    ),
    variables.map((variable) => variable.read()),
  ]);
  const options = { name: "control_dependency", controlInputs: [save] };
  return sharded
    ? graph.compute("ShardedFilespec", [prefix, number(SHARD_COUNT)], {}, options)
    : graph.compute("Identity", [prefix], {}, options);
}

/** A RestoreSlice for each variable, all of them fed with the checkpoint's name or the pattern of its shards. */
function addRestore(
  graph: GraphBuilder,
  pattern: Output,
  variables: readonly Variable[],
  sharded: boolean,
): Operation {
  const assigns = variables.map((variable) => {
    const text = (value: string) => stringTensor([], [value]);
    const attrs = { dt: variable.dtype, preferred_shard: sharded ? 0 : -1 };
    const value = graph.compute("RestoreSlice", [pattern, text(variable.name), text("")], attrs);
    return variable.assign(value, { name: "Assign" });
  });
  return graph.group(assigns, { name: "restore_all" });
}
