/** The README's commands, run as they are written, with the real data. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "@servable/example-kit/testing/model-server";
import { ReadmeRun, testSteps } from "@servable/example-kit/testing/readme";

const data = fileURLToPath(new URL("../../../../shared/mnist", import.meta.url));
const skip = existsSync(data) ? false : "the MNIST files are not in ../shared/mnist";

describe("the README", { skip }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "mnist-readme-"));
  mkdirSync(path.join(folder, "tmp"));
  // Where the programs look for the data before they download it.
  symlinkSync(data, path.join(folder, "tmp", "mnist"));
  const run = new ReadmeRun(new URL("../README.md", import.meta.url), {
    replacements: {
      "/tmp/mnist": path.join(folder, "mnist"),
      "8500": String(await freePort()),
      "8501": String(await freePort()),
      "8080": String(await freePort()),
    },
    env: { TMPDIR: path.join(folder, "tmp") },
  });
  testSteps(run, folder);

  it("has seen no request fail in the switch of versions", async (test) => {
    const output = await run.finished("mnist_watch");
    test.diagnostic(output);
    assert.match(
      output,
      /^Version 1 answers, after 0 answers\nVersion 2 answers, after \d+ answers\n\d+ requests, 0 failed\n$/,
    );
  });
});
