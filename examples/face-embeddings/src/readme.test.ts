/** The README's commands, run as they are written. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { freePort } from "@servable/example-kit/testing/model-server";
import { ReadmeRun } from "@servable/example-kit/testing/readme";

describe("the README", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "faces-readme-"));
  const run = new ReadmeRun(new URL("../README.md", import.meta.url), {
    replacements: {
      "/tmp/faces": folder,
      "8500": String(await freePort()),
      "8501": String(await freePort()),
    },
  });
  after(async () => {
    await run.close();
    rmSync(folder, { recursive: true });
  });

  for (const step of run.steps.filter(({ kind }) => kind !== "by-hand")) {
    it(step.commands.trim().split("\n")[0] ?? "", () => run.runStep(step));
  }
});
