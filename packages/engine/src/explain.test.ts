import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { type Output, signaturesOf, stringTensor, type Tensor, tensor } from "@servable/formats";
import { goldenSkip, loadCase } from "@servable/formats/testing";
import { CompiledRequest } from "./compiled-request.js";
import { type ExplainedGroup, type ExplainedSignature, explainModel, loadModel } from "./index.js";
import { openSavedModel } from "./model.js";
import { type Recipe, saveModel } from "./testing/hostile/save-model.js";

const folder = mkdtempSync(path.join(tmpdir(), "servable-explain-"));
after(() => rmSync(folder, { recursive: true }));

const floats = (...values: number[]): Tensor => tensor("float32", [values.length], Float32Array.from(values));
const int = (value: number): Tensor => tensor("int32", [], Int32Array.of(value));

function saved(name: string, recipe: Recipe): string {
  const dir = path.join(folder, name, "1");
  saveModel(dir, recipe);
  return dir;
}

function explained(dir: string): ExplainedSignature {
  return explainModel(dir, { compile: true }).signatures[0] as ExplainedSignature;
}

/** Strings go to numbers on the host, numbers through ONNX Runtime, and back to strings on the host. */
const sandwich = saved("sandwich", (g) => {
  const text = g.placeholder("string", [-1], { name: "text" });
  const x = g.compute("StringToNumber", [text], { out_type: "float32" }, { name: "parse" });
  const y = g.compute("Mul", [x, g.constant(floats(2), { name: "two" })], {}, { name: "double" });
  return { inputs: { text }, outputs: { y: g.compute("AsString", [y], {}, { name: "print" }) } };
});

describe("An explained signature", () => {
  it("has its groups in the order in which they run, with the reasons of the host", () => {
    const { groups, error, gaps } = explained(sandwich);
    assert.equal(error, undefined);
    assert.deepEqual(gaps, []);
    assert.deepEqual(
      groups.map(({ side, nodes }) => [side, nodes.map(({ name }) => name)]),
      [
        ["host", ["parse"]],
        ["onnx", ["double"]],
        ["host", ["print"]],
      ],
    );
    assert.match(groups[0]?.nodes[0]?.reason ?? "", /no ONNX form/);
    assert.equal(groups[1]?.nodes[0]?.reason, undefined);
  });

  it("says what flows into and out of its graph and its ONNX groups", () => {
    const { inputs, outputs, constants, groups } = explained(sandwich);
    assert.deepEqual(inputs, [{ name: "text:0", type: "string", shape: [-1] }]);
    assert.deepEqual(outputs, [{ name: "print:0", type: "string", shape: [-1] }]);
    assert.deepEqual(constants, [{ name: "two:0", type: "float32", shape: [1] }]);
    const { onnx } = groups[1] as ExplainedGroup;
    assert.deepEqual(onnx?.inputs, [{ name: "parse:0", type: "float32", shape: [-1] }]);
    assert.deepEqual(onnx?.outputs, [{ name: "double:0", type: "float32", shape: [-1] }]);
    assert.equal(onnx?.operators.get("Mul"), 1);
  });

  it("writes its ONNX groups as models that run elsewhere", () => {
    const { groups } = explained(sandwich);
    const version = path.join(folder, "dumped", "1");
    mkdirSync(version, { recursive: true });
    const file = path.join(version, "group.onnx");
    assert.deepEqual(groups[1]?.onnx?.write(file), [file]);
    const model = loadModel(version);
    const outputs = model.run("serving_default", new Map([["parse:0", floats(1.5, -3)]]));
    assert.deepEqual(outputs.get("double:0"), floats(3, -6));
    model.close();
  });

  it("has the condition and the body of a loop that the host runs", () => {
    const dir = saved("loop", (g) => {
      const [text, count] = [
        { name: "text", type: "string" as const },
        { name: "i", type: "int32" as const },
      ];
      const cond = g.function("cond", [count, text], (f, i) => ({
        go: f.compute("Less", [i as Output, int(3)]),
      }));
      const body = g.function("body", [count, text], (f, i, x) => ({
        next: f.compute("AddV2", [i as Output, int(1)]),
        longer: f.compute("StringJoin", [[x as Output, stringTensor([], ["!"])]]),
      }));
      const x = g.placeholder("string", [], { name: "x" });
      const loop = g.op("StatelessWhile", [[g.constant(int(0)), x]], { cond: cond.name, body: body.name });
      return { inputs: { x }, outputs: { y: loop.output(1) } };
    });
    const loop = explained(dir).groups.flatMap(({ nodes }) => nodes)[0];
    assert.deepEqual(
      loop?.bodies.map(({ label }) => label),
      ["condition", "body"],
    );
    const body = loop?.bodies[1]?.graph;
    assert.ok(body?.groups.some(({ nodes }) => nodes.some(({ op }) => op === "StringJoin")));
  });

  it("lists every node that can't run, those in branches included", () => {
    const dir = saved("gaps", (g) => {
      const matrix = { name: "x", type: "float32" as const, shape: [-1, 4] };
      const missing = g.function("missing", [matrix], (f, x) => ({
        y: f.compute("KthOrderStatistic", [x as Output], { k: 1 }, { name: "in_branch" }),
      }));
      const present = g.function("present", [matrix], (f, x) => ({
        y: f.compute("Sum", [x as Output, int(1)]),
      }));
      const x = g.placeholder("float32", [-1, 4], { name: "x" });
      const unique = g.compute("MakeUnique", [x], {}, { name: "outside" });
      const decides = g.compute("Greater", [
        g.compute("Sum", [unique, tensor("int32", [2], Int32Array.of(0, 1))]),
        g.constant(tensor("float32", [], Float32Array.of(0))),
      ]);
      const branches = { then_branch: missing.name, else_branch: present.name, Tout: ["float32"] };
      return { inputs: { x }, outputs: { y: g.op("StatelessIf", [decides, [x]], branches).output() } };
    });
    const { error, gaps, groups } = explained(dir);
    assert.equal(error?.codeName, "UNIMPLEMENTED");
    assert.deepEqual(
      gaps.map(({ op, node }) => [op, node]),
      [
        ["MakeUnique", "outside"],
        ["KthOrderStatistic", "in_branch"],
      ],
    );
    assert.deepEqual(groups, []);
  });

  it("is left out when only others are asked for", () => {
    const dir = saved("asked", (g) => {
      const x = g.placeholder("float32", [], { name: "x" });
      return { inputs: { x }, outputs: { y: g.compute("Neg", [x]) } };
    });
    assert.deepEqual(explainModel(dir, { signatures: ["other"] }).signatures, []);
  });
});

describe("What is explained is what runs", { skip: goldenSkip() }, () => {
  // Recurrences that become ONNX's, loops that become ONNX's, loops of the host, branches, strings, tables.
  const names = [
    ...[
      "keras_lstm",
      "keras_bidirectional",
      "keras_gru",
      "keras_lstm_dynamic",
      "fn_while",
      "fn_tensor_lists",
    ],
    ...["v1_control_flow", "fn_cond", "image_pipeline", "keras_text_classifier", "tables_v2"],
  ];
  for (const name of names) {
    it(name, () => {
      const golden = loadCase(name);
      const dir = path.join(golden.dir, golden.path);
      const explainedGroups = new Map(
        explainModel(dir).signatures.map((signature) => [
          signature.name,
          signature.groups.map(({ side, nodes }) => [side, nodes.map((node) => node.name)]),
        ]),
      );
      for (const [signature, groups] of runningGroups(dir))
        assert.deepEqual(explainedGroups.get(signature), groups, signature);
    });
  }
});

/** The groups of the plans that answer requests, by signature: of those that are compiled before the first one. */
function runningGroups(dir: string): Map<string, [side: string, nodes: string[]][]> {
  const { program, metaGraph } = openSavedModel(dir);
  const signatures = [...signaturesOf(metaGraph).values()];
  for (const signature of signatures) program.noteAssignments(program.signatureGraph(signature));
  return new Map(
    signatures.flatMap((signature) => {
      const request = program.signatureRequest(signature);
      const compiled = new CompiledRequest(program, request, { name: signature.name, intraOpThreads: 1 });
      const groups = compiled.mainPlan?.partition.groups;
      compiled.dispose();
      return groups === undefined
        ? []
        : [[signature.name, groups.map(({ side, nodes }) => [side, nodes.map(({ name }) => name)])]];
    }),
  );
}
