/**
 * What a shape rule is, and how rules read a node. Rules say no more than TensorFlow's own shape functions do
 * (tensorflow/core/ops/*.cc); what they can't tell is unknown, which TensorFlow accepts everywhere.
 */
import type { NodeAttrs } from "../../op-defs/node-types.js";
import type { PartialShape } from "../../shape.js";
import { decodeText } from "../../tensor.js";
import { partialShapeFromProto } from "../../tensor-proto.js";
import type { Output } from "../operation.js";

/** A node whose output shapes are asked for. */
export interface Node {
  readonly inputs: readonly Output[];
  readonly attrs: NodeAttrs;
  readonly outputCount: number;
}

/** The shapes of the outputs, flat; outputs that are left out are unknown. */
export type ShapeRule = (node: Node) => readonly PartialShape[];

/** A rule and the ops that it is for, divided by spaces. */
export type RuleTable = readonly (readonly [rule: ShapeRule, ops: string])[];

export const UNKNOWN_SIZE = -1;

/** Deeper tensors do not exist; a damaged graph may ask for them. */
const MAX_RANK = 254;

export const shapeOf = (inputs: readonly Output[], i: number): PartialShape => inputs[i]?.shape ?? null;

/** A shape of which only the rank is known. */
export const ofRank = (rank: number): PartialShape =>
  rank >= 0 && rank <= MAX_RANK ? new Array<number>(rank).fill(UNKNOWN_SIZE) : null;

/** The output has the shape of an input. */
export const sameAs =
  (input: number): ShapeRule =>
  ({ inputs }) => [shapeOf(inputs, input)];

/** Every output has a shape of its own that is always the same. */
export const always =
  (...shapes: PartialShape[]): ShapeRule =>
  () =>
    shapes;

/** Axes counted from either end, as counted from the front; those that are none are left out. */
export function fromFront(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => (axis < 0 ? axis + rank : axis)).filter((axis) => axis >= 0 && axis < rank);
}

export const flag = (attrs: NodeAttrs, name: string): boolean => attrs[name]?.value.value === true;

export function intAttr(attrs: NodeAttrs, name: string, fallback = 0): number {
  const value = attrs[name]?.value;
  return value?.case === "i" ? Number(value.value) : fallback;
}

export function intList(attrs: NodeAttrs, name: string): number[] {
  const value = attrs[name]?.value;
  return value?.case === "list" ? value.value.i.map(Number) : [];
}

export function textAttr(attrs: NodeAttrs, name: string, fallback = ""): string {
  const value = attrs[name]?.value;
  return value?.case === "s" ? decodeText(value.value) : fallback;
}

export function shapeAttr(attrs: NodeAttrs, name: string): PartialShape {
  const value = attrs[name]?.value;
  return value?.case === "shape" ? partialShapeFromProto(value.value) : null;
}

export function shapeList(attrs: NodeAttrs, name: string): PartialShape[] {
  const value = attrs[name]?.value;
  return value?.case === "list" ? value.value.shape.map(partialShapeFromProto) : [];
}

/** What both shapes say: a size that one knows is known. Where they contradict each other the first is right. */
export function merged(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null || b === null) return a ?? b;
  return a.length === b.length ? a.map((size, i) => (size < 0 ? (b[i] as number) : size)) : a;
}

/** What is true of both shapes. */
export function common(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null || b === null || a.length !== b.length) return null;
  return a.map((size, axis) => (size === b[axis] ? size : UNKNOWN_SIZE));
}
