/**
 * Whole models as people save them, that once were not run as TensorFlow runs them: small ones, with what TensorFlow
 * answered. conformance/models makes them, and many larger ones; each case says what it is about.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import type { GoldenCase } from "@servable/formats/testing";
import { runCase } from "./testing/case-runner.js";

const folder = fileURLToPath(new URL("../src/fixtures/models", import.meta.url));

for (const name of readdirSync(folder)) {
  const dir = path.join(folder, name);
  const recorded = JSON.parse(readFileSync(path.join(dir, "case.json"), "utf8")) as GoldenCase;
  it(`${name}: ${recorded.about}`, () => assert.deepEqual(runCase({ ...recorded, dir }), []));
}
