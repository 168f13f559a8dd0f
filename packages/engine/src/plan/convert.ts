/** One node of an analyzed graph → a fragment of ONNX, or the reason why there is none. */
import type { DType, Tensor } from "@servable/formats";
import { type Edge, edgeName, type Known, type Node } from "../graph/graph.js";
import { carrierOf, OnnxEmitter, type OnnxFragment, type OnnxValue } from "../onnx/emitter.js";
import type { OnnxAttrs, OnnxOp } from "../onnx/onnx-graph.js";
import { onnxRows } from "../ops/onnx/index.js";
import { NotExpressible, type OnnxInput, type OnnxNode, type OnnxRow } from "../ops/op-table.js";
import { facts, knownOf } from "../passes/analyze.js";

/** Ops that move values or choose among them: rounding their outputs to a half type again would change nothing. */
const exactOps = new Set([
  "Identity",
  "Reshape",
  "Transpose",
  "ExpandDims",
  "Squeeze",
  "Pack",
  "Unpack",
  "ConcatV2",
  "Concat",
  "Split",
  "SplitV",
  "Slice",
  "StridedSlice",
  "GatherV2",
  "Gather",
  "Relu",
  "MaxPool",
  "Maximum",
  "Minimum",
  "Max",
  "Min",
  "Pad",
  "Tile",
  "Neg",
  "Abs",
  "ReverseV2",
  "SelectV2",
  "Select",
  "BroadcastTo",
  "SpaceToBatchND",
  "BatchToSpaceND",
]);

/** The fragment's outputs are named by their edges (edgeName), and so are its inputs. */
export type Conversion = OnnxFragment | { readonly refusal: string };

export function convert(node: Node, known: ReadonlyMap<Node, readonly Known[]>): Conversion {
  const row = onnxRows[node.op];
  if (row === undefined) return { refusal: "no ONNX form" };
  try {
    const emitter = new OnnxEmitter(node.name);
    const inputs = node.inputs.map((edge) => onnxInput(edge, known));
    const outputs = node.outputTypes.map((_, index) => knownOf(known, { node, index }));
    const emitted = emitRow(row, emitter, { ...facts(node), inputs, outputs });
    return nameOutputs(node, emitter, emitted, inputs);
  } catch (error) {
    if (error instanceof NotExpressible) return { refusal: error.message };
    throw error;
  }
}

function onnxInput(edge: Edge, known: ReadonlyMap<Node, readonly Known[]>): OnnxInput {
  const facts = knownOf(known, edge);
  const carrier = facts.type === "resource" || facts.type === "variant" ? undefined : carrierOf(facts.type);
  if (carrier === undefined) throw new NotExpressible(`an input of type ${facts.type}`);
  let read: Tensor | undefined;
  return {
    ...facts,
    value: { name: edgeName(edge), dtype: carrier },
    get tensor() {
      read ??= facts.constant?.read();
      return read;
    },
  };
}

function emitRow(row: OnnxRow, g: OnnxEmitter, node: OnnxNode): readonly OnnxValue[] {
  if (row.build !== undefined) {
    const built = row.build(g, node);
    return Array.isArray(built) ? (built as readonly OnnxValue[]) : [built as OnnxValue];
  }
  const inputs = node.inputs.slice(0, row.inputs ?? node.inputs.length).map((input) => input.value);
  return g.opWithOutputs(row.onnx ?? node.op, node.outputTypes.length, inputs, attrsOf(row, node));
}

function attrsOf(row: OnnxRow, node: OnnxNode): OnnxAttrs {
  const entries = Object.entries(row.attrs ?? {}).map(([from, to]) => [to, attrOf(node, from)] as const);
  return Object.fromEntries(entries);
}

function attrOf(node: OnnxNode, name: string): OnnxAttrs[string] {
  const value = node.attrs.raw(name)?.value;
  switch (value?.case) {
    case "i":
      return Number(value.value);
    case "b":
      return value.value ? 1 : 0;
    case "f":
      return { float: value.value };
    case "s":
      return node.attrs.string(name);
    case "list":
      return node.attrs.ints(name);
    default:
      throw new NotExpressible(`attribute "${name}" of kind ${value?.case}`);
  }
}

/** Rounds half types, checks that each output has its carrier, and gives the outputs the names of their edges. */
function nameOutputs(
  node: Node,
  g: OnnxEmitter,
  emitted: readonly OnnxValue[],
  inputs: readonly OnnxInput[],
): OnnxFragment {
  const carried = emitted.map((value, i) => {
    const type = node.outputTypes[i] as DType;
    const carrier = carrierOf(type);
    if (carrier === undefined) throw new NotExpressible(`an output of type ${type}`);
    const cast = g.cast(value, carrier);
    const isHalf = type === "float16" || type === "bfloat16";
    return isHalf && !exactOps.has(node.op) ? g.roundTo(cast, type) : cast;
  });
  const fragment = g.finish(carried);
  const taken = new Set([...inputs.map((input) => input.value.name), ...fragment.initializers.keys()]);
  const names = new Map<string, string>();
  const copies: OnnxOp[] = [];
  const outputs = carried.map((value, index) => {
    const name = edgeName({ node, index });
    if (taken.has(value.name) || names.has(value.name))
      copies.push(copyOp(names.get(value.name) ?? value.name, name));
    else names.set(value.name, name);
    return { name, dtype: value.dtype };
  });
  return {
    ops: [...fragment.ops.map((op) => renamed(op, names)), ...copies],
    initializers: fragment.initializers,
    outputs,
  };
}

function copyOp(from: string, to: string): OnnxOp {
  return { type: "Identity", name: to, inputs: [from], outputs: [to], attrs: {} };
}

function renamed(op: OnnxOp, names: ReadonlyMap<string, string>): OnnxOp {
  const rename = (name: string) => names.get(name) ?? name;
  return { ...op, inputs: op.inputs.map(rename), outputs: op.outputs.map(rename) };
}
