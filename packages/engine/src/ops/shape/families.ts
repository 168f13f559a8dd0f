/** Rules that many ops share, so that most rows are one word. */
import type { PartialShape } from "@servable/formats";
import type { ShapeContext, ShapeRule } from "../op-table.js";
import { combineEntries, withEntries } from "./entries.js";
import { broadcastShapes, mergeShapes, mergeSizes, UNKNOWN, withRank } from "./partial-shape.js";

/** A list with the same rule for many ops. */
export function forAll(ops: readonly string[], rule: ShapeRule): Record<string, ShapeRule> {
  return Object.fromEntries(ops.map((op) => [op, rule]));
}

/** Every output has the shape of input 0. */
export const sameAsInput: ShapeRule = (node) => node.outputTypes.map(() => node.shape(0));

/** Every output has the shape of that input. */
export const sameAs =
  (input: number): ShapeRule =>
  (node) =>
    node.outputTypes.map(() => node.shape(input));

/** Output i has the shape, and the value, of input i. */
export const passThrough: ShapeRule = (node) =>
  node.outputTypes.map((type, i) => withEntries(type, node.shape(i), node.entries(i)));

/** Every output has the shape that all these inputs must share (by default all inputs). */
export const sharedShape =
  (...inputs: readonly number[]): ShapeRule =>
  (node) => {
    const sharing = inputs.length > 0 ? inputs : node.inputs.map((_, i) => i);
    const shape = sharing.reduce<PartialShape>((merged, i) => mergeShapes(merged, node.shape(i)), null);
    return node.outputTypes.map(() => shape);
  };

/** Elementwise over all inputs, broadcast together. */
export const broadcast: ShapeRule = (node) => {
  const shape = broadcastInputs(node);
  return node.outputTypes.map(() => shape);
};

export function broadcastInputs(node: ShapeContext): PartialShape {
  return node.inputs.reduce<PartialShape>((shape, _, i) => broadcastShapes(shape, node.shape(i)), []);
}

/** Elementwise on two inputs, whose known entries are combined too. */
export const broadcastWith =
  (combine: (x: number, y: number) => number): ShapeRule =>
  (node) => {
    const entries = combineEntries(node.entries(0), node.entries(1), combine);
    return [withEntries(node.outputTypes[0], broadcastInputs(node), entries)];
  };

/** Elementwise on one input, whose known entries are mapped too. */
export const mapWith =
  (map: (x: number) => number): ShapeRule =>
  (node) => {
    const entries = node.entries(0)?.map((x) => (x === undefined ? undefined : map(x)));
    return [withEntries(node.outputTypes[0], node.shape(0), entries)];
  };

/** Outputs with these shapes, whatever the inputs. */
export const fixed =
  (...shapes: readonly PartialShape[]): ShapeRule =>
  () =>
    shapes;

/** Every output is a scalar. */
export const scalars: ShapeRule = (node) => node.outputTypes.map(() => []);

/** Every output is a vector of unknown length. */
export const vectors: ShapeRule = (node) => node.outputTypes.map(() => [UNKNOWN]);

/** Nothing can be said before it runs. */
export const unknown: ShapeRule = (node) => node.outputTypes.map(() => null);

/** Every output has the shape of the attribute. */
export const shapeAttr =
  (name: string): ShapeRule =>
  (node) =>
    node.outputTypes.map(() => node.attrs.shape(name));

/** Output i has the i-th shape of the attribute; unknown past its end. */
export const shapesAttr =
  (name: string): ShapeRule =>
  (node) => {
    const shapes = node.attrs.has(name) ? node.attrs.shapes(name) : [];
    return node.outputTypes.map((_, i) => shapes[i] ?? null);
  };

/** The size that these inputs share along axis 0, unknown where no input's is known. */
export function sharedLeadingSize(node: ShapeContext, inputs: readonly number[], rank: number): number {
  return inputs.reduce(
    (size, input) => mergeSizes(size, withRank(node.shape(input), rank)[0] ?? UNKNOWN),
    UNKNOWN,
  );
}
