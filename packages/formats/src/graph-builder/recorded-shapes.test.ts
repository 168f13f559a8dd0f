/**
 * The shapes that a GraphBuilder infers against those of TensorFlow, as conformance/shapes recorded them from ever less
 * knowledge of the inputs: what is inferred is never another shape than what comes out, and for ops that have a rule
 * it is no less than TensorFlow knows where sizes and axes are constants, as they are in the graphs that one writes.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import type { DType } from "../dtype.js";
import { opDef } from "../op-defs/op-def.js";
import { AttrValueSchema } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { type PartialShape, type Shape, shapeText } from "../shape.js";
import { allocate, type Tensor } from "../tensor.js";
import { GraphBuilder, type OpInput } from "./graph-builder.js";
import type { Output } from "./operation.js";
import { opsWithShapes } from "./shape-inference.js";

type Knowledge = "values" | "shapes" | "batch" | "ranks" | "nothing" | "blind";
const levels: readonly Knowledge[] = ["values", "shapes", "batch", "ranks", "nothing", "blind"];

interface RecordedCase {
  readonly op: string;
  readonly attrs: Readonly<Record<string, JsonValue>>;
  readonly inputs: readonly (readonly [dtype: DType, shape: Shape, values?: readonly (number | boolean)[]])[];
  readonly ran?: readonly Shape[];
  readonly knows: Readonly<Partial<Record<Knowledge, readonly PartialShape[]>>>;
}

const complete: readonly Knowledge[] = ["values", "batch", "ranks"];

const file = new URL("../../../engine/src/ops/shape/fixtures/shapes.json", import.meta.url);
const skip = existsSync(file) ? false : "the recorded shapes are not here";
const cases = skip ? [] : (JSON.parse(readFileSync(file, "utf8")) as RecordedCase[]);
const withRule = new Set(opsWithShapes);

describe("inferred shapes, against TensorFlow's own", { skip }, () => {
  for (const op of new Set(cases.map((each) => each.op))) {
    it(op, () => {
      for (const each of cases.filter((other) => other.op === op)) {
        for (const level of levels) if (each.knows[level]) check(each, level);
      }
    });
  }
});

function check(recorded: RecordedCase, level: Knowledge): void {
  const outputs = outputsOf(recorded, level);
  for (const [i, theirs] of (recorded.knows[level] ?? []).entries()) {
    const ours = outputs[i]?.shape ?? null;
    const ran = recorded.ran?.[i];
    const where = `${recorded.op} ${JSON.stringify(recorded.inputs)} ${JSON.stringify(recorded.attrs)} by ${level}, output ${i}: ${shapeText(ours)}`;
    if (ran !== undefined) assert.ok(allows(ours, ran), `${where}; it gave ${shapeText(ran)}`);
    // A few of TensorFlow's shape functions contradict its kernels.
    const isMistaken = ran !== undefined && !allows(theirs, ran);
    if (withRule.has(recorded.op) && complete.includes(level) && !isMistaken) {
      assert.ok(knowsAsMuch(ours, theirs), `${where}; TensorFlow knows ${shapeText(theirs)}`);
    }
  }
}

function knowsAsMuch(ours: PartialShape, theirs: PartialShape): boolean {
  if (theirs === null) return true;
  return ours?.length === theirs.length && theirs.every((size, axis) => size < 0 || ours[axis] === size);
}

function allows(inferred: PartialShape, shape: Shape): boolean {
  if (inferred === null) return true;
  return inferred.length === shape.length && inferred.every((size, i) => size < 0 || size === shape[i]);
}

function outputsOf({ op, attrs, inputs }: RecordedCase, level: Knowledge): readonly Output[] {
  const graph = new GraphBuilder();
  const flat = inputs.map(([dtype, shape, values]): OpInput => {
    if (values !== undefined && level !== "shapes" && level !== "blind")
      return tensorOf(dtype, shape, values);
    return graph.compute("Placeholder", [], { dtype, shape: weakened(shape, values !== undefined, level) });
  });
  const known = Object.entries(attrs).map(([name, json]) => [name, fromJson(AttrValueSchema, json)] as const);
  return graph.op(op, grouped(op, flat, attrs), Object.fromEntries(known)).outputs;
}

function weakened(shape: Shape, isValue: boolean, level: Knowledge): PartialShape {
  if (level === "blind" || (level === "nothing" && !isValue)) return null;
  if (level === "ranks" && !isValue) return shape.map(() => -1);
  return level === "batch" && !isValue ? shape.map((size, i) => (i === 0 ? -1 : size)) : shape;
}

/** Flat inputs by declared input: as many as number and list attributes say. */
function grouped(
  op: string,
  flat: readonly OpInput[],
  attrs: RecordedCase["attrs"],
): (OpInput | OpInput[])[] {
  let at = 0;
  return (opDef(op)?.inputs ?? []).map((arg) => {
    const list = arg.numberAttr ?? arg.typeListAttr;
    if (list === undefined) return flat[at++] as OpInput;
    const attr = attrs[list] as { i?: string; list?: { type?: unknown[] } } | undefined;
    const count = attr === undefined ? 0 : Number(attr.i ?? attr.list?.type?.length ?? 0);
    at += count;
    return flat.slice(at - count, at);
  });
}

function tensorOf(dtype: DType, shape: Shape, values: readonly (number | boolean)[]): Tensor {
  const data = allocate(dtype, values.length);
  values.forEach((value, i) => {
    if (data instanceof BigInt64Array) data[i] = BigInt(value);
    else (data as Float32Array)[i] = Number(value);
  });
  return { dtype, shape, data } as Tensor;
}
