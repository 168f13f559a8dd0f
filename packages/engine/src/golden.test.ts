import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type GoldenSuite, goldenSkip, loadCases } from "@servable/formats/testing";
import { runCase } from "./testing/case-runner.js";

/** The cases of shared/op_cases have no kind: they are SavedModels all. */
function isModel(kind: string | undefined): boolean {
  return kind === undefined || kind === "saved_model" || kind === "frozen_graph";
}

/** Fails in warm-up, which is the server's. */
const notTheEngines = new Set(["broken_warmup"]);

/** Every recorded model gives TensorFlow's answers, row by row too where rows are said to be independent. */
for (const suite of ["golden", "op_cases"] satisfies GoldenSuite[]) {
  describe(`SavedModels that TensorFlow wrote (${suite})`, { skip: goldenSkip(suite) }, () => {
    for (const golden of loadCases((each) => isModel(each.kind) && !notTheEngines.has(each.name), suite)) {
      it(golden.name, () => {
        assert.deepEqual(runCase(golden), []);
      });
      it(`${golden.name}, small groups on the host`, () => {
        assert.deepEqual(runCase(golden, { lazySessions: true }), []);
      });
    }
  });
}
