/** `servable profile` as the program that users start, on the example's model. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./main.js", import.meta.url));
const model = fileURLToPath(new URL("../../../../examples/mnist/model", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "servable-profile-test-"));
after(() => rmSync(folder, { recursive: true }));

function profile(...args: readonly string[]) {
  const all = [program, "profile", model, "--signature_def", "predict_images", "--runs=20", ...args];
  return spawnSync(process.execPath, all, { encoding: "utf8" });
}

interface Report {
  readonly micros: number;
  readonly costs: readonly {
    readonly title: string;
    readonly micros: number;
    readonly children: unknown[];
  }[];
}

describe("servable profile", () => {
  it("says what a request costs, from the client's call to its answer, and draws it", () => {
    const svg = path.join(folder, "cost.svg");
    const { status, stdout, stderr } = profile("--svg", svg);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    for (const part of [
      "network",
      "queue",
      "decode",
      "run the model",
      "ONNX group 0",
      "encode",
      "together",
    ]) {
      assert.match(stdout, new RegExp(`${part}.*\\d %`));
    }
    assert.match(readFileSync(svg, "utf8"), /^<svg .*<\/svg>\n$/s);
  });

  it("gives the same as JSON, without a server if it shall", () => {
    const { status, stdout } = profile("--model_only", "--json");
    assert.equal(status, 0);
    const report = JSON.parse(stdout) as Report;
    assert.deepEqual(
      report.costs.map(({ title }) => title),
      ["decode the request", "run the model", "encode the answer"],
    );
    assert.ok(report.costs.every(({ micros }) => micros > 0));
    assert.equal(report.costs[1]?.children.length, 1);
  });

  it("fails for inputs that the signature doesn't have", () => {
    const { status, stderr } = profile("--model_only", "--input", "pictures=zeros");
    assert.equal(status, 1);
    assert.match(stderr, /INVALID_ARGUMENT: signature "predict_images" has no input "pictures"/);
  });
});
