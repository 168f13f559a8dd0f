/** If and While on either side: stepped by the host, or as ONNX If and Loop. */
import assert from "node:assert/strict";
import path from "node:path";
import { after, describe, it } from "node:test";
import type { Tensor } from "@servable/formats";
import {
  compareTensor,
  decodeTensors,
  type GoldenTensor,
  goldenSkip,
  loadCase,
} from "@servable/formats/testing";
import { loadModel } from "../model-folder.js";
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
  return { program, plan: Plan.compile(analyzed, { name: recorded.title, hostOnly, intraOpThreads: 1 }) };
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

describe("A loop that stacks what each step yields", { skip: goldenSkip() }, () => {
  const golden = loadCase("fn_arrays");
  const model = loadModel(path.join(golden.dir, golden.path));
  after(() => model.close());
  const call = golden.calls?.find(({ signature }) => signature === "maps");

  it("yields the first rows of a scan when it is given only the first rows, down to one", () => {
    const x = decodeTensors(call?.inputs ?? {}).get("x") as Tensor;
    const scanned = decodeTensors(call?.outputs as Record<string, GoldenTensor>).get("scan") as Tensor;
    for (let rows = x.shape[0] as number; rows > 0; rows--) {
      const outputs = model.run("maps", new Map([["x", firstRows(x, rows)]]), ["scan"]);
      compareTensor(outputs.get("scan") as Tensor, firstRows(scanned, rows), call ?? {}, `${rows} rows`);
    }
    assert.ok((x.shape[0] as number) > 1);
  });
});

function firstRows(value: Tensor, rows: number): Tensor {
  const size = value.data.length / (value.shape[0] as number);
  return {
    ...value,
    shape: [rows, ...value.shape.slice(1)],
    data: value.data.slice(0, rows * size),
  } as Tensor;
}

describe("A choice whose predicate is known", () => {
  it("leaves only the branch that is taken", () => {
    const recorded = controlFlowCases.find(({ title }) => title === "a choice that a default decides");
    const { plan } = planOf(recorded as ControlFlowCase, false);
    assert.deepEqual(
      plan.partition.groups.flatMap((group) => group.nodes.map((node) => node.op)),
      ["Mul"],
    );
  });
});
