/** Recurrent layers as Keras and TensorFlow write them become the operator that ONNX has for them, and give the same. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { inflateSync } from "node:zlib";
import { create, fromBinary } from "@bufbuild/protobuf";
import { GraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { Program } from "../program.js";
import { assertClose, type ControlFlowCase, tensorOf } from "../testing/control-flow-cases.js";
import { asTensor } from "../values.js";
import { Plan } from "./plan.js";

/** Recorded by conformance/recurrent. The graph is a deflated GraphDef, base64. */
interface RecurrentCase extends ControlFlowCase {
  /** The operators that the loops become. */
  readonly ops: readonly string[];
  /** Of the input. */
  readonly shape: readonly number[];
}

const file = new URL("../../src/plan/fixtures/recurrent.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf8")) as RecurrentCase[];

function compiled(
  { title, graph, shape, runs }: RecurrentCase,
  hostOnly = false,
): { program: Program; plan: Plan } {
  const graphDef = fromBinary(GraphDefSchema, inflateSync(Buffer.from(graph, "base64")));
  const program = new Program(create(MetaGraphDefSchema, { graphDef }));
  const [{ feeds, fetches }] = runs as [RecurrentCase["runs"][number]];
  const request = {
    feeds: Object.keys(feeds ?? {}).map((name) => ({ name, shape })),
    fetches: fetches ?? [],
  };
  const analyzed = program.analyze(program.graphOf(request));
  return { program, plan: Plan.compile(analyzed, { name: title, hostOnly, intraOpThreads: 1 }) };
}

function loopOps(plan: Plan): string[] {
  const fragments = [...plan.partition.fragments.values()];
  const types = fragments.flatMap(({ ops }) => ops.map((op) => op.type));
  return types.filter((type) => /^(LSTM|GRU|RNN|Loop)$/.test(type));
}

function check(recorded: RecurrentCase, { program, plan }: { program: Program; plan: Plan }): void {
  for (const { feeds, results } of recorded.runs) {
    const got = program.run(plan, Object.values(feeds ?? {}).map(tensorOf));
    (results ?? []).forEach((expected, i) => {
      assertClose(asTensor(got[i]), tensorOf(expected), `output ${i}`);
    });
  }
  plan.dispose();
}

describe("Recurrent layers in ONNX Runtime", () => {
  for (const recorded of cases) {
    it(`${recorded.title}: ${recorded.ops.join(", ")}`, () => {
      const { program, plan } = compiled(recorded);
      assert.deepEqual(loopOps(plan), recorded.ops);
      check(recorded, { program, plan });
    });
  }
});

describe("Recurrent layers on the host", () => {
  for (const recorded of cases) {
    it(recorded.title, () => check(recorded, compiled(recorded, true)));
  }
});
