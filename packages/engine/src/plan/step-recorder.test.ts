import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { activeRecorder, recordSteps, StepRecorder } from "./step-recorder.js";

const host = (title: string) => ({ title, side: "host" }) as const;

describe("StepRecorder", () => {
  it("counts steps of one title together, and has what a step calls below it", () => {
    const recorder = new StepRecorder();
    recordSteps(recorder, () => {
      activeRecorder()?.record(host("loop"), () => {
        for (let i = 0; i < 3; i++) activeRecorder()?.record(host("body"), () => {});
      });
      activeRecorder()?.record({ title: "group", side: "onnx" }, () => {});
    });
    const [loop, group] = recorder.steps;
    assert.equal(recorder.steps.length, 2);
    assert.deepEqual([loop?.title, loop?.count, loop?.children.length], ["loop", 1, 1]);
    assert.deepEqual([loop?.children[0]?.title, loop?.children[0]?.count], ["body", 3]);
    assert.ok((loop?.micros ?? 0) >= (loop?.children[0]?.micros ?? 1));
    assert.deepEqual([group?.title, group?.side], ["group", "onnx"]);
  });

  it("is active for its run alone, also when that fails", () => {
    const recorder = new StepRecorder();
    assert.throws(() =>
      recordSteps(recorder, () =>
        recorder.record(host("bad"), () => {
          throw new Error("wrong");
        }),
      ),
    );
    assert.equal(activeRecorder(), undefined);
    assert.equal(recorder.steps[0]?.count, 1);
    recordSteps(recorder, () => recorder.record(host("good"), () => {}));
    assert.deepEqual(
      recorder.steps.map(({ title }) => title),
      ["bad", "good"],
    );
  });
});
