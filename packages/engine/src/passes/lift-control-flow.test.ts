/** TF1 graphs with ifs and loops give what TensorFlow gave, as conformance/control-flow recorded it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  allocate,
  type DType,
  elementCount,
  opDef,
  type Shape,
  StatusError,
  type Tensor,
} from "@servable/formats";
import { GraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { Attrs } from "../graph/attrs.js";
import { feedNode, makeGraph, type Node } from "../graph/graph.js";
import { Session } from "../session.js";
import { liftConditionals } from "./lift-conditionals.js";

interface JsonTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly values: readonly (number | boolean)[];
}

interface RecordedCase {
  readonly title: string;
  /** A serialized GraphDef, base64. */
  readonly graph: string;
  readonly runs: readonly {
    readonly targets?: readonly string[];
    readonly feeds?: Readonly<Record<string, JsonTensor>>;
    readonly fetches?: readonly string[];
    readonly results?: readonly JsonTensor[];
  }[];
}

const file = new URL("../../src/passes/fixtures/control-flow.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf8")) as RecordedCase[];

describe("Graphs with TensorFlow 1 control flow", () => {
  for (const recorded of cases) it(recorded.title, () => run(recorded));
});

function run({ graph, runs }: RecordedCase): void {
  const graphDef = fromBinary(GraphDefSchema, Buffer.from(graph, "base64"));
  const session = Session.fromGraph(create(MetaGraphDefSchema, { graphDef }));
  for (const [i, { targets, feeds, fetches, results }] of runs.entries()) {
    const fed = new Map(Object.entries(feeds ?? {}).map(([name, value]) => [name, tensorOf(value)]));
    const got = session.run(fed, fetches ?? [], targets);
    for (const [k, expected] of (results ?? []).entries()) {
      assertClose(got[k] as Tensor, tensorOf(expected), `run ${i}, ${fetches?.[k]}`);
    }
  }
}

function assertClose(actual: Tensor, expected: Tensor, where: string): void {
  assert.equal(actual.dtype, expected.dtype, where);
  assert.deepEqual(actual.shape, expected.shape, where);
  for (const [i, value] of [...(expected.data as Float32Array)].entries()) {
    const off = Math.abs(Number(actual.data[i]) - Number(value));
    assert.ok(off <= 1e-5 * (1 + Math.abs(Number(value))), `${where}[${i}]: ${actual.data[i]}, not ${value}`);
  }
}

function tensorOf({ dtype, shape, values }: JsonTensor): Tensor {
  const data = allocate(dtype, elementCount(shape)) as Float32Array;
  values.forEach((value, i) => {
    data[i] = Number(value);
  });
  return { dtype, shape, data } as Tensor;
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
