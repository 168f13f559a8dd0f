/**
 * Whether two graphs compute the same, names aside. Keras exports each model under two signatures; compiling their
 * equal graphs once halves time and memory.
 */
import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import {
  type AttrValue,
  AttrValueSchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import type { ConstantSource } from "../graph/constant.js";
import type { Graph, Node } from "../graph/graph.js";
import { hostRows } from "../ops/host/index.js";

/** Attributes are shared between imports of one function, so most are hashed once. */
const attrDigests = new WeakMap<AttrValue, string>();
const constantIds = new WeakMap<ConstantSource, number>();
let constants = 0;

/** Equal for graphs of equal structure over the same constants, variables and tables. */
export function fingerprint(graph: Graph): string {
  const numbers = new Map<Node, number>();
  const hash = createHash("sha256");
  for (const node of graph.nodes) {
    numbers.set(node, numbers.size);
    hash.update(describe(node, numbers));
  }
  const edges = [...graph.inputs, ...graph.effects].map((node) => numbers.get(node));
  const outputs = graph.outputs.map((edge) => `${numbers.get(edge.node)}:${edge.index}`);
  return hash.update(`${edges}|${graph.inputs.length}|${outputs}`).digest("base64");
}

function describe(node: Node, numbers: ReadonlyMap<Node, number>): string {
  const inputs = node.inputs.map((edge) => `${numbers.get(edge.node)}:${edge.index}`);
  const controls = node.controls.map((before) => numbers.get(before));
  const attrs = node.attrs
    .names()
    .filter((name) => !name.startsWith("_"))
    .sort()
    .map((name) => `${name}=${attrDigest(node.attrs.raw(name) as AttrValue)}`);
  const bodies = node.bodies?.map(fingerprint) ?? [];
  const constant = node.constant === undefined ? "" : constantId(node.constant);
  return `${node.op}${ownName(node)}(${inputs};${controls})[${attrs}]{${bodies}}${constant}<${node.outputTypes}><${node.shape}>\n`;
}

/** A resource without a shared name is known by its node's. */
function ownName(node: Node): string {
  return hostRows[node.op]?.effect !== undefined && node.inputs.length === 0 ? `"${node.name}"` : "";
}

function attrDigest(value: AttrValue): string {
  let digest = attrDigests.get(value);
  if (digest === undefined) {
    digest = createHash("sha256").update(toBinary(AttrValueSchema, value)).digest("base64");
    attrDigests.set(value, digest);
  }
  return digest;
}

function constantId(constant: ConstantSource): number {
  let id = constantIds.get(constant);
  if (id === undefined) {
    id = constants++;
    constantIds.set(constant, id);
  }
  return id;
}
