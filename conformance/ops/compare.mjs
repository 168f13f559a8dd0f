// Runs the variants that generate.py wrote through the engine and prints what differs from TensorFlow.
//   node conformance/ops/compare.mjs FILE.jsonl [part of a title]
// The engine runs in a process of its own: one that dies is reported and started again behind the variant.
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const [file, part = "", start] = process.argv.slice(2);
if (start === undefined) await supervise();
else await compareFrom(Number(start));

async function supervise() {
  let from = 0;
  const totals = { cases: 0, wrong: 0 };
  while (from >= 0) {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), file, part, String(from)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let last = from;
    let done = false;
    child.stderr.on("data", () => {});
    for await (const line of createInterface({ input: child.stdout })) {
      const message = JSON.parse(line);
      if (message.at !== undefined) last = message.at;
      if (message.done) done = true;
      if (message.title !== undefined) {
        totals.cases++;
        if (message.problems.length > 0) totals.wrong++;
        if (message.problems.length > 0) report(message);
      }
    }
    if (done) break;
    console.log(`PROCESS DIED at line ${last + 1}`);
    from = last + 1;
  }
  console.log(`${totals.cases} variants, ${totals.wrong} differ`);
  process.exitCode = totals.wrong > 0 ? 1 : 0;
}

/** What is wrong under the first knowledge, and how many more there are. */
function report({ title, problems }) {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  console.log(`${title}\n    ${problems[0]}${more}`);
}

async function compareFrom(first) {
  const { runVariant } = await import("../../packages/engine/dist/ops/testing/op-variants.js");
  let at = -1;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    at++;
    if (at < first) continue;
    const variant = JSON.parse(line);
    if (part !== "" && !variant.title.includes(part)) continue;
    process.stdout.write(`${JSON.stringify({ at })}\n`);
    const problems = runVariant(variant);
    process.stdout.write(`${JSON.stringify({ title: variant.title, problems })}\n`);
  }
  process.stdout.write(`${JSON.stringify({ done: true })}\n`);
}
