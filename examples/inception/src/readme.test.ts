/** The README's commands, run as they are written, with the network in full size. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe } from "node:test";
import { freePort } from "@servable/example-kit/testing/model-server";
import { ReadmeRun, testSteps } from "@servable/example-kit/testing/readme";

describe("the README", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "inception-readme-"));
  mkdirSync(path.join(folder, "tmp"));
  const run = new ReadmeRun(new URL("../README.md", import.meta.url), {
    replacements: {
      "/tmp/": `${folder}/tmp/`,
      "9000": String(await freePort()),
      "9001": String(await freePort()),
      "8080": String(await freePort()),
    },
  });
  testSteps(run, folder);
});
