/**
 * Says what a legal ONNX graph is, before ONNX Runtime is asked: every value is made once and before it is used. The
 * names of values carry the names of TensorFlow nodes, so a defect of a row is reported with the node it was made for,
 * where ONNX Runtime would name a value that no file has. Linear in the size of the graph; always on.
 */
import { internal } from "@servable/formats";
import type { OnnxAttr, OnnxGraph, OnnxOp } from "./onnx-graph.js";

/** INTERNAL, with all that is wrong, for a graph that the compiler should not have written. */
export function verifyGraph(graph: OnnxGraph): void {
  const problems = problemsOf(graph, new Set());
  if (problems.length === 0) return;
  const more = problems.length > 10 ? `; and ${problems.length - 10} more` : "";
  throw internal(`ONNX graph "${graph.name}" is malformed: ${problems.slice(0, 10).join("; ")}${more}`);
}

/** `outer`: values of the graphs around, which a branch or a loop's body may use but not make again. */
function problemsOf(graph: OnnxGraph, outer: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const made = new Set(outer);
  const make = (name: string, maker: string) => {
    if (name === "") return;
    if (made.has(name)) problems.push(`${maker} makes "${name}", which is there already`);
    made.add(name);
  };
  for (const { name } of graph.inputs) make(name, `an input of "${graph.name}"`);
  for (const name of graph.initializers.keys()) make(name, `a constant of "${graph.name}"`);
  for (const op of graph.ops) {
    for (const name of op.inputs) {
      if (name !== "" && !made.has(name))
        problems.push(`${describe(op)} uses "${name}", which nothing makes before it`);
    }
    for (const attr of Object.values(op.attrs)) {
      if (isGraph(attr)) problems.push(...problemsOf(attr.graph, made));
    }
    for (const name of op.outputs) make(name, describe(op));
  }
  for (const { name } of graph.outputs) {
    if (!made.has(name)) problems.push(`nothing makes output "${name}" of "${graph.name}"`);
  }
  return problems;
}

function isGraph(attr: OnnxAttr): attr is { readonly graph: OnnxGraph } {
  return typeof attr === "object" && "graph" in attr;
}

function describe(op: OnnxOp): string {
  return `${op.type} "${op.name}"`;
}
