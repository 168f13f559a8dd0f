import assert from "node:assert/strict";
import { it } from "node:test";
import { WeightProgress } from "./load-progress.js";

it("Verified weights are reported in steps of 32 MiB at least", () => {
  const reported: number[] = [];
  const progress = new WeightProgress((each) =>
    reported.push(each.stage === "weights" ? each.bytes / 2 ** 20 : -1),
  );
  for (const mebibytes of [20, 20, 10, 70, 1]) progress.add(mebibytes * 2 ** 20);
  assert.deepEqual(reported, [40, 120]);
});
