import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { goldenSkip, loadCases } from "@servable/formats/testing";
import { hostRows } from "./ops/host/index.js";
import { onnxRows } from "./ops/onnx/index.js";
import { withoutKernel } from "./support.js";
import { opsDocument } from "./support-document.js";

const source = fileURLToPath(new URL("../src/", import.meta.url));

/** Ops without a value that could be recorded. */
const valueless = new Set(["ControlTrigger", "PlaceholderV2", "RefIdentity", "Timestamp"]);

/** Ops that a recorded case runs. Answers of TensorFlow stand in these files. */
function recordedOps(): Set<string> {
  const folders = ["ops/host/fixtures", "ops/onnx/fixtures", "fixtures/ops"];
  const texts = folders.flatMap((folder) =>
    readdirSync(`${source}${folder}`).map((name) => readFileSync(`${source}${folder}/${name}`, "utf8")),
  );
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/"op": ?"(\w+)"/g)].map((match) => match[1] as string)),
  );
}

/** Ops that the models of the golden cases run. */
function modelOps(): string[] {
  return (["golden", "op_cases"] as const).flatMap((suite) =>
    loadCases(undefined, suite).flatMap((golden) => golden.ops),
  );
}

/** An old name of an op shares its row with the new one. */
function sharesRow(op: string, cases: ReadonlySet<string>): boolean {
  return [...cases].some((other) => hostRows[op] !== undefined && hostRows[op] === hostRows[other]);
}

describe("What the op tables claim", () => {
  it("has a recorded case for every op that TensorFlow has a kernel for", { skip: goldenSkip() }, () => {
    const cases = new Set([...recordedOps(), ...modelOps()]);
    const claimed = new Set([...Object.keys(hostRows), ...Object.keys(onnxRows)]);
    const isExempt = (op: string) => withoutKernel.has(op) || valueless.has(op);
    const missing = [...claimed].filter((op) => !cases.has(op) && !isExempt(op) && !sharesRow(op, cases));
    assert.deepEqual(missing.sort(), []);
  });

  it("exempts no op that has one", () => {
    const cases = recordedOps();
    assert.deepEqual(
      [...withoutKernel, ...valueless].filter((op) => cases.has(op) || hostRows[op] === undefined),
      [],
    );
  });

  it("is what docs/ops.md says", () => {
    const written = readFileSync(`${source}../../../docs/ops.md`, "utf8");
    assert.ok(written === opsDocument(), "docs/ops.md is out of date: run `node scripts/ops-table.mjs`");
  });
});
