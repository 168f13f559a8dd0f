/**
 * Ops without a kernel in TensorFlow 2.21 on a CPU: each computes what a sibling does, for which there are recorded
 * answers.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import { type Tensor, tensor } from "@servable/formats";
import { ResourceManager } from "../../runtime/resource-manager.js";
import type { Value } from "../../values.js";
import { hostRows } from "./index.js";
import { nodeFacts } from "./testing/recorded-cases.js";

type AttrJson = Readonly<Record<string, JsonValue>>;
type Call = readonly [op: string, attrs: AttrJson, inputs: readonly Tensor[]];

const ramp = (shape: readonly number[]): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7) % 11) - 4);
const floats = (...shape: number[]): Tensor => tensor("float32", shape, ramp(shape));
const complexes = (...shape: number[]): Tensor =>
  ({ dtype: "complex64", shape, data: ramp([...shape, 2]) }) as Tensor;
const ints = (...values: number[]): Tensor => tensor("int32", [values.length], Int32Array.from(values));
const one = (value: number): Tensor => tensor("int32", [], Int32Array.of(value));

const complexType = { type: "DT_COMPLEX64" };
const floatType = { type: "DT_FLOAT" };
const ofSegments = { T: floatType, Tindices: { type: "DT_INT32" } };
const ofConvolution = {
  T: floatType,
  strides: { list: { i: ["1", "1", "1", "1"] } },
  padding: { s: Buffer.from("SAME").toString("base64") },
};
const whole: AttrJson = { Tcomplex: complexType };
const real: AttrJson = { Treal: floatType, Tcomplex: complexType };

const siblings: readonly (readonly [Call, Call])[] = [
  ...["FFT", "IFFT", "FFT2D", "IFFT2D", "FFT3D", "IFFT3D"].map(
    (op) =>
      [
        [`Batch${op}`, {}, [complexes(2, 3, 2, 4)]],
        [op, whole, [complexes(2, 3, 2, 4)]],
      ] as const,
  ),
  ...["FFT", "IFFT"].map(
    (op) =>
      [
        [`${op}ND`, whole, [complexes(2, 3, 4), ints(3, 4), ints(1, 2)]],
        [`${op}2D`, whole, [complexes(2, 3, 4)]],
      ] as const,
  ),
  [
    ["RFFTND", real, [floats(2, 3, 4), ints(3, 4), ints(1, 2)]],
    ["RFFT2D", real, [floats(2, 3, 4), ints(3, 4)]],
  ],
  [
    ["IRFFTND", real, [complexes(2, 3, 3), ints(3, 4), ints(1, 2)]],
    ["IRFFT2D", real, [complexes(2, 3, 3), ints(3, 4)]],
  ],
  ...["Sum", "Prod"].map(
    (how) =>
      [
        [
          `Segment${how}V2`,
          { ...ofSegments, Tnumsegments: { type: "DT_INT32" } },
          [floats(4, 2), ints(0, 0, 2, 2), one(3)],
        ],
        [`Segment${how}`, ofSegments, [floats(4, 2), ints(0, 0, 2, 2)]],
      ] as const,
  ),
  ...["Min", "Max"].map(
    (how) =>
      [
        [
          `Segment${how}V2`,
          { ...ofSegments, Tnumsegments: { type: "DT_INT32" } },
          [floats(4, 2), ints(0, 0, 2, 2), one(4)],
        ],
        [
          `UnsortedSegment${how}`,
          { ...ofSegments, Tnumsegments: { type: "DT_INT32" } },
          [floats(4, 2), ints(0, 0, 2, 2), one(4)],
        ],
      ] as const,
  ),
  [
    ["Conv2DBackpropInputV2", ofConvolution, [floats(1, 4, 4, 2), floats(3, 3, 2, 3), floats(1, 4, 4, 3)]],
    ["Conv2DBackpropInput", ofConvolution, [ints(1, 4, 4, 2), floats(3, 3, 2, 3), floats(1, 4, 4, 3)]],
  ],
  [
    ["Conv2DBackpropFilterV2", ofConvolution, [floats(1, 4, 4, 2), floats(3, 3, 2, 3), floats(1, 4, 4, 3)]],
    ["Conv2DBackpropFilter", ofConvolution, [floats(1, 4, 4, 2), ints(3, 3, 2, 3), floats(1, 4, 4, 3)]],
  ],
  [
    ["TopK", { T: floatType, k: { i: "2" } }, [floats(2, 5)]],
    ["TopKV2", { T: floatType }, [floats(2, 5), one(2)]],
  ],
];

function run([op, attrs, inputs]: Call): readonly Value[] {
  const kernel = hostRows[op]?.kernel(nodeFacts(op, op, attrs));
  assert.ok(kernel, `there is a row for ${op}`);
  return kernel(inputs, { resources: new ResourceManager() });
}

describe("Ops that TensorFlow has no kernel for", () => {
  for (const [call, sibling] of siblings) {
    it(`${call[0]} computes what ${sibling[0]} does`, () => {
      assert.deepEqual(run(call), run(sibling));
    });
  }
});
