/** Shapes computed at run time: what of the values survives each op, as tables, and through whole chains. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PartialShape } from "@servable/formats";
import type { Known } from "../../graph/graph.js";
import type { Entries } from "./entries.js";
import { shapeRows } from "./index.js";
import { type JsonAttrs, shapeAndEntries, shapeContext } from "./testing/shape-context.js";

const _ = undefined;

/** An int32 vector with these entries. */
const vector = (...entries: Entries): Known => ({ type: "int32", shape: [entries.length], partial: entries });
const scalar = (entry: number | undefined): Known => ({ type: "int32", shape: [], partial: [entry] });
const floats = (shape: PartialShape): Known => ({ type: "float32", shape });
const int32 = { type: "DT_INT32" };
const float = { type: "DT_FLOAT" };

function infer(op: string, attrs: JsonAttrs, ...inputs: Known[]): Known[] {
  const context = shapeContext(op, attrs, inputs);
  return (shapeRows[op]?.(context) ?? []).map((inferred, i) => ({
    type: context.outputTypes[i] as Known["type"],
    ...shapeAndEntries(inferred),
  }));
}

/** op, attributes, inputs → shape and entries of output 0. */
type Row = [op: string, attrs: JsonAttrs, inputs: Known[], shape: PartialShape, entries: Entries | undefined];

const T = { T: int32 };
const rows: Row[] = [
  ["Shape", { T: float }, [floats([-1, 28, 3])], [3], [_, 28, 3]],
  ["Shape", { T: float }, [floats(null)], [-1], _],
  ["Size", { T: float }, [floats([4, 5])], [], [20]],
  ["Size", { T: float }, [floats([-1, 5])], [], _],
  ["Size", { T: float }, [floats([-1, 0])], [], [0]],
  ["Rank", { T: float }, [floats([-1, 5])], [], [2]],
  ["Pack", { T: int32, N: { i: 3 } }, [scalar(_), scalar(4), scalar(-1)], [3], [_, 4, -1]],
  ["ConcatV2", { T: int32, N: { i: 2 } }, [vector(_, 2), vector(3), scalar(0)], [3], [_, 2, 3]],
  [
    "ConcatV2",
    { T: int32, N: { i: 2 } },
    [{ type: "int32", shape: [2] }, vector(3), scalar(0)],
    [3],
    [_, _, 3],
  ],
  ["AddV2", T, [vector(_, 2, 3), scalar(1)], [3], [_, 3, 4]],
  ["Sub", T, [scalar(7), vector(_, 2)], [2], [_, 5]],
  ["Mul", T, [vector(2, 3), vector(_, 5)], [2], [_, 15]],
  ["FloorDiv", T, [vector(-7, 7), scalar(2)], [2], [-4, 3]],
  ["FloorMod", T, [vector(-7, 7), scalar(2)], [2], [1, 1]],
  ["FloorDiv", T, [vector(7), scalar(0)], [1], [_]],
  ["Maximum", T, [vector(_, 2), scalar(1)], [2], [_, 2]],
  ["Minimum", T, [vector(9, 0), scalar(1)], [2], [1, 0]],
  ["Mul", T, [scalar(100_000), scalar(100_000)], [], [_]],
  ["Prod", { ...T, Tidx: int32 }, [vector(2, 3, 4), vector(0)], [], [24]],
  ["Prod", { ...T, Tidx: int32 }, [vector(2, _, 4), vector(0)], [], _],
  ["Prod", { ...T, Tidx: int32, keep_dims: { b: true } }, [vector(2, 3), scalar(0)], [1], [6]],
  ["Cast", { SrcT: int32, DstT: { type: "DT_INT64" } }, [vector(_, 4)], [2], [_, 4]],
  ["Cast", { SrcT: int32, DstT: float }, [vector(_, 4)], [2], _],
  ["ExpandDims", T, [scalar(5), scalar(0)], [1], [5]],
  ["Squeeze", T, [vector(5)], [], [5]],
  ["Reshape", T, [scalar(5), vector(1)], [1], [5]],
  ["Reshape", T, [vector(5, _), vector(-1)], [2], [5, _]],
  ["Reshape", T, [vector(5, 6), vector(1, 2)], [1, 2], _],
  ["StridedSlice", { ...T, Index: int32 }, [vector(_, 8, 9), vector(1), vector(3), vector(1)], [2], [8, 9]],
  [
    "StridedSlice",
    { ...T, Index: int32, shrink_axis_mask: { i: 1 } },
    [vector(_, 8, 9), vector(-1), vector(0), vector(1)],
    [],
    [9],
  ],
  [
    "StridedSlice",
    { ...T, Index: int32, begin_mask: { i: 1 }, end_mask: { i: 1 } },
    [vector(_, 8, 9), vector(0), vector(0), vector(-1)],
    [3],
    [9, 8, _],
  ],
  ["Slice", { ...T, Index: int32 }, [vector(_, 8, 9), vector(1), vector(-1)], [2], [8, 9]],
  [
    "GatherV2",
    { Tparams: int32, Tindices: int32, Taxis: int32 },
    [vector(7, 8), vector(1, _), scalar(0)],
    [2],
    [8, _],
  ],
  ["Range", {}, [scalar(2), scalar(9), scalar(3)], [3], [2, 5, 8]],
  ["Range", {}, [scalar(0), scalar(_), scalar(1)], [-1], _],
  ["Fill", T, [vector(3), scalar(7)], [3], [7, 7, 7]],
  ["ZerosLike", T, [{ type: "int32", shape: [2] }], [2], [0, 0]],
  ["SelectV2", T, [{ type: "bool", shape: [] }, vector(1, 2), vector(1, 3)], [2], [1, _]],
  ["SelectV2", T, [{ type: "bool", shape: [-1] }, scalar(5), scalar(5)], [-1], _],
  ["BroadcastTo", T, [scalar(5), vector(_)], [-1], _],
  ["BroadcastTo", T, [scalar(5), vector(2)], [2], [5, 5]],
  ["BroadcastArgs", {}, [vector(_, 1, 3), vector(4, 1)], [3], [_, 4, 3]],
  ["Tile", T, [vector(1, 2), vector(2)], [4], [1, 2, 1, 2]],
  ["Identity", T, [vector(_, 2)], [2], [_, 2]],
];

describe("Known entries of integer vectors", () => {
  for (const [op, attrs, inputs, shape, entries] of rows) {
    const text = inputs.map((input) => (input.partial ? `{${input.partial.map((e) => e ?? "?")}}` : "…"));
    it(`${op}(${text.join(", ")})`, () => {
      const [output] = infer(op, attrs, ...inputs);
      assert.deepEqual(output?.shape, shape);
      assert.deepEqual(
        output?.partial?.map((entry) => entry ?? "?"),
        entries?.map((entry) => entry ?? "?"),
      );
    });
  }

  it("comes apart and together again in Unpack and Pack", () => {
    const pieces = infer("Unpack", { T: int32, num: { i: 2 } }, vector(_, 6));
    const [together] = infer("Pack", { T: int32, N: { i: 2 } }, ...pieces);
    assert.deepEqual(together?.partial, [_, 6]);
  });
});

describe("A layer that flattens all but the batch", () => {
  it("keeps the rank, and the product of the known sizes", () => {
    const features = floats([-1, 4, 4, 8]);
    const [shape] = infer("Shape", { T: float }, features) as [Known];
    const masks = { T: int32, Index: int32 };
    const batch = infer(
      "StridedSlice",
      { ...masks, shrink_axis_mask: { i: 1 } },
      shape,
      vector(0),
      vector(1),
      vector(1),
    );
    const rest = infer(
      "StridedSlice",
      { ...masks, end_mask: { i: 1 } },
      shape,
      vector(1),
      vector(0),
      vector(1),
    );
    const width = infer("Prod", { ...T, Tidx: int32 }, rest[0] as Known, vector(0));
    const [target] = infer("Pack", { T: int32, N: { i: 2 } }, batch[0] as Known, width[0] as Known);
    assert.deepEqual(infer("Reshape", { T: float }, features, target as Known)[0]?.shape, [-1, 128]);
  });
});

describe("What stands behind a handle", () => {
  const shape = (sizes: readonly number[]) => ({
    shape: { dim: sizes.map((size) => ({ size: String(size) })) },
  });
  const variable = infer("VarHandleOp", { dtype: float, shape: shape([7, 3]) })[0] as Known;
  const indices: Known = { type: "int32", shape: [-1, 2] };

  it("is the shape that a variable declares", () => {
    assert.deepEqual(infer("ReadVariableOp", { dtype: float }, variable)[0]?.shape, [7, 3]);
    const types = { dtype: float, Tindices: int32 };
    assert.deepEqual(infer("ResourceGather", types, variable, indices)[0]?.shape, [-1, 2, 3]);
    assert.deepEqual(infer("ResourceGatherNd", types, variable, indices)[0]?.shape, [-1]);
    assert.deepEqual(infer("VariableShape", {}, variable)[0]?.partial, [7, 3]);
  });

  it("is what the elements of a list agree with, through all that is done to it", () => {
    const types = { element_dtype: float, shape_type: int32 };
    const list = infer("TensorListReserve", types, vector(-1, 3), scalar(4))[0] as Known;
    const written = infer(
      "TensorListSetItem",
      { element_dtype: float },
      list,
      scalar(0),
      floats([2, 3]),
    )[0] as Known;
    const anything: Known = scalar(-1);
    assert.deepEqual(
      infer("TensorListGetItem", { element_dtype: float }, written, scalar(0), anything)[0]?.shape,
      [-1, 3],
    );
    assert.deepEqual(
      infer("TensorListStack", { element_dtype: float }, written, vector(2, _))[0]?.shape,
      [-1, 2, 3],
    );
  });
});

describe("Knowledge that contradicts itself", () => {
  it("becomes no knowledge", () => {
    assert.deepEqual(infer("AddV2", { T: float }, floats([2, 3]), floats([4, 3]))[0]?.shape, [-1, 3]);
    assert.deepEqual(infer("Pack", { T: float, N: { i: 2 } }, floats([2]), floats([2, 3]))[0]?.shape, null);
    assert.deepEqual(infer("Reshape", { T: float }, floats([5]), vector(2, -1))[0]?.shape, [2, -1]);
  });
});
