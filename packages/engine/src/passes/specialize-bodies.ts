/**
 * What a branch or body gets as an argument and never changes (a handle of a variable, a constant) moves inside it, so
 * that freezing, folding and conversion see it there.
 */
import { create } from "@bufbuild/protobuf";
import { encodeText } from "@servable/formats";
import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { constantNode, type Edge, type Graph, isInvariant, isLoop, type Node } from "../graph/graph.js";
import { variableName } from "./freeze-variables.js";
import { rewrite } from "./rewrite.js";

export function specializeBodies(graph: Graph): Graph {
  return rewrite(graph, ({ node, inputs, controls }) => {
    if (node.bodies === undefined) return undefined;
    const loop = isLoop(node);
    const args = loop ? inputs : inputs.slice(1);
    const [, body] = node.bodies;
    const fixed = (i: number) => !loop || (body !== undefined && isInvariant(body, i));
    const bodies = node.bodies.map((each) => specializeBodies(bind(each, args, fixed)));
    const specialized = { ...node, inputs, controls, bodies };
    return {
      outputs: node.outputTypes.map((_, index) => ({ node: specialized, index })),
      controls: [specialized],
    };
  });
}

/** The body with its fixed, known arguments in place. The arguments stay, unused, so that positions hold. */
function bind(body: Graph, args: readonly Edge[], fixed: (index: number) => boolean): Graph {
  const known = new Map<Node, Node>();
  body.inputs.forEach((feed, i) => {
    const arg = args[i];
    const inside = arg !== undefined && fixed(i) ? insideOf(arg.node, feed) : undefined;
    if (inside !== undefined) known.set(feed, inside);
  });
  if (known.size === 0) return body;
  const bound = rewrite(body, ({ node, inputs, controls }) => {
    if (!inputs.some((edge) => known.has(edge.node))) return undefined;
    const replaced = inputs.map((edge) => {
      const inside = known.get(edge.node);
      return inside === undefined ? edge : { node: inside, index: 0 };
    });
    const copy = { ...node, inputs: replaced, controls };
    return { outputs: node.outputTypes.map((_, index) => ({ node: copy, index })), controls: [copy] };
  });
  return bound;
}

function insideOf(source: Node, feed: Node): Node | undefined {
  if (source.constant !== undefined) return constantNode(`${feed.name}/value`, source.constant);
  if (source.op !== "VarHandleOp") return undefined;
  const name = create(AttrValueSchema, { value: { case: "s", value: encodeText(variableName(source)) } });
  return { ...source, name: `${feed.name}/handle`, attrs: source.attrs.with({ shared_name: name }) };
}
