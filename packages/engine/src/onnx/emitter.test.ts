import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type DType, type Tensor, tensor } from "@servable/formats";
import { NotExpressible } from "../ops/op-table.js";
import { OnnxSession } from "../runtime/session.js";
import { OnnxEmitter, type OnnxValue } from "./emitter.js";
import type { OnnxGraph } from "./onnx-graph.js";

/** A model of what `build` emits for inputs of some dtypes. */
function modelOf(
  dtypes: readonly DType[],
  build: (g: OnnxEmitter, inputs: OnnxValue[]) => OnnxValue,
): OnnxGraph {
  const g = new OnnxEmitter("node");
  const inputs = dtypes.map((dtype, i) => ({ name: `x${i}`, dtype }));
  const { ops, initializers, outputs } = g.finish([build(g, inputs)]);
  return {
    name: "emitted",
    inputs: inputs.map((input) => ({ ...input, shape: null })),
    outputs: outputs.map((output) => ({ ...output, shape: null })),
    ops,
    initializers,
  };
}

function run(model: OnnxGraph, ...feeds: Tensor[]): Tensor {
  const session = OnnxSession.create(model, { intraOpThreads: 1 });
  try {
    return session.run(feeds)[0] as Tensor;
  } finally {
    session.dispose();
  }
}

const types = (model: OnnxGraph): string[] => model.ops.map((op) => op.type);

describe("an operator that has a kernel for the type", () => {
  it("is emitted alone", () => {
    assert.deepEqual(types(modelOf(["float32", "float32"], (g, [x, y]) => g.op("Add", [x, y]))), ["Add"]);
  });
  it("gives the type that its definition says", () => {
    const model = modelOf(["float32", "float32"], (g, [x, y]) => g.op("Less", [x, y]));
    assert.equal(model.outputs[0]?.dtype, "bool");
  });
});

describe("an operator that has no kernel for the type", () => {
  it("runs in a wider one, and the result is cast back", () => {
    const model = modelOf(["int16"], (g, [x]) => g.op("CumSum", [x, g.scalar("int64", 0)]));
    assert.deepEqual(types(model), ["Cast", "CumSum", "Cast"]);
    const sums = run(model, tensor("int16", [3], Int16Array.of(30000, 30000, -1)));
    assert.deepEqual(sums, tensor("int16", [3], Int16Array.of(30000, -5536, -5537)));
  });
  it("casts only what shares the type with what decides it", () => {
    const model = modelOf(["bool", "bool", "bool"], (g, [condition, x, y]) =>
      g.op("Where", [condition, x, y]),
    );
    const bits = (...values: number[]) => tensor("bool", [2], Uint8Array.from(values));
    assert.deepEqual(run(model, bits(1, 0), bits(1, 1), bits(0, 0)), bits(1, 0));
  });
  it("takes the signed integers of the same width when it only moves bits", () => {
    const model = modelOf(["bool", "uint64", "uint64"], (g, [condition, x, y]) =>
      g.op("Where", [condition, x, y]),
    );
    const one = (value: bigint) => tensor("uint64", [1], BigUint64Array.of(value));
    const chosen = run(model, tensor("bool", [1], Uint8Array.of(1)), one(2n ** 64n - 1n), one(0n));
    assert.deepEqual(chosen, one(2n ** 64n - 1n));
  });
  it("is NotExpressible when no wider one has it", () => {
    assert.throws(() => modelOf(["float64"], (g, [x]) => g.op("Erf", [x])), NotExpressible);
  });
});

describe("an operator whose kernel is wrong for the type", () => {
  const numbers = (...values: bigint[]) => tensor("int64", [values.length], BigInt64Array.from(values));
  // Upper halves that are the same, lower halves on both sides of 2^31.
  const a = numbers(100n, -5n, 4294967290n, 2147483648n, 7n);
  const b = numbers(4294967290n, -3000000000n, 100n, 1n, -7n);
  it("compares all 64 bits in Max and Min", () => {
    const max = modelOf(["int64", "int64"], (g, [x, y]) => g.op("Max", [x, y]));
    const min = modelOf(["int64", "int64"], (g, [x, y]) => g.op("Min", [x, y]));
    assert.deepEqual(run(max, a, b), numbers(4294967290n, -5n, 4294967290n, 2147483648n, 7n));
    assert.deepEqual(run(min, a, b), numbers(100n, -3000000000n, 100n, 1n, -7n));
  });
  it("does so in Clip and Sign", () => {
    const clip = modelOf(["int64"], (g, [x]) =>
      g.op("Clip", [x, g.scalar("int64", -4), g.scalar("int64", 101)]),
    );
    assert.deepEqual(run(clip, b), numbers(101n, -4n, 100n, 1n, -4n));
    const sign = modelOf(["int64"], (g, [x]) => g.op("Sign", [x]));
    assert.deepEqual(run(sign, b), numbers(1n, -1n, 1n, 1n, -1n));
  });
});

describe("constants", () => {
  it("are scalars and vectors of any numeric type", () => {
    const model = modelOf(["int64"], (g, [x]) => g.op("Add", [x, g.scalar("int64", -2)]));
    assert.deepEqual(
      run(model, tensor("int64", [1], BigInt64Array.of(5n))),
      tensor("int64", [1], BigInt64Array.of(3n)),
    );
  });
  it("of types that ONNX Runtime can't hold are NotExpressible", () => {
    const strings = tensor("string", [1], [new Uint8Array()]);
    assert.throws(() => new OnnxEmitter("node").constant(strings), NotExpressible);
  });
});

describe("half floats", () => {
  it("travel as float32 and are rounded on demand", () => {
    const model = modelOf(["float32"], (g, [x]) => g.roundTo(x as OnnxValue, "bfloat16"));
    assert.deepEqual(
      run(model, tensor("float32", [1], Float32Array.of(1.01))),
      tensor("float32", [1], Float32Array.of(1.0078125)),
    );
  });
});
