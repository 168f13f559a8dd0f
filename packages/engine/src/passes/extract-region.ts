/**
 * Copies part of a graph into a graph of its own: the body of a loop, a branch. What the part needs from outside is
 * captured; nodes that the lifting of control flow dissolves (Switch, Enter …) are looked through.
 */
import { type Edge, edgeName, type Node } from "../graph/graph.js";
import type { ImportedNode } from "../graph/import.js";

export interface Region {
  /** Where an edge really comes from, past dissolved nodes. For a control dependency: output 0 of who is waited for. */
  resolve(edge: Edge, isControl?: boolean): Edge;
  /** Whether a node (never a dissolved one) is computed inside. */
  inside(node: Node): boolean;
  /** What stands inside for an edge from outside. */
  capture(edge: Edge): Edge;
}

export class Extraction {
  /** Nodes outside that nodes inside wait for. */
  readonly outerControls = new Set<Node>();
  private readonly copies = new Map<Node, ImportedNode>();
  private readonly pending: Node[] = [];

  /** `given` maps names of resolved edges to what stands for them inside. */
  constructor(
    private readonly region: Region,
    private readonly given: ReadonlyMap<string, Edge> = new Map(),
    /** Ends the names of copies that live beside the originals' other copies. */
    private readonly suffix = "",
  ) {}

  /** The edge inside that stands for an edge of the whole graph. Its node is complete after `copyPending`. */
  edge(outer: Edge): Edge {
    const edge = this.region.resolve(outer);
    const given = this.given.get(edgeName(edge));
    if (given !== undefined) return given;
    if (!this.region.inside(edge.node)) return this.region.capture(edge);
    return { node: this.copyOf(edge.node), index: edge.index };
  }

  /** The nodes inside that stand for a control dependency. */
  controls(nodes: readonly Node[]): Node[] {
    return nodes.flatMap((outer) => {
      const edge =
        outer.outputTypes.length === 0 ? undefined : this.region.resolve({ node: outer, index: 0 }, true);
      if (edge !== undefined && this.given.has(edgeName(edge))) return [];
      const node = edge?.node ?? outer;
      if (this.region.inside(node)) return [this.copyOf(node)];
      this.outerControls.add(node);
      return [];
    });
  }

  /** Copies everything that has been asked for, with all that it needs. Returns the copies. */
  copyPending(): Iterable<ImportedNode> {
    for (let node = this.pending.pop(); node !== undefined; node = this.pending.pop()) {
      const copy = this.copies.get(node) as ImportedNode;
      copy.inputs = node.inputs.map((edge) => this.edge(edge));
      copy.controls = this.controls(node.controls);
    }
    return this.copies.values();
  }

  private copyOf(node: Node): Node {
    if (node.op === "Feed") return node;
    let copy = this.copies.get(node);
    if (copy === undefined) {
      copy = {
        ...node,
        name: node.name + this.suffix,
        inputs: [],
        controls: [],
        outputTypes: [...node.outputTypes],
      };
      this.copies.set(node, copy);
      this.pending.push(node);
    }
    return copy;
  }
}
