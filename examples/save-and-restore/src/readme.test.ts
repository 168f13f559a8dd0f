/** The README's commands, run as they are written: what a stop prints is what it reads back. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { ReadmeRun } from "@servable/example-kit/testing/readme";

describe("the tour", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "tour-readme-"));
  const run = new ReadmeRun(new URL("../README.md", import.meta.url), {
    replacements: { "/tmp/tour": folder },
  });
  after(async () => {
    await run.close();
    rmSync(folder, { recursive: true });
  });

  for (const step of run.steps.filter(({ kind }) => kind === "run")) {
    it(step.commands.trim(), () => run.runStep(step));
  }
});
