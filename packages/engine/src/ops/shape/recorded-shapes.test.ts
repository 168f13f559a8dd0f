/**
 * Every rule against what TensorFlow does, as conformance/shapes recorded it: from the same knowledge of the inputs a
 * rule says at least as much as TensorFlow's own inference, and never anything that differs from what comes out.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import {
  allocate,
  type DType,
  elementCount,
  type PartialShape,
  type Shape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import { constantOf } from "../../graph/constant.js";
import type { Known } from "../../graph/graph.js";
import type { ShapeContext } from "../op-table.js";
import { shapeRows } from "./index.js";
import { shapeAndEntries, shapeContext } from "./testing/shape-context.js";

type Knowledge = "values" | "shapes" | "entries" | "batch" | "ranks" | "nothing" | "blind";
type RecordedInput = [dtype: DType, shape: Shape, values?: (number | boolean)[]];

interface RecordedCase {
  readonly op: string;
  readonly attrs: Readonly<Record<string, JsonValue>>;
  readonly inputs: readonly RecordedInput[];
  /** The shapes that came out; absent where the node was not run. */
  readonly ran?: readonly Shape[];
  /** Small integer outputs. */
  readonly gave?: readonly (readonly number[] | null)[];
  /** What TensorFlow's shape function says with less and less knowledge. */
  readonly knows: Readonly<Partial<Record<Knowledge, readonly PartialShape[]>>>;
}

const file = new URL("../../../src/ops/shape/fixtures/shapes.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf8")) as RecordedCase[];

describe("Shape rules, against TensorFlow's own inference", () => {
  for (const op of new Set(cases.map((each) => each.op))) {
    it(op, () => {
      for (const each of cases.filter((other) => other.op === op)) {
        for (const knowledge of Object.keys(each.knows) as Knowledge[]) check(each, knowledge);
      }
    });
  }
});

function check(recorded: RecordedCase, knowledge: Knowledge): void {
  const rule = shapeRows[recorded.op];
  assert.ok(rule, `no rule for ${recorded.op}`);
  const context = contextOf(recorded, knowledge);
  const inferred = rule(context);
  const theirs = recorded.knows[knowledge] as readonly PartialShape[];
  assert.equal(inferred.length, theirs.length, "number of outputs");
  theirs.forEach((expected, i) => {
    const { shape, partial } = shapeAndEntries(inferred[i]);
    const where = `${recorded.op}(${describeInputs(context)}) ${JSON.stringify(recorded.attrs)}, output ${i}`;
    const ran = recorded.ran?.[i];
    // A few of TensorFlow's shape functions contradict its kernels.
    const mistaken = ran !== undefined && !allows(expected, ran);
    assert.ok(
      mistaken || knowsAsMuch(shape, expected),
      `${where}: ${shapeText(shape)}; TensorFlow: ${shapeText(expected)}`,
    );
    if (ran === undefined) return;
    assert.ok(allows(shape, ran), `${where}: ${shapeText(shape)}; it gave ${shapeText(ran)}`);
    const gave = recorded.gave?.[i];
    partial?.forEach((entry, k) => {
      if (gave)
        assert.ok(entry === undefined || entry === gave[k], `${where}: [${partial}]; it gave [${gave}]`);
    });
  });
}

function knowsAsMuch(ours: PartialShape, theirs: PartialShape): boolean {
  if (theirs === null) return true;
  return ours?.length === theirs.length && theirs.every((size, axis) => size < 0 || ours[axis] === size);
}

function allows(inferred: PartialShape, shape: Shape): boolean {
  if (inferred === null) return true;
  return inferred.length === shape.length && inferred.every((size, i) => size < 0 || size === shape[i]);
}

function contextOf({ op, attrs, inputs }: RecordedCase, knowledge: Knowledge): ShapeContext {
  return shapeContext(
    op,
    attrs,
    inputs.map((input) => weakened(input, knowledge)),
  );
}

/** What is left of an input's knowledge. */
function weakened([type, shape, values]: RecordedInput, knowledge: Knowledge): Known {
  if (knowledge === "blind") return { type, shape: null };
  if (values === undefined) {
    if (knowledge === "nothing") return { type, shape: null };
    if (knowledge === "ranks") return { type, shape: shape.map(() => -1) };
    return { type, shape: knowledge === "batch" ? shape.map((size, i) => (i === 0 ? -1 : size)) : shape };
  }
  if (knowledge === "shapes") return { type, shape };
  const isVector = shape.length === 1 && shape[0] !== 0 && type.startsWith("int");
  if (knowledge === "entries") {
    if (!isVector) return { type, shape };
    return { type, shape, partial: values.map((value, i) => (i % 2 === 0 ? undefined : Number(value))) };
  }
  const isShape = shape.length < 2 && (type === "int32" || type === "int64");
  const constant = constantOf(tensorOf(type, shape, values));
  return { type, shape, constant, ...(isShape ? { partial: values.map(Number) } : {}) };
}

function tensorOf(dtype: DType, shape: Shape, values: readonly (number | boolean)[]): Tensor {
  const data = allocate(dtype, elementCount(shape));
  values.forEach((value, i) => {
    if (data instanceof BigInt64Array) data[i] = BigInt(value);
    else (data as Float32Array)[i] = Number(value);
  });
  return { dtype, shape, data } as Tensor;
}

function describeInputs({ inputs }: ShapeContext): string {
  return inputs
    .map(({ shape, partial, constant }) =>
      partial !== undefined
        ? `{${partial.map((entry) => entry ?? "?")}}`
        : `${shapeText(shape)}${constant ? "!" : ""}`,
    )
    .join(", ");
}
