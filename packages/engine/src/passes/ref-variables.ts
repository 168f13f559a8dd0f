/**
 * TensorFlow 1's reference variables → resource variables. A VariableV2 hands out a reference that is read where it is
 * used, when it is used; so each use becomes a read of its own, with the control dependencies of the user, and each
 * op that assigns through the reference becomes its resource twin.
 */
import { create } from "@bufbuild/protobuf";
import { opDef, unimplemented } from "@servable/formats";
import {
  type AttrValue,
  AttrValueSchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { Attrs } from "../graph/attrs.js";
import type { Edge, Node, ValueType } from "../graph/graph.js";
import type { ImportedNode } from "../graph/import.js";

const variableOps = new Set(["Variable", "VariableV2", "TemporaryVariable", "AutoReloadVariable"]);

/** Ops that change a variable through a reference, and their twins that take a handle. */
const assigning: Readonly<Record<string, string>> = {
  Assign: "AssignVariableOp",
  AssignAdd: "AssignAddVariableOp",
  AssignSub: "AssignSubVariableOp",
  ScatterUpdate: "ResourceScatterUpdate",
  ScatterAdd: "ResourceScatterAdd",
  ScatterSub: "ResourceScatterSub",
  ScatterMul: "ResourceScatterMul",
  ScatterDiv: "ResourceScatterDiv",
  ScatterMin: "ResourceScatterMin",
  ScatterMax: "ResourceScatterMax",
  ScatterNdUpdate: "ResourceScatterNdUpdate",
  ScatterNdAdd: "ResourceScatterNdAdd",
  ScatterNdSub: "ResourceScatterNdSub",
  ScatterNdMax: "ResourceScatterNdMax",
  ScatterNdMin: "ResourceScatterNdMin",
};

/** Ops that ask about the variable and not about its value. */
const asking: Readonly<Record<string, string>> = { IsVariableInitialized: "VarIsInitializedOp" };

/** Control flow over references: what flows is the value. */
const passing: Readonly<Record<string, string>> = {
  RefSwitch: "Switch",
  RefMerge: "Merge",
  RefEnter: "Enter",
  RefExit: "Exit",
  RefNextIteration: "NextIteration",
  RefIdentity: "Identity",
};

/** Who can hand a reference on: where its handle comes from, and what must have run before it is read. */
interface Reference {
  readonly handle: Edge;
  readonly type: ValueType;
  readonly after: readonly Node[];
}

/** Rewrites the nodes in place. Fetches of a variable by name go through `readReference`. */
export class RefVariables {
  private readonly references = new Map<Node, Reference>();
  private reads = 0;

  constructor(nodes: ReadonlyMap<string, ImportedNode>) {
    const order = [...nodes.values()];
    const variables = order.filter((node) => variableOps.has(node.op));
    if (variables.length === 0) return;
    for (const node of variables) this.toHandle(node);
    for (const node of order) node.op = passing[node.op] ?? node.op;
    const users = order.filter((node) => node.op in assigning || node.op in asking);
    for (const node of users) this.register(node);
    this.handOn(order, users);
    for (const node of users) this.toResourceOp(node);
    for (const node of order) {
      if (!users.includes(node)) node.inputs = node.inputs.map((edge) => this.read(edge, node.controls));
    }
  }

  /** The tensor "name:0" of a node that hands out a reference, as a value; undefined for other nodes. */
  tensor(node: Node | undefined): Edge | undefined {
    return node !== undefined && this.references.has(node) ? this.read({ node, index: 0 }) : undefined;
  }

  /** The edge as a value: a read when it is a reference. */
  read(edge: Edge, controls: readonly Node[] = []): Edge {
    const reference = this.references.get(edge.node);
    if (reference === undefined) return edge;
    const dtype = reference.handle.node.attrs.raw("dtype") as AttrValue;
    const name = `${edge.node.name}/read_reference_${this.reads++}`;
    const node: ImportedNode = {
      name,
      op: "ReadVariableOp",
      inputs: [reference.handle],
      controls: [...new Set([...controls, ...reference.after])],
      attrs: new Attrs(`ReadVariableOp node "${name}"`, { dtype }, opDef("ReadVariableOp")),
      outputTypes: [reference.type],
    };
    return { node, index: 0 };
  }

  private toHandle(node: ImportedNode): void {
    const type = node.outputTypes[0] as ValueType;
    const shared = node.attrs.raw("shared_name");
    const attrs: Record<string, AttrValue> = { dtype: node.attrs.raw("dtype") as AttrValue };
    const shape = node.attrs.raw("shape");
    if (shape !== undefined) attrs.shape = shape;
    if (shared !== undefined) attrs.shared_name = shared;
    node.op = "VarHandleOp";
    node.attrs = new Attrs(`VarHandleOp node "${node.name}"`, attrs, opDef("VarHandleOp"));
    node.outputTypes = ["resource"];
    this.references.set(node, { handle: { node, index: 0 }, type, after: [] });
  }

  private register(node: ImportedNode): void {
    const origin = this.originOf(node);
    if (node.op in assigning) this.references.set(node, { ...origin, after: [node] });
  }

  /**
   * What an Identity takes from a variable is the variable's own memory in TensorFlow: whoever uses the Identity later
   * sees what was assigned since. So Identities hand references on, where a signature may assign at all.
   */
  private handOn(order: readonly ImportedNode[], users: readonly ImportedNode[]): void {
    const changing = new Set(
      users.filter((node) => isUpdate(node)).map((node) => this.references.get(node)?.handle.node),
    );
    const identities = changing.size === 0 ? [] : order.filter((node) => node.op === "Identity");
    for (const node of identities) {
      const way = identitiesBelow(node);
      const reference = this.references.get(way.at(-1)?.inputs[0]?.node as Node);
      if (reference === undefined || !changing.has(reference.handle.node)) continue;
      const after = [...reference.after, ...way.flatMap((each) => each.controls)];
      this.references.set(node, { ...reference, after });
    }
  }

  /** The variable behind the first input, through assignments that hand the reference on. */
  private originOf(node: ImportedNode): Reference {
    let source = node.inputs[0]?.node;
    for (let hops = 0; source !== undefined && hops < 1000; hops++) {
      if (source.op === "VarHandleOp") break;
      source = source.inputs[0]?.node;
    }
    const reference = source === undefined ? undefined : this.references.get(source);
    if (reference === undefined) {
      throw unimplemented(`${node.op} node "${node.name}" assigns through something that is no variable`);
    }
    return reference;
  }

  private toResourceOp(node: ImportedNode): void {
    const [ref, ...values] = node.inputs;
    const before = this.references.get(ref?.node as Node);
    const origin = this.originOf(node);
    const op = (assigning[node.op] ?? asking[node.op]) as string;
    const dtype = (node.attrs.raw("T") ?? node.attrs.raw("dtype")) as AttrValue;
    const changes: Record<string, AttrValue> = { dtype };
    const indices = node.attrs.raw("Tindices");
    if (indices !== undefined) changes.Tindices = indices;
    if (op.startsWith("ResourceScatterNd")) changes.T = dtype;
    if (op === "AssignVariableOp")
      changes.validate_shape = create(AttrValueSchema, { value: { case: "b", value: false } });
    node.inputs = [origin.handle, ...values.map((edge) => this.read(edge, node.controls))];
    node.controls = [...node.controls, ...(before?.after ?? [])];
    node.outputTypes = node.op in asking ? ["bool"] : [];
    node.op = op;
    node.attrs = new Attrs(`${op} node "${node.name}"`, changes, opDef(op));
  }
}

const MAX_HOPS = 1000;

/** A node and the Identities that it stands on, one upon the other. */
function identitiesBelow(node: Node): Node[] {
  const way = [node];
  for (
    let next = node.inputs[0]?.node;
    next?.op === "Identity" && way.length < MAX_HOPS;
    next = next.inputs[0]?.node
  )
    way.push(next);
  return way;
}

/** Whether an op assigns something new: not what is restored, nor an initial value, which comes from nowhere. */
function isUpdate(node: Node): boolean {
  if (node.op !== "Assign") return node.op in assigning;
  const behind = new Set(node.inputs.slice(1).map((edge) => edge.node));
  for (const each of behind) {
    if (/^(VarHandleOp|Placeholder)/.test(each.op) || behind.size > MAX_HOPS) return true;
    if (!each.op.startsWith("Restore")) for (const edge of each.inputs) behind.add(edge.node);
  }
  return false;
}
