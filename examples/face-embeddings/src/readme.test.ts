/** The README's commands, run as they are written. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe } from "node:test";
import { freePort } from "@servable/example-kit/testing/model-server";
import { ReadmeRun, testSteps } from "@servable/example-kit/testing/readme";

describe("the README", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "faces-readme-"));
  const run = new ReadmeRun(new URL("../README.md", import.meta.url), {
    replacements: {
      "/tmp/faces": folder,
      "8500": String(await freePort()),
      "8501": String(await freePort()),
    },
  });
  testSteps(run, folder);
});
