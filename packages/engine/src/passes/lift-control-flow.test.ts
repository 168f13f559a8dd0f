/** TF1 graphs with ifs and loops give what TensorFlow gave, as conformance/control-flow recorded it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { opDef, StatusError, type Tensor } from "@servable/formats";
import { Attrs } from "../graph/attrs.js";
import { feedNode, makeGraph, type Node } from "../graph/graph.js";
import { Session } from "../session.js";
import {
  assertClose,
  type ControlFlowCase,
  controlFlowCases,
  metaGraphOf,
  tensorOf,
} from "../testing/control-flow-cases.js";
import { liftConditionals } from "./lift-conditionals.js";

describe("Graphs with TensorFlow 1 control flow", () => {
  for (const recorded of controlFlowCases) it(recorded.title, () => run(recorded));
});

function run(recorded: ControlFlowCase): void {
  const session = Session.fromGraph(metaGraphOf(recorded));
  for (const [i, { targets, feeds, fetches, results }] of recorded.runs.entries()) {
    const fed = new Map(Object.entries(feeds ?? {}).map(([name, value]) => [name, tensorOf(value)]));
    const got = session.run(fed, fetches ?? [], targets);
    for (const [k, expected] of (results ?? []).entries()) {
      assertClose(got[k] as Tensor, tensorOf(expected), `run ${i}, ${fetches?.[k]}`);
    }
  }
}

describe("Graphs that no program with ifs and loops makes", () => {
  const node = (op: string, name: string, inputs: readonly Node[], index = 0, outputs = 2): Node => ({
    name,
    op,
    inputs: inputs.map((each, i) => ({ node: each, index: i === 0 ? index : 0 })),
    controls: [],
    attrs: new Attrs(`${op} node "${name}"`, {}, opDef(op)),
    outputTypes: new Array<"float32">(outputs).fill("float32"),
  });
  const x = feedNode("x", "float32", []);
  const [p, q] = [feedNode("p", "bool", []), feedNode("q", "bool", [])];
  const refused = (output: Node, message: RegExp): void => {
    const graph = makeGraph([x, p, q], [{ node: output, index: 0 }]);
    assert.throws(
      () => liftConditionals(graph),
      (error) =>
        error instanceof StatusError && error.codeName === "UNIMPLEMENTED" && message.test(error.message),
    );
  };

  it("are refused when a Merge has inputs that are always alive", () => {
    refused(node("Merge", "m", [x, x]), /Merge node "m".*no single predicate/);
  });
  it("are refused when two predicates decide a Merge", () => {
    const byP = node("Switch", "sp", [x, p]);
    const byQ = node("Switch", "sq", [x, q]);
    refused(node("Merge", "m", [byP, byQ]), /Merge node "m"/);
  });
  it("are refused when what is fetched may be dead", () => {
    refused(node("Neg", "n", [node("Switch", "s", [x, p])], 0, 1), /"n:0" is computed only as "p:0" decides/);
  });
});
