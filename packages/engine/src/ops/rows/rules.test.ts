/**
 * The rules of rows, on ops that TensorFlow ran with a batch (conformance/ops/variants_rows.py). Titles say which of them
 * treat a batch row by row: those must be proven to, and each row alone must give what it gave in the batch.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isClaimedIndependent, readVariants, runVariant } from "../testing/op-variants.js";

describe("Rows of a batch", () => {
  for (const variant of readVariants("rows")) {
    const isByRow = variant.title.endsWith(": row by row");
    it(variant.title, () => {
      assert.equal(isClaimedIndependent(variant), isByRow);
      assert.deepEqual(runVariant(variant), []);
    });
  }
});
