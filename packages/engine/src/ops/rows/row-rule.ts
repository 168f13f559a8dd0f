/**
 * How the rows of a batch move through an op. Requests may share a run only where row i of every output depends on row
 * i of the inputs alone; passes/row-independence.ts proves it with these rules, one per op, and an op without a rule
 * ends the proof.
 */
import type { PartialShape, Tensor } from "@servable/formats";
import type { Known } from "../../graph/graph.js";
import type { NodeFacts } from "../op-table.js";

/** An entry of sizes: N itself, N times something, or the same for all batches. */
export type SizeEntry = "N" | "multiple" | "fixed";

/** What is known of the rows in one value. N is the number of rows in the batch. */
export type RowState =
  /** The same whatever rows the batch has. */
  | { readonly kind: "shared" }
  /**
   * Row i lies at entries i·block … of `axis` and depends on row i alone. Of a list: in each of its elements.
   * `block` is over 1 after a reshape that merged further dimensions into the axis.
   */
  | { readonly kind: "rows"; readonly axis: number; readonly block: number }
  /** Integers that tell sizes. */
  | { readonly kind: "sizes"; readonly entries: readonly SizeEntry[] }
  /** A batch whose rows are cut into pieces, piece by piece (see spread.ts). */
  | { readonly kind: "spread"; readonly pieces: number }
  /** Anything else, with the reason. */
  | { readonly kind: "mixed"; readonly why: string };

export const shared: RowState = { kind: "shared" };
export const rows = (axis = 0, block = 1): RowState => ({ kind: "rows", axis, block });
export const mixed = (why: string): RowState => ({ kind: "mixed", why });

/** Sizes that don't mention N are shared. */
export function sizes(entries: readonly SizeEntry[]): RowState {
  return entries.every((entry) => entry === "fixed") ? shared : { kind: "sizes", entries };
}

/** The product of sizes, as one size. */
export function sizeProduct(entries: readonly SizeEntry[]): RowState {
  const mentioning = entries.filter((entry) => entry !== "fixed");
  if (mentioning.length > 1) return mixed("the number of rows twice in a product");
  return sizes(entries.length === 1 ? entries : [mentioning.length === 0 ? "fixed" : "multiple"]);
}

/** A node whose inputs are not all shared and none of them mixed. */
export interface RowContext extends NodeFacts {
  readonly states: readonly RowState[];
  readonly inputs: readonly Known[];
  readonly outputs: readonly Known[];
  shape(input: number): PartialShape;
  /** The value of an input when it is constant and small. */
  tensor(input: number): Tensor | undefined;
  /** Integers of a constant input. */
  ints(input: number): number[] | undefined;
}

/** States of the outputs; a single one stands for all of them. */
export type RowRule = (node: RowContext) => RowState | readonly RowState[];
export type RowTable = Readonly<Record<string, RowRule>>;

const rank = (shape: PartialShape): number | undefined => shape?.length;

/** Position of the rows counted from the last dimension; undefined when the rank is unknown. */
function fromRight(state: RowState, shape: PartialShape): number | undefined {
  return state.kind === "rows" && shape !== null ? shape.length - state.axis : undefined;
}

/** Elementwise with broadcasting: rows must meet rows, or something that is repeated along them. */
export const broadcast: RowRule = (node) => {
  const first = node.states.findIndex((state) => state.kind === "rows");
  const lead = node.states[first];
  if (lead?.kind !== "rows") return mixed(`${node.op} computes with the number of rows`);
  const position = fromRight(lead, node.shape(first));
  const withRows = node.states.filter((state) => state.kind === "rows");
  if (withRows.length > 1 && position === undefined) return mixed(`${node.op} combines rows of unknown rank`);
  const outRank = node.outputs[0]?.shape?.length;
  for (const [i, state] of node.states.entries()) {
    const shape = node.shape(i);
    if (state.kind === "sizes") return mixed(`${node.op} computes with the number of rows`);
    if (state.kind === "shared" && !repeatsAlong(shape, position)) {
      return mixed(`${node.op} combines rows with a value that may differ along them`);
    }
    if (state.kind === "rows" && (state.block !== lead.block || fromRight(state, shape) !== position)) {
      return mixed(`${node.op} combines rows along different dimensions`);
    }
  }
  if (position === undefined || outRank === undefined) return lead;
  return rows(outRank - position, lead.block);
};

/** Whether a shared value is repeated for every row: it has no dimension there, or one of size 1. */
function repeatsAlong(shape: PartialShape, position: number | undefined): boolean {
  if (shape === null) return false;
  if (shape.length === 0) return true;
  if (position === undefined) return false;
  return shape.length < position || shape[shape.length - position] === 1;
}

/** The first input has the rows, at the same axis in and out; everything else is shared. */
export const first: RowRule = (node) => {
  const [lead, ...rest] = node.states;
  if (lead?.kind !== "rows") return mixed(`${node.op} has rows in an input other than its first`);
  if (rest.some((state) => state.kind !== "shared")) return mixed(`${node.op} has rows in several inputs`);
  return lead;
};

/** Like `first`, for ops that work on an image or sequence per row: rows only along axis 0. */
export const perItem: RowRule = (node) => {
  const state = first(node) as RowState;
  return state.kind === "rows" && state.axis !== 0
    ? mixed(`${node.op} has rows along dimension ${state.axis}`)
    : state;
};

/** Like `first`, for ops along the last dimension. */
export const alongLast: RowRule = (node) => {
  const state = first(node) as RowState;
  if (state.kind !== "rows") return state;
  const inputRank = rank(node.shape(0));
  if (inputRank === undefined || state.axis >= inputRank - 1) {
    return mixed(`${node.op} works along the dimension that has the rows`);
  }
  return state;
};

/** Like `first`, for ops that work on the last so many dimensions, as on matrices. */
export const outsideLast =
  (count: number): RowRule =>
  (node) => {
    const state = first(node) as RowState;
    if (state.kind !== "rows") return state;
    const inputRank = rank(node.shape(0));
    return inputRank !== undefined && state.axis < inputRank - count
      ? state
      : mixed(`${node.op} works along the dimension that has the rows`);
  };

/** Inputs with rows have them along axis 0, as have the outputs; which inputs may, `inputs` says. */
export const batches =
  (...inputs: readonly number[]): RowRule =>
  (node) => {
    const fits = node.states.every((state, i) =>
      inputs.includes(i)
        ? state.kind === "rows" && state.axis === 0 && state.block === 1
        : state.kind === "shared",
    );
    return fits ? rows() : mixed(`${node.op} of inputs that are not one row each`);
  };

/** Every input may have rows, all along the same axis; outputs have them there too. */
export const elementwiseAll: RowRule = (node) => {
  const [lead] = node.states;
  if (lead?.kind !== "rows") return mixed(`${node.op} mixes rows with shared values`);
  const same = node.states.every(
    (state) => state.kind === "rows" && state.axis === lead.axis && state.block === lead.block,
  );
  return same ? lead : mixed(`${node.op} combines rows along different dimensions`);
};

/** Outputs after removing the dimensions `axes` (or keeping them as 1) of an input with rows. */
export function withoutAxes(
  node: RowContext,
  axes: readonly number[] | undefined,
  keepDims: boolean,
): RowState {
  const state = first(node) as RowState;
  const inputRank = rank(node.shape(0));
  if (state.kind !== "rows") return state;
  if (axes === undefined || inputRank === undefined)
    return mixed(`${node.op} along dimensions that are not known`);
  const removed = axes.map((axis) => (axis < 0 ? axis + inputRank : axis));
  if (removed.includes(state.axis)) return mixed(`${node.op} works along the dimension that has the rows`);
  return keepDims
    ? state
    : rows(state.axis - removed.filter((axis) => axis < state.axis).length, state.block);
}
