/** Fused ops and a few seldom ones, as TensorFlow ran them (conformance/ops/variants_fused.py). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readVariants, runVariant } from "../ops/testing/op-variants.js";

describe("Ops that stand for several", () => {
  for (const variant of readVariants("fused")) {
    it(variant.title, () => assert.deepEqual(runVariant(variant), []));
  }
});
