/**
 * GraphDef to operations: how a graph that was read from a file comes into a GraphBuilder, with nothing lost. Nodes keep
 * the attributes that they have in the file and no others, so that the same GraphDef is written again.
 */
import { attrProblems } from "../op-defs/check-attrs.js";
import { type NodeAttrs, outputTypes } from "../op-defs/node-types.js";
import { type OpDef, opDef } from "../op-defs/op-def.js";
import { opDefFromProto } from "../op-defs/op-def-from-proto.js";
import type { FunctionDef } from "../protobuf/gen/tensorflow/core/framework/function_pb.js";
import type { GraphDef } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import type { NodeDef } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import type { PartialShape } from "../shape.js";
import { invalidArgument, StatusError } from "../status.js";
import type { Tensor } from "../tensor.js";
import { partialShapeFromProto, tensorFromProto } from "../tensor-proto.js";
import { Operation, type Output } from "./operation.js";
import { inferShapes } from "./shape-inference.js";

/** Larger constants are weights: nothing about shapes follows from them. */
const MAX_KNOWN_ELEMENTS = 1024;
/** Problems named in one error. */
const MAX_PROBLEMS = 20;

/** An operation whose inputs and shapes the importer still fills in. */
interface Draft {
  readonly node: NodeDef;
  readonly operation: Operation;
  readonly inputs: Output[];
  readonly controlInputs: Operation[];
  readonly shapes: PartialShape[];
}

/**
 * The operations of a graph, in its order.
 * INVALID_ARGUMENT, listing them, for nodes of the same name, unknown ops, attributes that don't fit, and inputs that
 * are not there.
 */
export function importOperations(graphDef: GraphDef): Operation[] {
  const functions = new Map(
    (graphDef.library?.function ?? []).map((def) => [def.signature?.name ?? "", def]),
  );
  const problems: string[] = [];
  const drafts = new Map<string, Draft>();
  for (const node of graphDef.node) {
    if (drafts.has(node.name)) problems.push(`there are two nodes "${node.name}"`);
    else addDraft(drafts, node, functions, problems);
  }
  if (problems.length === 0) for (const draft of drafts.values()) connect(draft, drafts, problems);
  if (problems.length > 0) throw invalidArgument(`Graph: ${problemText(problems)}`);
  inferAll(drafts);
  return [...drafts.values()].map(({ operation }) => operation);
}

function problemText(problems: readonly string[]): string {
  const surplus = problems.length - MAX_PROBLEMS;
  return problems.slice(0, MAX_PROBLEMS).join("; ") + (surplus > 0 ? `; and ${surplus} more` : "");
}

function addDraft(
  drafts: Map<string, Draft>,
  node: NodeDef,
  functions: ReadonlyMap<string, FunctionDef>,
  problems: string[],
): void {
  const called = functions.get(node.op)?.signature;
  const def = opDef(node.op) ?? (called && opDefFromProto(called));
  if (def === undefined) {
    problems.push(
      `node "${node.name}": TensorFlow has no op "${node.op}", and the graph no function of this name`,
    );
    return;
  }
  const wrong = attrProblems(def, node.attr);
  if (wrong.length > 0) problems.push(`node "${node.name}" (${def.name}): ${wrong.join(", ")}`);
  else drafts.set(node.name, draftOf(node, def));
}

function draftOf(node: NodeDef, def: OpDef): Draft {
  const inputs: Output[] = [];
  const controlInputs: Operation[] = [];
  const shapes: PartialShape[] = [];
  const constant = def.name === "Const" ? smallConstant(node.attr) : undefined;
  const { experimentalDebugInfo, experimentalType } = node;
  const operation = new Operation({
    name: node.name,
    def,
    attrs: node.attr,
    inputs,
    controlInputs,
    device: node.device,
    outputTypes: outputTypes(def, node.attr),
    outputShapes: shapes,
    annotations: {
      ...(experimentalDebugInfo !== undefined && { experimentalDebugInfo }),
      ...(experimentalType !== undefined && { experimentalType }),
    },
    ...(constant !== undefined && { constant }),
  });
  return { node, operation, inputs, controlInputs, shapes };
}

function smallConstant({ value }: NodeAttrs): Tensor | undefined {
  if (value?.value.case !== "tensor") return undefined;
  const proto = value.value.value;
  const shape = partialShapeFromProto(proto.tensorShape);
  const isSmall =
    shape !== null && shape.reduce((count, size) => count * Math.max(size, 0), 1) <= MAX_KNOWN_ELEMENTS;
  if (!isSmall) return undefined;
  try {
    return tensorFromProto(proto, "constant");
  } catch (reason) {
    if (reason instanceof StatusError) return undefined;
    throw reason;
  }
}

function connect(draft: Draft, drafts: ReadonlyMap<string, Draft>, problems: string[]): void {
  for (const input of draft.node.input) {
    const [, control, name = "", index = "0"] = /^(\^?)(.*?)(?::(\d+))?$/s.exec(input) ?? [];
    const producer = drafts.get(name)?.operation;
    const output = producer?.outputs[Number(index)];
    if (control === "^" && producer !== undefined) draft.controlInputs.push(producer);
    else if (control === "" && output !== undefined) draft.inputs.push(output);
    else problems.push(`node "${draft.node.name}": the graph has no input "${input}"`);
  }
}

/** Infers shapes from the producers on; the way back of a loop is left out, its shapes are not known. */
function inferAll(drafts: ReadonlyMap<string, Draft>): void {
  const waiting = new Map<Draft, number>();
  const consumers = new Map<Operation, Draft[]>();
  const ready: Draft[] = [];
  for (const draft of drafts.values()) {
    const producers = new Set(draft.inputs.map(({ operation }) => operation));
    const needed = [...producers].filter(
      ({ type }) => type !== "NextIteration" && type !== "RefNextIteration",
    );
    for (const operation of needed) pushTo(consumers, operation, draft);
    if (needed.length === 0) ready.push(draft);
    else waiting.set(draft, needed.length);
  }
  for (let draft = ready.pop(); draft !== undefined; draft = ready.pop()) {
    const { operation, inputs, shapes } = draft;
    const node = { inputs, attrs: operation.attrs, outputCount: operation.outputs.length };
    shapes.push(...inferShapes(operation.type, node));
    for (const consumer of consumers.get(operation) ?? []) {
      const left = (waiting.get(consumer) as number) - 1;
      waiting.set(consumer, left);
      if (left === 0) ready.push(consumer);
    }
  }
}

function pushTo<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
