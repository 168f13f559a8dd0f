/**
 * Saves and restores the variables of a graph that is being built, as tf.compat.v1.train.Saver does those of a session:
 * operations for it are added to the graph, which a loader finds by the SaverDef (tensorflow/core/protobuf/saver.proto),
 * and the values are written and read here. Checkpoints without a graph: checkpoint/checkpoint-saver.ts.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { CheckpointReader } from "../checkpoint/checkpoint-reader.js";
import {
  CheckpointSaver,
  type CheckpointSaverOptions,
  type SaveOptions,
} from "../checkpoint/checkpoint-saver.js";
import type { CheckpointVersion } from "../checkpoint/checkpoint-writer.js";
import { metaGraphFile } from "../checkpoint/files.js";
import { writeNewFile } from "../checkpoint/new-file.js";
import { openCheckpoint } from "../checkpoint/open.js";
import { isWhole } from "../checkpoint/tensor-slice.js";
import type { GraphBuilder } from "../graph-builder/graph-builder.js";
import type { Operation, Output } from "../graph-builder/operation.js";
import { addBundleSaver, namesAndSlices, type SavedVariable } from "../graph-builder/saver.js";
import { checkVariableValues, inParts } from "../graph-builder/variable-values.js";
import { MetaGraphDefSchema } from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import {
  type SaverDef,
  SaverDef_CheckpointFormatVersion,
  SaverDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/saver_pb.js";
import { collections } from "../saved-model/build-meta-graph.js";
import { sameShape, shapeText } from "../shape.js";
import { invalidArgument } from "../status.js";
import { stringTensor, type Tensor, tensor } from "../tensor.js";

export interface SaverOptions extends Omit<CheckpointSaverOptions, "partitions"> {
  /** Some of the graph's variables, by name, or a map from names in the checkpoint to them; all by default. */
  readonly variables?: readonly string[] | Readonly<Record<string, string>>;
  /** "V1" by default, which every reader of SessionBundles knows; those of today read "V2" as well. */
  readonly writeVersion?: CheckpointVersion;
}

export interface GraphSaveOptions extends SaveOptions {
  /** Write the graph beside the checkpoint too, as a MetaGraphDef in `<prefix>.meta`. */
  readonly writeMetaGraph?: boolean;
}

const DEFAULT_MAX_TO_KEEP = 5;

/**
 * Saves and restores the variables of a graph.
 *
 * @example
 * const graph = new GraphBuilder();
 * graph.variable("float32", [2], { name: "w" });
 * const values = new Map<string, Tensor>([["w", tensor("float32", [2], Float32Array.of(1, 2))]]);
 * const saver = new Saver(graph, values, { writeVersion: "V2", maxToKeep: 3 });
 * const prefix = saver.save("model.ckpt", { globalStep: 7 });
 * assert.equal(prefix, "model.ckpt-7");
 * assert.deepEqual(saver.restore(prefix), values);
 */
export class Saver {
  private readonly saved: readonly SavedVariable[];
  private readonly saverDef: SaverDef;
  private readonly checkpoints: CheckpointSaver;

  /**
   * Adds the operations to the graph, below "save".
   *
   * @param values of the variables that the graph has by now, by name, those of partitioned variables whole or in parts;
   *   values of others are ignored. They are read when they are saved
   * @throws INVALID_ARGUMENT, listing all, when a variable has no value or one of another dtype or shape, when one that
   *   is selected is not in the graph, and when there is no variable
   */
  constructor(
    readonly graph: GraphBuilder,
    private readonly values: ReadonlyMap<string, Tensor>,
    options: SaverOptions = {},
  ) {
    const { writeVersion = "V1", sharded = false, variables: _, ...rest } = options;
    this.saved = selectedVariables(graph, options.variables);
    if (this.saved.length === 0) throw invalidArgument("No variables to save");
    this.currentValues();
    this.checkpoints = new CheckpointSaver({ ...rest, writeVersion, sharded });
    const { maxToKeep = DEFAULT_MAX_TO_KEEP, keepCheckpointEveryNHours: hours } = options;
    this.saverDef =
      writeVersion === "V1"
        ? addFirstFormatSaver(graph, this.saved, {
            maxToKeep,
            shards: sharded === true ? 1 : Number(sharded),
          })
        : addBundleSaver(graph, this.saved, {
            maxToKeep,
            sharded: sharded !== false,
            ...(hours !== undefined && { hours }),
          });
  }

  /** What a loader must know of the operations. */
  asSaverDef(): SaverDef {
    return this.saverDef;
  }

  /** By the names of the variables, that is, in parts. */
  private currentValues(): ReadonlyMap<string, Tensor> {
    const variables = this.saved.map(({ variable }) => variable);
    const values = inParts(variables, this.values);
    checkVariableValues(variables, values);
    return values;
  }

  /**
   * Writes the checkpoint and the folder's state file.
   *
   * @param prefix path of the files without their endings
   * @returns the prefix with the global step
   * @throws INVALID_ARGUMENT when values have become other than the graph declares; else the codes of the file
   *   system's errors
   */
  save(prefix: string, options: GraphSaveOptions = {}): string {
    const full = this.checkpoints.withStep(prefix, options.globalStep);
    const values = this.currentValues();
    this.checkpoints.write(full, (writer) => {
      for (const { variable, name } of this.saved) {
        const value = values.get(variable.name) as Tensor;
        const { partition } = variable;
        if (partition === undefined) writer.add(name, value);
        else writer.addSlice(name, partition.fullShape, partition.slice, value);
      }
    });
    if (options.writeMetaGraph === true) this.writeMetaGraph(full);
    this.checkpoints.recordSaved(full, options);
    return full;
  }

  private writeMetaGraph(prefix: string): void {
    const metaGraph = create(MetaGraphDefSchema, {
      metaInfoDef: {},
      graphDef: this.graph.toGraphDef(),
      saverDef: this.saverDef,
      collectionDef: collections({ graph: this.graph }),
    });
    writeNewFile(metaGraphFile(prefix), toBinary(MetaGraphDefSchema, metaGraph));
  }

  /**
   * The values of the variables in a checkpoint, of either format, by the variables' names; of partitioned ones in parts,
   * however the checkpoint is cut.
   *
   * @throws NOT_FOUND when there is no such checkpoint; INVALID_ARGUMENT, listing all, when it lacks variables or has
   *   them with another dtype or shape; DATA_LOSS for damaged files
   */
  restore(prefix: string): Map<string, Tensor> {
    const reader = openCheckpoint(prefix);
    try {
      const problems = this.saved.flatMap((each) => problemOf(each, reader) ?? []);
      if (problems.length > 0) throw invalidArgument(`Checkpoint ${prefix}: ${problems.join("; ")}`);
      return new Map(this.saved.map((each) => [each.variable.name, readVariable(each, reader)]));
    } finally {
      reader.close();
    }
  }

  /** The checkpoints that were written and are still there, the oldest first. */
  get lastCheckpoints(): string[] {
    return this.checkpoints.lastCheckpoints;
  }

  /** Goes on with the checkpoints that a folder's state file lists. */
  recoverFromState(dir: string, latestFilename?: string): void {
    this.checkpoints.recoverFromState(dir, latestFilename);
  }
}

function problemOf({ variable, name }: SavedVariable, reader: CheckpointReader): string | undefined {
  if (!reader.has(name)) return `no tensor "${name}"`;
  const { dtype, shape } = reader.info(name);
  const expected = variable.partition?.fullShape ?? variable.shape;
  if (dtype === variable.dtype && sameShape(shape, expected)) return undefined;
  return `tensor "${name}" is ${dtype} of shape ${shapeText(shape)}, the variable ${variable.dtype} of shape ${shapeText(expected)}`;
}

function readVariable({ variable: { partition }, name }: SavedVariable, reader: CheckpointReader): Tensor {
  return partition === undefined || isWhole(partition.slice, partition.fullShape)
    ? reader.read(name)
    : reader.readSlice(name, partition.slice);
}

function selectedVariables(graph: GraphBuilder, selection: SaverOptions["variables"]): SavedVariable[] {
  if (selection === undefined) {
    return graph.variables.map((variable) => ({ variable, name: variable.checkpointName }));
  }
  const byName = new Map(graph.variables.map((variable) => [variable.name, variable]));
  const pairs: [string | undefined, string][] = isList(selection)
    ? selection.map((name) => [undefined, name])
    : Object.entries(selection);
  const missing = pairs.filter(([, name]) => !byName.has(name)).map(([, name]) => name);
  if (missing.length > 0) throw invalidArgument(`The graph has no variables "${missing.join('", "')}"`);
  return pairs.flatMap(([inCheckpoint, name]) => {
    const variable = byName.get(name);
    return variable === undefined ? [] : { variable, name: inCheckpoint ?? variable.checkpointName };
  });
}

function isList(
  selection: readonly string[] | Readonly<Record<string, string>>,
): selection is readonly string[] {
  return Array.isArray(selection);
}

interface FirstFormatSettings {
  readonly maxToKeep: number;
  /** 0 for one file under the prefix itself. */
  readonly shards: number;
}

function addFirstFormatSaver(
  graph: GraphBuilder,
  saved: readonly SavedVariable[],
  { maxToKeep, shards }: FirstFormatSettings,
): SaverDef {
  return graph.scope("save", () => {
    const filename = graph.constant(stringTensor([], ["model"]));
    return create(SaverDefSchema, {
      filenameTensorName: filename.name,
      saveTensorName: addSave(graph, filename, saved, shards).name,
      restoreOpName: addRestore(graph, filename, saved, shards).name,
      maxToKeep,
      sharded: shards > 0,
      version: SaverDef_CheckpointFormatVersion.V1,
    });
  });
}

/** The graph writes one shard, however many this saver does. */
function addSave(
  graph: GraphBuilder,
  prefix: Output,
  saved: readonly SavedVariable[],
  shards: number,
): Output {
  const number = (value: number) => tensor("int32", [], Int32Array.of(value));
  const file = shards > 0 ? graph.compute("ShardedFilename", [prefix, number(0), number(1)]) : prefix;
  const values = saved.map(({ variable }) => variable.read());
  const save = graph.op("SaveSlices", [file, ...namesAndSlices(saved), values]);
  const options = { name: "control_dependency", controlInputs: [save] };
  return shards > 0
    ? graph.compute("ShardedFilespec", [prefix, number(1)], {}, options)
    : graph.compute("Identity", [prefix], {}, options);
}

/** A RestoreSlice for each variable, all of them fed with the checkpoint's name or the pattern of its shards. */
function addRestore(
  graph: GraphBuilder,
  pattern: Output,
  saved: readonly SavedVariable[],
  shards: number,
): Operation {
  const [, slices] = namesAndSlices(saved);
  const assigns = saved.map(({ variable, name }, i) => {
    const attrs = { dt: variable.dtype, preferred_shard: shards === 1 ? 0 : -1 };
    const slice = stringTensor([], [slices.data[i] as Uint8Array]);
    const value = graph.compute("RestoreSlice", [pattern, stringTensor([], [name]), slice], attrs);
    return variable.assign(value, { name: "Assign" });
  });
  return graph.group(assigns, { name: "restore_all" });
}
