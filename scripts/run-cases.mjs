// Runs recorded model cases through the engine and prints what differs from TensorFlow.
//   node scripts/run-cases.mjs [golden|op_cases] [part of a name ...] [--quiet]
import { caseNames, loadCase } from "@servable/formats/testing";
import { runCase } from "../packages/engine/dist/testing/case-runner.js";

const args = process.argv.slice(2).filter((arg) => arg !== "--quiet");
const quiet = process.argv.includes("--quiet");
const suite = args[0] === "op_cases" ? "op_cases" : "golden";
const parts = args.filter((arg) => arg !== suite);

const failed = [];
let passed = 0;
for (const name of caseNames(suite)) {
  if (parts.length > 0 && !parts.some((part) => name.includes(part))) continue;
  const golden = loadCase(name, suite);
  if (!["saved_model", "frozen_graph", undefined].includes(golden.kind)) continue;
  const problems = runCase(golden);
  if (problems.length === 0) passed++;
  else failed.push(name);
  for (const problem of problems) console.log(`${name}: ${quiet ? problem.slice(0, 200) : problem}`);
}
console.log(`${passed} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;
