/**
 * TF1 loops → While nodes. A loop is a frame: values enter it through Enter, go round through Merge, Switch and
 * NextIteration as long as LoopCond says so, and leave through Exit. Each Merge becomes a loop variable; what enters
 * once and stays (constant Enters, and whatever is used from outside) becomes a variable that the body returns as
 * it came. Inner frames are lifted before the frames around them, in which they are then ordinary nodes.
 *
 * Semantics of frames: tensorflow/core/common_runtime/graph_view.h, control_flow.h in tensorflow/core/graph.
 */
import { opDef, unimplemented } from "@servable/formats";
import { Attrs } from "../graph/attrs.js";
import { type Edge, edgeName, edgeType, feedNode, makeGraph, type Node } from "../graph/graph.js";
import type { ImportedNode } from "../graph/import.js";
import { Extraction } from "./extract-region.js";
import { liftConditionals } from "./lift-conditionals.js";

/** Loops nested deeper than this are refused. */
const MAX_DEPTH = 64;

interface Frame {
  readonly name: string;
  readonly parent: Frame | undefined;
  readonly depth: number;
  readonly children: Map<string, Frame>;
}

/** A value that goes round. */
interface LoopVariable {
  readonly merge: Node;
  readonly enter: Node;
  readonly next: Node;
}

const isOp = (node: Node, op: string) => node.op === op || node.op === `Ref${op}`;

/** Lifts every loop among the nodes, in place: Exits become Identities of what their loop yields. */
export function liftLoops(nodes: readonly ImportedNode[]): void {
  const frames = assignFrames(nodes);
  const members = new Map<Frame, ImportedNode[]>();
  for (const node of nodes) {
    const frame = frames.get(node) as Frame;
    if (frame.parent === undefined) continue;
    const others = members.get(frame);
    if (others === undefined) members.set(frame, [node]);
    else others.push(node);
  }
  const innermostFirst = [...members].sort(([a], [b]) => b.depth - a.depth);
  for (const [frame, inside] of innermostFirst) new LoopLifter(frame, inside, frames).lift();
}

// ---- which node is in which frame ----------------------------------------------------------------------------

/** A node is in the deepest frame that one of its inputs comes from. */
function assignFrames(nodes: readonly ImportedNode[]): Map<Node, Frame> {
  const root: Frame = { name: "", parent: undefined, depth: 0, children: new Map() };
  const frames = new Map<Node, Frame>(nodes.map((node) => [node, root]));
  const users = usersOf(nodes);
  const pending = nodes.filter((node) => isOp(node, "Enter"));
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const frame = frameFromInputs(node, frames, root);
    if (frame === frames.get(node)) continue;
    frames.set(node, frame);
    pending.push(...(users.get(node) ?? []));
  }
  return frames;
}

function usersOf(nodes: readonly ImportedNode[]): Map<Node, ImportedNode[]> {
  const users = new Map<Node, ImportedNode[]>();
  for (const node of nodes) {
    for (const before of [...node.inputs.map((edge) => edge.node), ...node.controls]) {
      const known = users.get(before);
      if (known === undefined) users.set(before, [node]);
      else known.push(node);
    }
  }
  return users;
}

function frameFromInputs(node: Node, frames: ReadonlyMap<Node, Frame>, root: Frame): Frame {
  // Once in a frame a node never leaves it for a shallower one, so that this comes to an end.
  let deepest = isOp(node, "Enter") ? root : (frames.get(node) ?? root);
  for (const before of [...node.inputs.map((edge) => edge.node), ...node.controls]) {
    const inner = frames.get(before) ?? root;
    const frame = isOp(before, "Exit") ? (inner.parent ?? root) : inner;
    if (frame.depth > deepest.depth) deepest = frame;
  }
  return isOp(node, "Enter") ? childFrame(deepest, node) : deepest;
}

function childFrame(parent: Frame, enter: Node): Frame {
  const name = enter.attrs.string("frame_name");
  if (parent.depth >= MAX_DEPTH) {
    throw unimplemented(`${enter.op} node "${enter.name}": loops are nested deeper than ${MAX_DEPTH}`);
  }
  let child = parent.children.get(name);
  if (child === undefined) {
    child = { name, parent, depth: parent.depth + 1, children: new Map() };
    parent.children.set(name, child);
  }
  return child;
}

// ---- one loop ------------------------------------------------------------------------------------------------

class LoopLifter {
  private readonly condition: Node;
  private readonly variables: readonly LoopVariable[];
  /** Indices of the loop variables by the edges of their Merges. */
  private readonly variableIndex: ReadonlyMap<string, number>;

  constructor(
    private readonly frame: Frame,
    private readonly members: readonly ImportedNode[],
    private readonly frames: Map<Node, Frame>,
  ) {
    const conditions = members.filter((node) => node.op === "LoopCond");
    const [condition] = conditions;
    if (condition === undefined || conditions.length > 1) {
      throw unimplemented(`the loop "${frame.name}" has ${conditions.length} LoopCond nodes instead of one`);
    }
    this.condition = condition;
    this.variables = members.flatMap((node) => loopVariable(node) ?? []);
    this.variableIndex = new Map(this.variables.map(({ merge }, i) => [`${merge.name}:0`, i]));
  }

  lift(): void {
    const loop = this.loopNode();
    this.frames.set(loop, this.frame.parent as Frame);
    const exits = this.members.filter((node) => isOp(node, "Exit"));
    this.liftExits(exits, loop);
  }

  private loopNode(): Node {
    const { name } = this.condition;
    const captures: Edge[] = [];
    const captured = new Map<string, Node>();
    const capture = (edge: Edge): Edge => {
      let feed = captured.get(edgeName(edge));
      if (feed === undefined) {
        feed = feedNode(`${name}/${edgeName(edge)}`, edgeType(edge), null);
        captured.set(edgeName(edge), feed);
        captures.push(edge);
      }
      return { node: feed, index: 0 };
    };
    const feeds = this.variables.map(({ merge }) =>
      feedNode(merge.name, edgeType({ node: merge, index: 0 }), null),
    );
    const extraction = this.extraction(capture, (i) => ({ node: feeds[i] as Node, index: 0 }));
    const condition = extraction.edge(this.condition.inputs[0] as Edge);
    const nexts = this.variables.map(({ next }) => extraction.edge(next.inputs[0] as Edge));
    const effects = extraction.controls(this.variables.flatMap(({ next }) => next.controls));
    extraction.copyPending();
    const inputs = [...feeds, ...captured.values()];
    const kept = [...captured.values()].map((node) => ({ node, index: 0 }));
    const bodies = [makeGraph(inputs, [condition]), makeGraph(inputs, [...nexts, ...kept], effects)];
    const node: Node = {
      name,
      op: "While",
      inputs: [...this.variables.map(({ enter }) => enter.inputs[0] as Edge), ...captures],
      controls: [
        ...new Set([...extraction.outerControls, ...this.variables.flatMap(({ enter }) => enter.controls)]),
      ],
      attrs: new Attrs(`While node "${name}"`, {}, opDef("While")),
      outputTypes: inputs.map((feed) => edgeType({ node: feed, index: 0 })),
      bodies: bodies.map(liftConditionals),
    };
    return node;
  }

  /** Copies nodes of the frame into another context. */
  private extraction(
    capture: (edge: Edge) => Edge,
    variable: (index: number) => Edge,
    suffix?: string,
  ): Extraction {
    const given = new Map([...this.variableIndex].map(([name, i]) => [name, variable(i)]));
    const inside = (node: Node) => this.frames.get(node) === this.frame;
    return new Extraction(
      { resolve: (edge, isControl) => this.resolve(edge, isControl), inside, capture },
      given,
      suffix,
    );
  }

  private resolve(edge: Edge, isControl = false): Edge {
    let { node, index } = edge;
    while (this.frames.get(node) === this.frame) {
      if (isOp(node, "Enter") || node === this.condition || this.isLoopSwitch(node)) {
        const isLeaving = this.isLoopSwitch(node) && index === 0;
        if (isLeaving && !isControl) throw this.refusal(node, "is read where the loop goes on");
        ({ node, index } = node.inputs[0] as Edge);
      } else if (index === 1 && this.variableIndex.has(`${node.name}:0`)) {
        throw this.refusal(node, "is asked which of its inputs came");
      } else break;
    }
    return { node, index };
  }

  /** Whether a node parts what goes round from what leaves. */
  private isLoopSwitch(node: Node): boolean {
    return isOp(node, "Switch") && node.inputs[1]?.node === this.condition;
  }

  /** What leaves is, once the loop has ended, an output of the loop, or computed from its outputs. */
  private liftExits(exits: readonly ImportedNode[], loop: Node): void {
    const parent = this.frame.parent as Frame;
    const extraction = this.extraction(
      (outer) => outer,
      (index) => ({ node: loop, index }),
      "/after_loop",
    );
    for (const exit of exits) {
      const source = (exit.inputs[0] as Edge).node;
      if (!this.isLoopSwitch(source)) throw this.refusal(exit, "does not leave where the loop ends");
      exit.op = "Identity";
      exit.inputs = [extraction.edge(source.inputs[0] as Edge)];
    }
    for (const node of [...extraction.copyPending(), ...exits]) this.frames.set(node, parent);
  }

  private refusal(node: Node, why: string): Error {
    return unimplemented(`${node.op} node "${node.name}" of the loop "${this.frame.name}" ${why}`);
  }
}

/** The loop variable of a Merge that closes a cycle; undefined for any other node. */
function loopVariable(merge: Node): LoopVariable | undefined {
  if (!isOp(merge, "Merge")) return undefined;
  const sources = merge.inputs.map((edge) => edge.node);
  const next = sources.find((node) => isOp(node, "NextIteration"));
  if (next === undefined) return undefined;
  const enter = sources.find((node) => isOp(node, "Enter"));
  if (enter === undefined || sources.length !== 2) {
    throw unimplemented(`${merge.op} node "${merge.name}" closes a loop that nothing enters`);
  }
  return { merge, enter, next };
}
