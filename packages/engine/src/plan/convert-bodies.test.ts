/** If and While on either side: stepped by the host, or as ONNX If and Loop. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Tensor } from "@servable/formats";
import { Program } from "../program.js";
import {
  assertClose,
  type ControlFlowCase,
  controlFlowCases,
  metaGraphOf,
  tensorOf,
} from "../testing/control-flow-cases.js";
import { asTensor } from "../values.js";
import { Plan } from "./plan.js";

/** What no ONNX graph can do: state, checks that may fail. */
const needsHost = /assign|check|effect|several lengths|array written on one side|computed in the condition/;

function planOf(recorded: ControlFlowCase, hostOnly: boolean): { program: Program; plan: Plan } {
  const program = new Program(metaGraphOf(recorded));
  const [{ feeds, fetches }] = recorded.runs as [ControlFlowCase["runs"][number]];
  const request = {
    feeds: Object.entries(feeds ?? {}).map(([name, value]) => ({ name, shape: value.shape.map(() => -1) })),
    fetches: fetches ?? [],
  };
  const analyzed = program.analyze(program.graphOf(request));
  return { program, plan: Plan.compile(analyzed, { name: recorded.title, hostOnly }) };
}

const pure = controlFlowCases.filter(({ title }) => !needsHost.test(title));

describe("Control flow on the host", () => {
  for (const recorded of pure) {
    it(recorded.title, () => {
      const { program, plan } = planOf(recorded, true);
      for (const { feeds, results } of recorded.runs) {
        const got = program.run(plan, Object.values(feeds ?? {}).map(tensorOf));
        (results ?? []).forEach((expected, i) => {
          assertClose(asTensor(got[i]) as Tensor, tensorOf(expected), `output ${i}`);
        });
      }
    });
  }
});

describe("Control flow in ONNX Runtime", () => {
  for (const recorded of pure) {
    it(`takes ${recorded.title}`, () => {
      const { plan } = planOf(recorded, false);
      const stepped = plan.partition.groups
        .filter((group) => group.side === "host")
        .flatMap((group) => group.nodes.filter((node) => node.bodies !== undefined));
      assert.deepEqual(
        stepped.map((node) => `${node.op} "${node.name}": ${plan.partition.refusals.get(node)}`),
        [],
      );
      plan.dispose();
    });
  }
});
