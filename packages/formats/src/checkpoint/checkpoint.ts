/**
 * Saves trees of tensors as object-based checkpoints, which tf.train.Checkpoint restores into objects of the same
 * names, and restores what that saved. The counterpart of tensorflow/python/checkpoint/checkpoint.py.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { isTensor } from "../graph-builder/attr-value.js";
import { TrackableObjectGraphSchema } from "../protobuf/gen/tensorflow/core/protobuf/trackable_object_graph_pb.js";
import { sameShape, shapeText } from "../shape.js";
import { invalidArgument, notFound, StatusError } from "../status.js";
import { stringTensor, type Tensor, tensor } from "../tensor.js";
import { CheckpointSaver, type CheckpointSaverOptions } from "./checkpoint-saver.js";
import {
  type CheckpointObject,
  escapeName,
  OBJECT_GRAPH_KEY,
  ObjectCheckpoint,
  VARIABLE_VALUE,
} from "./object-graph.js";

/** Variables and objects that have others by name; a list has them by number. What occurs twice is stored once. */
export type CheckpointTree = Tensor | readonly CheckpointTree[] | { readonly [name: string]: CheckpointTree };

/** The child that counts how often was saved. */
const SAVE_COUNTER = "save_counter";

export interface CheckpointRestoreOptions {
  /** Keep the present value of what the checkpoint lacks, instead of NOT_FOUND. */
  readonly partial?: boolean;
}

interface Node {
  readonly value: CheckpointTree;
  readonly path: string;
}

/**
 * A tree of tensors that is saved and restored by the names of its objects.
 *
 * @example
 * const step = tensor("int64", [], BigInt64Array.of(7n));
 * const kernel = tensor("float32", [2], Float32Array.of(1, 2));
 * const checkpoint = new Checkpoint({ step, model: { layers: [{ kernel }] } });
 * const prefix = checkpoint.save("training/ckpt");
 * assert.equal(prefix, "training/ckpt-1");
 * const zeroed = { step, model: { layers: [{ kernel: zeros("float32", [2]) as Tensor }] } };
 * const restored = new Checkpoint(zeroed).restore(prefix);
 * assert.deepEqual(restored.model.layers[0]?.kernel, kernel);
 */
export class Checkpoint<Tree extends { readonly [name: string]: CheckpointTree }> {
  private counter = 0n;
  private readonly saver: CheckpointSaver;

  /**
   * @param root the objects that the checkpoint's root has; read when it is saved
   * @param options where and how long checkpoints are kept; the format is always "V2"
   */
  constructor(
    private readonly root: Tree,
    options: Omit<CheckpointSaverOptions, "variables" | "writeVersion" | "partitions"> = {},
  ) {
    this.saver = new CheckpointSaver({ maxToKeep: 0, ...options });
  }

  /** How often was saved, by this object and those it was restored from. */
  get saveCounter(): bigint {
    return this.counter;
  }

  /**
   * Writes a checkpoint, numbered by how often was saved, and the folder's state file. Missing folders are made.
   *
   * @returns the prefix with the number
   * @throws the codes of the file system's errors; after an error there is no new checkpoint
   */
  save(prefix: string): string {
    this.counter++;
    try {
      mkdirSync(path.dirname(prefix), { recursive: true });
      return this.saver.save(this.tensors(), prefix, { globalStep: Number(this.counter) });
    } catch (reason) {
      this.counter--;
      throw StatusError.from(reason);
    }
  }

  /** Writes a checkpoint under this very prefix, without counting. */
  write(prefix: string): string {
    return this.saver.save(this.tensors(), prefix, { writeState: false });
  }

  /** The tensors of the checkpoint by their keys, the object graph among them. */
  private tensors(): Map<string, Tensor> {
    const counter = tensor("int64", [], BigInt64Array.of(this.counter));
    const root = { ...this.root, [SAVE_COUNTER]: this.root[SAVE_COUNTER] ?? counter };
    const nodes = reachable(root);
    const ids = new Map(nodes.map(({ value }, id) => [value, id]));
    const graph = create(TrackableObjectGraphSchema, {
      nodes: nodes.map(({ value, path: where }) => ({
        children: childrenOf(value).map(([localName, child]) => ({
          localName,
          nodeId: ids.get(child) as number,
        })),
        attributes: isTensor(value)
          ? [{ name: VARIABLE_VALUE, fullName: where, checkpointKey: keyOf(where) }]
          : [],
        hasCheckpointValues: true,
      })),
    });
    const tensors = new Map<string, Tensor>();
    for (const { value, path: where } of nodes) if (isTensor(value)) tensors.set(keyOf(where), value);
    const bytes = toBinary(TrackableObjectGraphSchema, graph);
    return tensors.set(OBJECT_GRAPH_KEY, stringTensor([], [bytes]));
  }

  /**
   * A tree like this one with the values of a checkpoint, matched from object to object by their names; what else the
   * checkpoint holds is left alone. Later checkpoints are numbered from there on.
   *
   * @throws NOT_FOUND when there is no such checkpoint, or, listing all, when it lacks objects; INVALID_ARGUMENT, listing
   *   all, for values of another dtype or shape; FAILED_PRECONDITION when it has no object graph; DATA_LOSS when damaged
   */
  restore(prefix: string, { partial = false }: CheckpointRestoreOptions = {}): Tree {
    const stored = ObjectCheckpoint.open(prefix);
    try {
      const restoration = new Restoration();
      const tree = restoration.tree(this.root, stored.root, "") as Tree;
      if (restoration.missing.length > 0 && !partial) {
        throw notFound(`Checkpoint ${prefix} has no "${restoration.missing.join('", "')}"`);
      }
      if (restoration.different.length > 0) {
        throw invalidArgument(`Checkpoint ${prefix}: ${restoration.different.join("; ")}`);
      }
      this.counter = counterOf(stored.root);
      return tree;
    } finally {
      stored.close();
    }
  }
}

function counterOf(root: CheckpointObject): bigint {
  const counter = root.children.get(SAVE_COUNTER);
  return counter?.has() ? BigInt(String(counter.read().data[0])) : 0n;
}

function childrenOf(value: CheckpointTree): [string, CheckpointTree][] {
  return isTensor(value) ? [] : Object.entries(value);
}

/** All objects, breadth first, with the shortest path to each. */
function reachable(root: CheckpointTree): Node[] {
  const paths = new Map<CheckpointTree, string>([[root, ""]]);
  for (const [value, where] of paths) {
    for (const [name, child] of childrenOf(value)) {
      const inner = where === "" ? escapeName(name) : `${where}/${escapeName(name)}`;
      if (!paths.has(child)) paths.set(child, inner);
    }
  }
  return [...paths].map(([value, where]) => ({ value, path: where }));
}

function keyOf(where: string): string {
  return `${where}/.ATTRIBUTES/${VARIABLE_VALUE}`;
}

/** Goes through a tree and a checkpoint side by side. */
class Restoration {
  readonly missing: string[] = [];
  readonly different: string[] = [];
  /** What was restored already: objects that occur twice occur twice again. */
  private readonly done = new Map<CheckpointTree, CheckpointTree>();

  tree(value: CheckpointTree, stored: CheckpointObject | undefined, where: string): CheckpointTree {
    const known = this.done.get(value);
    if (known !== undefined) return known;
    const restored = isTensor(value)
      ? this.tensor(value, stored, where)
      : this.children(value, stored, where);
    this.done.set(value, restored);
    return restored;
  }

  private children(
    value: Exclude<CheckpointTree, Tensor>,
    stored: CheckpointObject | undefined,
    where: string,
  ): CheckpointTree {
    const entries = Object.entries(value).map(([name, child]): [string, CheckpointTree] => [
      name,
      this.tree(child, stored?.children.get(name), where === "" ? name : `${where}/${name}`),
    ]);
    return Array.isArray(value) ? entries.map(([, child]) => child) : Object.fromEntries(entries);
  }

  private tensor(value: Tensor, stored: CheckpointObject | undefined, where: string): Tensor {
    if (!stored?.has()) {
      this.missing.push(where);
      return value;
    }
    const found = stored.read();
    if (found.dtype !== value.dtype || !sameShape(found.shape, value.shape)) {
      const [expected, got] = [value, found].map(
        ({ dtype, shape }) => `${dtype} of shape ${shapeText(shape)}`,
      );
      this.different.push(`"${where}" must be ${expected}, got ${got}`);
    }
    return found;
  }
}
