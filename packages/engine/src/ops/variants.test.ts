/**
 * Variants of ops, and small graphs, that once gave something else than TensorFlow (conformance/ops/kept.txt): whatever is
 * known when they are compiled, they give its result, or fail with its code.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readVariants, runVariant } from "./testing/op-variants.js";

describe("What once differed from TensorFlow", () => {
  for (const variant of readVariants("kept")) {
    it(variant.title, () => assert.deepEqual(runVariant(variant), []));
  }
});
