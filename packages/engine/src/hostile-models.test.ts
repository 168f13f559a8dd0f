/**
 * Whatever the files of a model say, loading it ends in a model or in a StatusError, soon and within its memory, and
 * never takes the process with it. scripts/fuzz-models.mjs tries many more damaged models than these.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { bombs } from "./testing/hostile/bombs.js";
import { type Failure, fuzz } from "./testing/hostile/fuzz.js";
import { LoadProcess } from "./testing/hostile/load-process.js";

describe("a model that asks for too much", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "servable-bombs-"));
  const process = new LoadProcess();
  after(() => {
    process.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [i, { name, write, endings }] of bombs.entries()) {
    it(`${name}: ${endings.join(" or ")}`, async () => {
      const dir = path.join(folder, String(i), "1");
      write(dir);
      const { kind, text } = await process.load(dir);
      const ending =
        kind === "refused" ? text.slice(0, text.indexOf(":")) : kind === "loaded" ? "loads" : kind;
      assert.ok((endings as readonly string[]).includes(ending), `${kind}: ${text}`);
      rmSync(path.dirname(dir), { recursive: true });
    });
  }
});

describe("damaged copies of good models", () => {
  for (const seed of [1, 2, 3]) {
    it(`are loaded or refused (seed ${seed})`, async () => {
      const failures: Failure[] = [];
      const counts = await fuzz({ seed, count: 100, onFailure: (failure) => failures.push(failure) });
      assert.deepEqual(
        failures.map(({ index, label, outcome }) => `#${index} ${label}: ${outcome.kind} ${outcome.text}`),
        [],
      );
      // Damage that nobody notices and damage that nobody survives would both test nothing.
      assert.ok(counts.loaded > 10 && counts.refused > 10, JSON.stringify(counts));
    });
  }
});
