/**
 * Where the values of a SavedModel's variables come from: a map of tensors, or a checkpoint that is copied as it is,
 * tensor by tensor, with whatever else it holds.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { CheckpointReader } from "../checkpoint/checkpoint-reader.js";
import { type CheckpointWriter, writeAll } from "../checkpoint/checkpoint-writer.js";
import { copyTensors } from "../checkpoint/copy.js";
import { TensorBundleWriter } from "../checkpoint/tensor-bundle-writer.js";
import type { Variable } from "../graph-builder/variable.js";
import { checkVariableValues, inParts } from "../graph-builder/variable-values.js";
import { sameShape, shapeText } from "../shape.js";
import { invalidArgument } from "../status.js";
import type { Tensor } from "../tensor.js";

/** Values by the variables' names, those of partitioned variables whole or in parts; or an open checkpoint. */
export type VariableSource = ReadonlyMap<string, Tensor> | CheckpointReader;

function isMap(source: VariableSource): source is ReadonlyMap<string, Tensor> {
  return "size" in source;
}

/** The source with a value for each part where it has one of the whole. */
export function sourceInParts(variables: readonly Variable[], source: VariableSource): VariableSource {
  return isMap(source) ? inParts(variables, source) : source;
}

/** INVALID_ARGUMENT, listing all, when a map has values for what is no variable of the graph. */
export function checkNoSurplus(variables: readonly Variable[], source: VariableSource): void {
  if (!isMap(source)) return;
  const unused = new Set(source.keys());
  for (const { name } of variables) unused.delete(name);
  if (unused.size > 0) throw invalidArgument(`The graph has no variables "${[...unused].join('", "')}"`);
}

/** INVALID_ARGUMENT, listing all, unless there is a value of the right dtype and shape for each variable. */
export function checkSource(variables: readonly Variable[], source: VariableSource): void {
  if (isMap(source)) {
    checkVariableValues(variables, source);
    return;
  }
  const problems = variables.flatMap((variable) => problemOf(variable, source) ?? []);
  if (problems.length > 0) throw invalidArgument(`Values of variables: ${problems.join("; ")}`);
}

function problemOf({ checkpointName: name, dtype, shape, partition }: Variable, reader: CheckpointReader) {
  if (!reader.has(name)) return `variable "${name}" has no value`;
  const stored = reader.info(name);
  const whole = partition?.fullShape ?? shape;
  if (stored.dtype === dtype && sameShape(stored.shape, whole)) return undefined;
  const got = `${stored.dtype} of shape ${shapeText(stored.shape)}`;
  return `variable "${name}" must be ${dtype} of shape ${shapeText(whole)}, got ${got}`;
}

/**
 * Writes the checkpoint of a SavedModel; none when there is nothing to write.
 *
 * @param variables of all MetaGraphs; they say which values are parts of a whole
 */
export function writeSource(prefix: string, variables: readonly Variable[], source: VariableSource): void {
  mkdirSync(path.dirname(prefix));
  const isEmpty = isMap(source) ? source.size === 0 : source.names().length === 0;
  if (isEmpty) return;
  writeAll(TensorBundleWriter.create(prefix), (writer) => {
    if (isMap(source)) addValues(writer, variables, source);
    else copyTensors(source, writer);
  });
}

/** In the order of their names, as TensorFlow writes them. */
function addValues(
  writer: CheckpointWriter,
  variables: readonly Variable[],
  values: ReadonlyMap<string, Tensor>,
): void {
  const byName = new Map(variables.map((variable) => [variable.name, variable]));
  for (const [name, value] of [...values].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const partition = byName.get(name)?.partition;
    if (partition === undefined) writer.add(name, value);
    else writer.addSlice(partition.fullName, partition.fullShape, partition.slice, value);
  }
}
