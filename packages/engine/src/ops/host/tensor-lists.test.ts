import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tensor } from "@servable/formats";
import type { Value } from "../../values.js";
import { tensorListKernels } from "./tensor-lists.js";
import { describeRecorded, nodeFacts } from "./testing/recorded-cases.js";

describeRecorded("tensor_lists", tensorListKernels);

describe("A loop that writes one element of a list per step", () => {
  it("takes a time linear in the steps", () => {
    const attrs = { element_dtype: { type: "DT_FLOAT" }, shape_type: { type: "DT_INT32" } };
    const kernel = (op: string) => tensorListKernels[op]?.kernel(nodeFacts(op, op, attrs));
    const context = { resources: undefined as never };
    const run = (op: string, ...inputs: Value[]) => kernel(op)?.(inputs, context)[0] as Value;
    const shape = tensor("int32", [1], Int32Array.of(1));
    const index = (i: number) => tensor("int32", [], Int32Array.of(i));
    const steps = 100_000;
    let list = run("TensorListReserve", shape, index(steps));
    for (let i = 0; i < steps; i++) {
      list = run("TensorListSetItem", list, index(i), tensor("float32", [1], Float32Array.of(i)));
    }
    const stacked = run("TensorListStack", list, shape);
    assert.deepEqual(stacked.shape, [steps, 1]);
  });
});
