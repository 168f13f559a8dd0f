/** The README's commands, run as they are written: what a stop prints is what it reads back. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe } from "node:test";
import { ReadmeRun, testSteps } from "@servable/example-kit/testing/readme";

describe("the tour", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "tour-readme-"));
  const run = new ReadmeRun(new URL("../README.md", import.meta.url), {
    replacements: { "/tmp/tour": folder },
  });
  testSteps(run, folder);
});
