import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readTfRecords } from "@servable/formats";
import { createLog } from "../log.js";
import { RequestLog } from "./request-log.js";

describe("a request log", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "request-log-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const call = (model: string) => ({
    api: "Predict" as const,
    model,
    request: Uint8Array.of(),
    response: Uint8Array.of(),
  });

  it("samples a model's requests at its rate, and no others", () => {
    const numbers = [0, 0.24, 0.25, 0.99];
    const log = new RequestLog(
      [],
      createLog(() => {}),
      () => numbers.shift() as number,
    );
    log.configure(new Map([["m", { samplingRate: 0.25, filenamePrefix: join(folder, "m") }]]));
    assert.deepEqual(
      [0, 1, 2, 3].map(() => log.samples("m")),
      [true, true, false, false],
    );
    assert.equal(log.samples("other"), false);
  });

  it("goes to the files that the configuration names at the time", async () => {
    const log = new RequestLog(
      ["serve"],
      createLog(() => {}),
    );
    const configure = (name: string) =>
      log.configure(new Map([["m", { samplingRate: 1, filenamePrefix: join(folder, "deep", name) }]]));
    configure("a");
    log.write(call("m"));
    log.write(call("m"));
    configure("b");
    log.write(call("m"));
    log.write(call("other"));
    await log.close();
    const counts = readdirSync(join(folder, "deep")).map((file) => [
      file.slice(0, 2),
      [...readTfRecords(readFileSync(join(folder, "deep", file)))].length,
    ]);
    assert.deepEqual(counts, [
      ["a.", 2],
      ["b.", 1],
    ]);
  });

  it("says what it can't write, and lets requests be", async () => {
    const lines: string[] = [];
    writeFileSync(join(folder, "a file"), "");
    const log = new RequestLog(
      [],
      createLog((line) => lines.push(line)),
    );
    log.configure(new Map([["m", { samplingRate: 1, filenamePrefix: join(folder, "a file", "x") }]]));
    assert.doesNotThrow(() => log.write(call("m")));
    await log.close();
    assert.equal(lines.length, 1);
  });
});
