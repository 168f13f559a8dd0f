import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import { type CodeName, StatusError, type Tensor } from "@servable/formats";
import { ResourceManager } from "../../runtime/resource-manager.js";
import { hostRows } from "./index.js";
import { nodeFacts } from "./testing/recorded-cases.js";

const HUGE = 2 ** 40;

const empty = (...shape: number[]): Tensor => ({ dtype: "float32", shape, data: new Float32Array(0) });
const ints = (...values: number[]): Tensor => ({
  dtype: "int32",
  shape: [values.length],
  data: Int32Array.from(values),
});
const int = (value: number): Tensor => ({ dtype: "int32", shape: [], data: Int32Array.of(value) });
const floats = (...values: number[]): Tensor => ({
  dtype: "float32",
  shape: [values.length],
  data: Float32Array.from(values),
});
const text: Tensor = { dtype: "string", shape: [], data: [new Uint8Array(0)] };
const f32 = { T: { type: "DT_FLOAT" } };
const list = (...values: number[]): JsonValue => ({ list: { i: values.map(String) } });
const window = { ...f32, strides: list(1, 1, 1, 1), padding: { s: btoa("VALID") } };
const pooling = { ...window, ksize: list(1, 1, 1, 1) };

function run(op: string, attrs: Readonly<Record<string, JsonValue>>, inputs: readonly Tensor[]) {
  const row = hostRows[op];
  assert.ok(row, op);
  return row.kernel(nodeFacts(op, "node", attrs))(inputs, { resources: new ResourceManager() });
}

/** A few bytes of a request may say such shapes; whoever loops over them never answers. */
const nothings: readonly [
  op: string,
  attrs: Readonly<Record<string, JsonValue>>,
  inputs: readonly Tensor[],
][] = [
  ["AddV2", f32, [empty(HUGE, 0), floats(1)]],
  ["Relu", f32, [empty(HUGE, 0, HUGE)]],
  ["Sum", f32, [empty(HUGE, 0), ints(0, 1)]],
  ["Cumsum", f32, [empty(HUGE, 0), int(0)]],
  ["Cumsum", f32, [empty(HUGE, 0, 3), int(2)]],
  ["ArgMax", f32, [empty(HUGE, 0, 3), int(2)]],
  ["Softmax", f32, [empty(HUGE, 0)]],
  ["BiasAdd", f32, [empty(HUGE, 0, 1), floats(1)]],
  ["Transpose", f32, [empty(HUGE, 0, HUGE), ints(2, 0, 1)]],
  [
    "GatherV2",
    { Tparams: { type: "DT_FLOAT" }, Tindices: { type: "DT_INT32" }, Taxis: { type: "DT_INT32" } },
    [empty(HUGE, 1, 0), ints(0), int(1)],
  ],
  ["ConcatV2", { ...f32, N: { i: "2" } }, [empty(HUGE, 0), empty(HUGE, 0), int(0)]],
  ["ReverseV2", f32, [empty(HUGE, 0), ints(0)]],
  [
    "Roll",
    { ...f32, Tshift: { type: "DT_INT32" }, Taxis: { type: "DT_INT32" } },
    [empty(HUGE, 0), ints(1), ints(0)],
  ],
  ["Tile", f32, [empty(HUGE, 0), ints(2, 2)]],
  ["MatMul", f32, [empty(HUGE, 0), empty(0, 0)]],
  ["MatrixBandPart", f32, [empty(0, HUGE, 5), int(0), int(0)]],
  ["MatrixDiagPart", f32, [empty(HUGE, 0, 0)]],
  ["FFT", {}, [{ dtype: "complex64", shape: [HUGE, 0], data: new Float32Array(0) }]],
  [
    "Conv2D",
    window,
    [empty(HUGE, 1, 1, 0), { dtype: "float32", shape: [1, 1, 1, 0], data: new Float32Array(0) }],
  ],
  ["MaxPool", pooling, [empty(HUGE, 1, 1, 0)]],
  ["AvgPool", pooling, [empty(HUGE, 1, 1, 0)]],
  ["ResizeBilinear", f32, [empty(HUGE, 1, 1, 0), ints(2, 2)]],
  [
    "AdjustContrastv2",
    f32,
    [empty(HUGE, 0, 1, 3), { dtype: "float32", shape: [], data: Float32Array.of(2) }],
  ],
  ["TopKV2", f32, [empty(0, HUGE), int(3)]],
  ["Unique", f32, [empty(0)]],
  [
    "MirrorPad",
    { ...f32, mode: { s: btoa("SYMMETRIC") } },
    [empty(2 ** 31, 0), { dtype: "int32", shape: [2, 2], data: Int32Array.of(1, 1, 0, 0) }],
  ],
  ["RandomShuffle", f32, [empty(2 ** 31, 0)]],
  [
    "MatrixDiagV3",
    f32,
    [
      empty(2 ** 31, 0),
      ints(0, 2 ** 31 - 1),
      int(-1),
      int(-1),
      { dtype: "float32", shape: [], data: new Float32Array(1) },
    ],
  ],
  ["MatrixDeterminant", f32, [empty(2 ** 31, 0, 0)]],
  [
    "UnsortedSegmentSum",
    { ...f32, Tindices: { type: "DT_INT32" } },
    [empty(2, 0), ints(0, 1), int(2 ** 31 - 1)],
  ],
  ["QuantizeAndDequantizeV2", { ...f32, axis: { i: "1" } }, [empty(0, HUGE), floats(0), floats(1)]],
  ["MaxPool", pooling, [empty(1, HUGE, 1, 0)]],
];

/** What would take more memory than there is. */
const floods: readonly [
  op: string,
  attrs: Readonly<Record<string, JsonValue>>,
  inputs: readonly Tensor[],
  code: CodeName,
][] = [
  [
    "Fill",
    f32,
    [ints(100000, 100000, 1000), { dtype: "float32", shape: [], data: new Float32Array(1) }],
    "RESOURCE_EXHAUSTED",
  ],
  ["Fill", { T: { type: "DT_STRING" } }, [ints(2 ** 30), text], "RESOURCE_EXHAUSTED"],
  ["Tile", f32, [floats(1, 2), ints(2 ** 31 - 1)], "RESOURCE_EXHAUSTED"],
  ["BroadcastTo", f32, [floats(1), ints(2 ** 30, 2 ** 30)], "RESOURCE_EXHAUSTED"],
  [
    "Pad",
    f32,
    [floats(1), { dtype: "int32", shape: [1, 2], data: Int32Array.of(2 ** 31 - 1, 2 ** 31 - 1) }],
    "RESOURCE_EXHAUSTED",
  ],
  ["OneHot", f32, [ints(0, 1), int(2 ** 31 - 1), int(1), int(0)], "RESOURCE_EXHAUSTED"],
  [
    "Range",
    { Tidx: { type: "DT_DOUBLE" } },
    [0, 1e300, 1e-3].map((value) => ({ dtype: "float64", shape: [], data: Float64Array.of(value) })),
    "RESOURCE_EXHAUSTED",
  ],
  ["Sum", f32, [empty(0, HUGE), ints(0)], "RESOURCE_EXHAUSTED"],
  [
    "RandomUniform",
    { dtype: { type: "DT_FLOAT" }, T: { type: "DT_INT32" } },
    [ints(2 ** 20, 2 ** 20)],
    "RESOURCE_EXHAUSTED",
  ],
  [
    "ResizeNearestNeighbor",
    f32,
    [{ dtype: "float32", shape: [1, 1, 1, 1], data: new Float32Array(1) }, ints(2 ** 30, 2 ** 30)],
    "RESOURCE_EXHAUSTED",
  ],
];

describe("shapes that cost their sender nothing", () => {
  for (const [op, attrs, inputs] of nothings) {
    const shapes = inputs.map(({ shape }) => `[${shape}]`).join(" ");
    it(`${op} of ${shapes} answers at once`, { timeout: 2000 }, () => {
      try {
        for (const output of run(op, attrs, inputs)) assert.ok(output.shape.length >= 0);
      } catch (error) {
        assert.ok(error instanceof StatusError && error.codeName !== "INTERNAL", String(error));
      }
    });
  }
  for (const [op, attrs, inputs, code] of floods) {
    it(`${op} refuses to fill the memory: ${code}`, { timeout: 2000 }, () => {
      assert.throws(
        () => run(op, attrs, inputs),
        (error) => error instanceof StatusError && error.codeName === code,
      );
    });
  }
});
