/**
 * Object-based checkpoints of TensorFlow 2. Beside its tensors such a checkpoint holds a TrackableObjectGraph
 * (tensorflow/core/protobuf/trackable_object_graph.proto): objects, which child each has under which name, and where
 * the values of their attributes are. Restoring follows the names from object to object; the tensors' keys, made of one
 * path to the object, mean nothing by themselves.
 */
import { decodeMessage } from "../protobuf/binary.js";
import {
  type TrackableObjectGraph,
  TrackableObjectGraphSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/trackable_object_graph_pb.js";
import { dataLoss, failedPrecondition, notFound } from "../status.js";
import type { Tensor } from "../tensor.js";
import type { CheckpointReader } from "./checkpoint-reader.js";
import { openCheckpoint } from "./open.js";

/** The name of the tensor that holds the object graph. */
export const OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH";
/** The attribute that holds the value of a variable. */
export const VARIABLE_VALUE = "VARIABLE_VALUE";

/** A part of a path: "." stands for itself as "..", "/" as ".S". */
export function escapeName(name: string): string {
  return name.replaceAll(".", "..").replaceAll("/", ".S");
}

/** Where the value of an object's attribute is. */
export interface CheckpointAttribute {
  /** The tensor, or the beginning of the names of several, as those of a table. */
  readonly key: string;
  /** The variable's name in the graph that saved it; may be empty. */
  readonly fullName: string;
}

/** A variable that an optimizer keeps for another one, such as a momentum. */
export interface SlotVariable {
  readonly variable: CheckpointObject;
  readonly slotName: string;
  readonly slot: CheckpointObject;
}

/**
 * One object of a checkpoint. Objects may be reached by several paths, and in circles.
 *
 * @example
 * const tree = { model: { w: zeros("float32", [2]) as Tensor } };
 * const checkpoint = ObjectCheckpoint.open(new Checkpoint(tree).save("ckpt"));
 * const { root } = checkpoint;
 * assert.deepEqual([...root.children.keys()], ["model", "save_counter"]);
 * assert.deepEqual(root.at("model/w").read().shape, [2]);
 * checkpoint.close();
 */
export class CheckpointObject {
  readonly children = new Map<string, CheckpointObject>();
  readonly attributes = new Map<string, CheckpointAttribute>();
  readonly slots: SlotVariable[] = [];

  constructor(private readonly reader: CheckpointReader) {}

  /**
   * The object at the end of a path, such as "model/layers/0"; names with slashes are written as in keys ("a.Sb").
   * NOT_FOUND, with the names that there are, when there is none.
   */
  at(path: string): CheckpointObject {
    const names = path === "" ? [] : path.split("/");
    return names.reduce((object: CheckpointObject, name, i) => {
      const child = [...object.children].find(([local]) => escapeName(local) === name)?.[1];
      if (child !== undefined) return child;
      const where = names.slice(0, i).join("/") || "the root";
      throw notFound(
        `No object "${name}" in ${where}; there are ${[...object.children.keys()].join(", ") || "none"}`,
      );
    }, this);
  }

  /** Whether it is a variable, or has another value by itself. */
  has(attribute = VARIABLE_VALUE): boolean {
    const found = this.attributes.get(attribute);
    return found !== undefined && this.reader.has(found.key);
  }

  /** The value of a variable, or of another attribute. NOT_FOUND when the object has none. */
  read(attribute = VARIABLE_VALUE): Tensor {
    const found = this.attributes.get(attribute);
    if (found !== undefined) return this.reader.read(found.key);
    throw notFound(
      `The object has no attribute "${attribute}"; there are ${[...this.attributes.keys()].join(", ") || "none"}`,
    );
  }
}

/**
 * An object-based checkpoint, read by its object graph.
 *
 * @example
 * const kernel = tensor("float32", [2], Float32Array.of(1, 2));
 * const prefix = new Checkpoint({ model: { layers: [{ kernel }] } }).save("ckpt");
 * const checkpoint = ObjectCheckpoint.open(prefix);
 * assert.deepEqual([...checkpoint.variables().keys()], ["save_counter", "model/layers/0/kernel"]);
 * assert.deepEqual(checkpoint.root.at("model/layers/0/kernel").read(), kernel);
 * checkpoint.close();
 */
export class ObjectCheckpoint {
  private constructor(
    /** The tensors by their keys. */
    readonly reader: CheckpointReader,
    readonly root: CheckpointObject,
  ) {}

  /**
   * Opens the checkpoint with this prefix.
   *
   * @throws NOT_FOUND when there is none; FAILED_PRECONDITION when it has no object graph, as those of
   *   tf.compat.v1.train.Saver; DATA_LOSS for a damaged one
   */
  static open(prefix: string): ObjectCheckpoint {
    const reader = openCheckpoint(prefix);
    try {
      return new ObjectCheckpoint(reader, readObjects(reader, prefix));
    } catch (reason) {
      reader.close();
      throw reason;
    }
  }

  /** The objects that are variables, by the shortest path from the root to each. */
  variables(): Map<string, CheckpointObject> {
    return new Map([...this.objects()].filter(([, object]) => object.has()));
  }

  /** All objects that the root reaches, by the shortest path to each; the root's is empty. */
  objects(): Map<string, CheckpointObject> {
    const paths = new Map<CheckpointObject, string>([[this.root, ""]]);
    // A Map goes on with what is added while it is walked: breadth first.
    for (const [object, path] of paths) {
      for (const [name, child] of object.children) {
        if (!paths.has(child))
          paths.set(child, path === "" ? escapeName(name) : `${path}/${escapeName(name)}`);
      }
    }
    return new Map([...paths].map(([object, path]) => [path, object]));
  }

  close(): void {
    this.reader.close();
  }
}

function readObjects(reader: CheckpointReader, prefix: string): CheckpointObject {
  if (!reader.has(OBJECT_GRAPH_KEY)) {
    throw failedPrecondition(`Checkpoint ${prefix} has no object graph: it was saved by names`);
  }
  const what = `the object graph of checkpoint ${prefix}`;
  const { dtype, data } = reader.read(OBJECT_GRAPH_KEY);
  const bytes = dtype === "string" ? data[0] : undefined;
  if (bytes === undefined) throw dataLoss(`${what} is no string`);
  return objectsOf(decodeMessage(TrackableObjectGraphSchema, bytes, what), reader, what);
}

function objectsOf(graph: TrackableObjectGraph, reader: CheckpointReader, what: string): CheckpointObject {
  const objects = graph.nodes.map(() => new CheckpointObject(reader));
  const objectAt = (id: number): CheckpointObject => {
    const object = objects[id];
    if (object === undefined) throw dataLoss(`${what} refers to object ${id} of ${objects.length}`);
    return object;
  };
  for (const [i, node] of graph.nodes.entries()) {
    const object = objectAt(i);
    for (const { localName, nodeId } of node.children) object.children.set(localName, objectAt(nodeId));
    for (const { name, checkpointKey: key, fullName } of node.attributes) {
      object.attributes.set(name, { key, fullName });
    }
    for (const { originalVariableNodeId, slotName, slotVariableNodeId } of node.slotVariables) {
      const variable = objectAt(originalVariableNodeId);
      object.slots.push({ variable, slotName, slot: objectAt(slotVariableNodeId) });
    }
  }
  return objectAt(0);
}
