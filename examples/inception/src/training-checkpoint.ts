/**
 * Takes the network's variables from a folder of training checkpoints, of either format. What is served are the
 * exponential moving averages that training keeps beside the variables, as tf.train.ExponentialMovingAverage's
 * variables_to_restore has it.
 */
import path from "node:path";
import {
  type CheckpointReader,
  checkpointExists,
  invalidArgument,
  notFound,
  openCheckpoint,
  readCheckpointState,
  sameShape,
  shapeText,
  type Tensor,
  type Variable,
} from "@servable/formats";

const SHADOW = "/ExponentialMovingAverage";

export interface TrainedVariables {
  /** Path of the checkpoint, without its endings. */
  readonly prefix: string;
  /** The number at the end of the prefix, if there is one. */
  readonly globalStep: number | undefined;
  /** By the names in the graph. */
  readonly values: ReadonlyMap<string, Tensor>;
}

/**
 * Reads the values of all variables from the folder's latest checkpoint.
 *
 * @throws NOT_FOUND, with advice, when there is no checkpoint; INVALID_ARGUMENT, listing all, for variables that it
 *   lacks or has in another shape
 */
export function readTrainedVariables(folder: string, variables: readonly Variable[]): TrainedVariables {
  const prefix = findCheckpoint(folder);
  const reader = openCheckpoint(prefix);
  try {
    const problems = variables.flatMap((variable) => problemOf(reader, variable));
    if (problems.length > 0) {
      const some = problems.slice(0, 5).join("; ");
      throw invalidArgument(`${prefix} does not fit the network (${problems.length} variables): ${some}`);
    }
    const values = new Map(variables.map(({ name }) => [name, reader.read(storedName(reader, name))]));
    const step = /-(\d+)$/.exec(prefix)?.[1];
    return { prefix, globalStep: step === undefined ? undefined : Number(step), values };
  } finally {
    reader.close();
  }
}

/** The shadow, where training kept one. */
function storedName(reader: CheckpointReader, name: string): string {
  return reader.has(name + SHADOW) ? name + SHADOW : name;
}

function problemOf(reader: CheckpointReader, { name, dtype, shape }: Variable): string[] {
  const stored = storedName(reader, name);
  if (!reader.has(stored)) return [`it has no "${name}"`];
  const found = reader.info(stored);
  if (found.dtype === dtype && sameShape(found.shape, shape)) return [];
  const expected = `${dtype} of shape ${shapeText(shape)}`;
  return [`"${name}" must be ${expected}, got ${found.dtype} of shape ${shapeText(found.shape)}`];
}

/**
 * The prefix of the latest checkpoint. A state file that came with a checkpoint from another machine names a folder of
 * that machine: then the checkpoint is looked for beside the state file.
 */
function findCheckpoint(folder: string): string {
  const prefix = readCheckpointState(folder)?.modelCheckpointPath;
  if (prefix === undefined) {
    throw notFound(
      `Checkpoint file not found: there is no file "checkpoint" in ${folder}. Train the model, download the published ` +
        "one with inception_checkpoint, or make one with random weights with inception_random_checkpoint; then name " +
        "its folder with --checkpoint_dir",
    );
  }
  const candidates = [prefix, path.join(folder, path.basename(prefix))];
  const found = candidates.find(checkpointExists);
  if (found !== undefined) return found;
  throw notFound(
    `Checkpoint file not found: ${path.join(folder, "checkpoint")} names ${prefix}, which is neither there nor in ` +
      `${folder}. Were all its files copied?`,
  );
}
