import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
      undefined,
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

  it("goes on in another file when one is large enough, and keeps the newest", async () => {
    const log = new RequestLog(
      [],
      createLog(() => {}),
      { maxBytes: 100, maxFiles: 3 },
    );
    log.configure(new Map([["m", { samplingRate: 1, filenamePrefix: join(folder, "turning", "m") }]]));
    mkdirSync(join(folder, "turning"));
    writeFileSync(join(folder, "turning", "m.of.the.user.tfrecord"), "");
    for (let i = 0; i < 12; i++) {
      log.write({ ...call("m"), request: Uint8Array.of(i) });
      // Names tell files apart by milliseconds.
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await log.close();
    const files = readdirSync(join(folder, "turning")).sort();
    assert.equal(files.length, 4);
    assert.equal(files[3], "m.of.the.user.tfrecord");
    const sizes = files.slice(0, 3).map((file) => readFileSync(join(folder, "turning", file)).length);
    assert.ok(
      sizes.slice(0, 2).every((size) => size >= 100 && size < 200),
      String(sizes),
    );
    const records = files
      .slice(0, 3)
      .flatMap((file) => [...readTfRecords(readFileSync(join(folder, "turning", file)))]);
    assert.ok(records.length >= 3 && records.length < 12);
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
