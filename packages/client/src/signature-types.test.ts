import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Signature, type TensorSpec, tensor } from "@servable/formats";
import { typesOf } from "./signature-types.js";

const spec = (dtype: TensorSpec["dtype"], shape: TensorSpec["shape"]): TensorSpec => ({
  name: "t:0",
  dtype,
  shape,
});

function signature(
  name: string,
  inputs: Record<string, TensorSpec>,
  outputs: Record<string, TensorSpec>,
): Signature {
  return {
    name,
    methodName: "tensorflow/serving/predict",
    inputs: new Map(Object.entries(inputs)),
    outputs: new Map(Object.entries(outputs)),
    defaults: new Map(),
  };
}

describe("the TypeScript types of a model", () => {
  it("are an interface of inputs and one of outputs per signature", () => {
    const serving = signature(
      "serving_default",
      { x: spec("float32", [-1, 1]) },
      { "y:0": spec("int64", null) },
    );
    const other = {
      ...signature("to-y", { x: spec("string", []) }, {}),
      defaults: new Map([["x", tensor("bool", [], new Uint8Array(1))]]),
    };
    assert.equal(
      typesOf("half_plus_two", [serving, other]),
      `import type { InputOf, TensorOf } from "@servable/client";

/** Inputs of model "half_plus_two", signature "serving_default". */
export interface HalfPlusTwoInputs {
  /** Shape [?,1]. */
  readonly x: InputOf<"float32">;
}

/** Outputs of model "half_plus_two", signature "serving_default". */
export interface HalfPlusTwoOutputs {
  /** Shape <unknown>. */
  readonly "y:0": TensorOf<"int64">;
}

/** Inputs of model "half_plus_two", signature "to-y". */
export interface HalfPlusTwoToYInputs {
  /** Shape []. */
  readonly x?: InputOf<"string">;
}

/** Outputs of model "half_plus_two", signature "to-y". */
export interface HalfPlusTwoToYOutputs {}
`,
    );
  });

  it("can't be broken out of by a name", () => {
    const text = typesOf('*/ evil(); "', [signature("1", { '"]; evil(); //': spec("bool", []) }, {})]);
    assert.match(text, /^export interface Evil1Inputs \{$/m);
    assert.ok(text.includes('readonly "\\"]; evil(); //": InputOf<"bool">;'));
    assert.ok(!text.includes("*/ evil"));
  });
});
