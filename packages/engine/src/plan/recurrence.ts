/**
 * Recognises loops that are recurrent layers: a cell (see recurrent-cell.ts) applied to one row of a sequence a step.
 * Expects the form of passes/scan-loops.ts: a step gathers its row, and what it yields is stacked. With a mask, rows
 * where it is false leave every state as it was.
 */
import { type Edge, edgeType, type Graph, isInvariant, type Node } from "../graph/graph.js";
import { type Analyzed, knownOf } from "../passes/analyze.js";
import { scalarOf, type TripCount, tripCount, variableOf } from "../passes/loop-counters.js";
import type { Affine, Weight } from "./affine.js";
import { type Cell, recurrentCell, type State } from "./recurrent-cell.js";

/** What a step yields of the rows that the mask leaves out: what was yielded last, the state, or zeros. */
export type Held = "output" | "state" | "zeros";

export interface Recurrence {
  readonly cell: Cell;
  /** Index of the loop's argument that holds the sequence: [steps, batch, inputs]. */
  readonly sequence: number;
  /** Index of the argument that says which steps count for which rows, [steps, batch, 1]; undefined for all. */
  readonly mask: number | undefined;
  /** One row of the sequence, in the body. */
  readonly row: Edge;
  readonly inputs: number;
  readonly units: number;
  /** Whether the loop makes as many steps as the sequence is long, for sure. */
  readonly isWhole: boolean;
  readonly steps: TripCount;
  /** Indices of the loop variables that hold the states. */
  readonly hidden: number;
  readonly cellState: number | undefined;
  /** Index of the variable that holds the last output, where a mask makes it differ from the state. */
  readonly lastOutput: number | undefined;
  /** Of each stacked output. */
  readonly yields: readonly Held[];
}

/** A state with the loop variable that holds it. */
interface Variable extends State {
  readonly index: number;
  /** What chooses between the next value and the old one; undefined when nothing does. */
  readonly mask: Edge | undefined;
  /** What the loop carries on: `next`, or the choice. */
  readonly carried: Edge;
}

/** The recurrent layer that a loop is; undefined when it is none that ONNX Runtime knows. */
export function recurrenceOf(node: Node, analyzed: Analyzed): Recurrence | undefined {
  const [, body] = analyzed.bodies.get(node) ?? [];
  const steps = tripCount(node);
  if (body === undefined || steps === undefined || body.graph.effects.length > 0) return undefined;
  const variables = variablesOf(node, body.graph);
  const mask = variables && maskOf(variables, body);
  const read = variables && argumentsRead(node, body.graph, mask);
  const found = variables && cellOf(variables, body, mask);
  if (read === undefined || found === undefined) return undefined;
  const { cell, units, hidden, cellState, lastOutput } = found;
  const outside = (edge: Edge) => outsideOf(node, body.graph, edge);
  const yields = body.graph.outputs
    .slice(node.inputs.length)
    .map((edge) => heldOf(edge, hidden, lastOutput, mask, outside));
  const [length, , inputs] = threeSizes(analyzed, node.inputs[read.sequence] as Edge);
  if (inputs === undefined || inputs < 0 || yields.includes(undefined)) return undefined;
  const recurrence: Recurrence = {
    ...{ cell, ...read, inputs, units, steps },
    isWhole: length !== undefined && length >= 0 && steps.count === length,
    hidden: hidden.index,
    cellState: cellState?.index,
    lastOutput: lastOutput?.index,
    yields: yields as Held[],
  };
  return fits(recurrence) && !readsOtherResults(node, analyzed, variables ?? []) ? recurrence : undefined;
}

/** The cell, and which variables hold what. */
function cellOf(variables: readonly Variable[], body: Analyzed, mask: Edge | undefined) {
  const width = (edge: Edge) => {
    const size = knownOf(body.known, edge).shape?.[1];
    return size === undefined || size < 0 ? undefined : size;
  };
  // A variable that is read for nothing but to be kept where the mask says so is the last output, not a state.
  const isState = ({ now }: Variable) => mask === undefined || usersOf(body.graph, now).length > 1;
  const states = variables.filter(isState);
  const [lastOutput, ...others] = variables.filter((variable) => !isState(variable));
  const cell = recurrentCell(states, width);
  const units = cell && width(cell.hidden);
  const hidden = states.find(({ now }) => now.node === cell?.hidden.node);
  if (cell === undefined || units === undefined || hidden === undefined || others.length > 0)
    return undefined;
  if (lastOutput !== undefined && !isSame(lastOutput.next, hidden.next)) return undefined;
  const isCellState = ({ now }: Variable) => cell.kind === "LSTM" && now.node === cell.cellState.node;
  return { cell, units, hidden, cellState: states.find(isCellState), lastOutput };
}

function isSame(a: Edge, b: Edge): boolean {
  return a.node === b.node && a.index === b.index;
}

function usersOf(graph: Graph, edge: Edge): Node[] {
  return graph.nodes.filter((user) => user.inputs.some((input) => isSame(input, edge)));
}

function threeSizes({ known }: Analyzed, edge: Edge): readonly number[] {
  const { shape } = knownOf(known, edge);
  return shape?.length === 3 ? shape : [];
}

// ---- what the loop reads and carries ---------------------------------------------------------------------------

/** The loop's arguments of which each step reads the row that is its number; undefined when any is read otherwise. */
function rowsRead(node: Node, body: Graph): { gather: Node; argument: number }[] | undefined {
  const gathers = body.nodes.filter((each) => each.op === "GatherV2");
  const rows = gathers.map((gather) => {
    const [source, index, axis] = gather.inputs as [Edge, Edge, Edge];
    const argument = body.inputs.indexOf(source.node);
    const counter = variableOf(body, index);
    const isRow = argument >= 0 && isInvariant(body, argument) && scalarOf(axis) === 0;
    const isInOrder = counter?.step === 1 && scalarOf(node.inputs[counter.index]) === 0;
    return { gather, argument, isRow: isRow && isInOrder && gather.attrs.int("batch_dims") === 0 };
  });
  return rows.every(({ isRow }) => isRow) ? rows : undefined;
}

/** The sequence, and the mask if there is one; undefined when the loop reads anything else. */
function argumentsRead(
  node: Node,
  body: Graph,
  mask: Edge | undefined,
): Pick<Recurrence, "sequence" | "mask" | "row"> | undefined {
  const rows = rowsRead(node, body);
  const sequence = rows?.find(({ gather }) => gather.outputTypes[0] === "float32");
  const masks = rows?.find(({ gather }) => gather === mask?.node);
  const isAll = rows?.length === (mask === undefined ? 1 : 2);
  if (sequence === undefined || !isAll || (mask !== undefined && masks === undefined)) return undefined;
  return { sequence: sequence.argument, mask: masks?.argument, row: { node: sequence.gather, index: 0 } };
}

/** What goes round besides counters; undefined when something other than float32 does. */
function variablesOf(node: Node, body: Graph): Variable[] | undefined {
  const variables: Variable[] = [];
  for (const [index, feed] of body.inputs.entries()) {
    const now = { node: feed, index: 0 };
    if (isInvariant(body, index) || variableOf(body, now) !== undefined) continue;
    if (node.outputTypes[index] !== "float32") return undefined;
    const carried = body.outputs[index] as Edge;
    const [mask, next, old] = carried.node.inputs;
    const isChoice = carried.node.op === "SelectV2" && old !== undefined && isSame(old, now);
    variables.push(
      isChoice
        ? { index, now, next: next as Edge, mask: untiled(mask as Edge), carried }
        : { index, now, next: carried, mask: undefined, carried },
    );
  }
  return variables;
}

/** What a mask is before it is repeated for every unit. */
function untiled(mask: Edge): Edge {
  return mask.node.op === "Tile" || mask.node.op === "BroadcastTo" ? (mask.node.inputs[0] as Edge) : mask;
}

/** The one mask of all variables, one column of bools; undefined when there is none. */
function maskOf(variables: readonly Variable[], body: Analyzed): Edge | undefined {
  const [mask] = variables.map((variable) => variable.mask);
  const isShared = variables.every((variable) => variable.mask && mask && isSame(variable.mask, mask));
  if (mask === undefined || !isShared || edgeType(mask) !== "bool") return undefined;
  const { shape } = knownOf(body.known, mask);
  return shape?.length === 2 && shape[1] === 1 ? mask : undefined;
}

/** What a yielded edge is where the mask is false; undefined when it is not the hidden state with or without the mask. */
function heldOf(
  edge: Edge,
  hidden: Variable,
  lastOutput: Variable | undefined,
  mask: Edge | undefined,
  outside: (edge: Edge) => Edge,
): Held | undefined {
  if (isSame(edge, hidden.carried)) return "state";
  if (lastOutput !== undefined && isSame(edge, lastOutput.carried)) return "output";
  const [condition, yes, no] = edge.node.inputs;
  if (mask === undefined || edge.node.op !== "SelectV2" || no === undefined) return undefined;
  const isMasked = isSame(untiled(condition as Edge), mask) && isSame(yes as Edge, hidden.next);
  return isMasked && isZero(outside(no)) ? "zeros" : undefined;
}

/** What an argument that the loop never changes is outside of it. */
function outsideOf(node: Node, body: Graph, edge: Edge): Edge {
  const index = body.inputs.indexOf(edge.node);
  return index >= 0 && isInvariant(body, index) ? (node.inputs[index] as Edge) : edge;
}

function isZero(edge: Edge): boolean {
  const { node } = edge;
  if (node.op === "ZerosLike") return true;
  return (
    node.constant?.dtype === "float32" &&
    (node.constant.read().data as Float32Array).every((value) => value === 0)
  );
}

/** Whether somebody reads a counter after the loop. */
function readsOtherResults(node: Node, { graph }: Analyzed, variables: readonly Variable[]): boolean {
  const read = [...graph.nodes.flatMap((each) => each.inputs), ...graph.outputs].filter(
    (edge) => edge.node === node && edge.index < node.inputs.length,
  );
  return read.some((edge) => !variables.some(({ index }) => index === edge.index));
}

// ---- sizes ---------------------------------------------------------------------------------------------------

/** Whether every weight has the size that its place wants, and nothing but the row and the state is multiplied. */
function fits({ cell, row, inputs, units }: Recurrence): boolean {
  const widthOf = (factor: Edge): number | undefined => {
    if (isSame(factor, row)) return inputs;
    if (isSame(factor, cell.hidden)) return units;
    return cell.kind === "GRU" && cell.resetState !== undefined && isSame(factor, cell.resetState)
      ? units
      : undefined;
  };
  const fitsColumns = (weight: Weight, shape: readonly number[]) =>
    weight.source.constant?.dtype === "float32" &&
    (weight.columns === undefined
      ? shape.at(-1) === units
      : weight.columns[1] - weight.columns[0] === units && weight.columns[1] <= (shape.at(-1) ?? 0));
  const isSound = (affine: Affine): boolean =>
    affine.products.every(({ factor, weight }) => {
      const shape = weight.source.constant?.shape ?? [];
      const [from, to] = weight.rows ?? [0, shape[0] ?? 0];
      return shape.length === 2 && to - from === widthOf(factor) && fitsColumns(weight, shape);
    }) &&
    affine.biases.every((bias) => {
      const shape = bias.source.constant?.shape ?? [0, 0];
      return shape.length === 0 || (shape.length === 1 && fitsColumns(bias, shape));
    });
  const only = (affine: Affine, factor: Edge) =>
    affine.products.every((product) => isSame(product.factor, factor));
  if (!Object.values(cell.gates).every(isSound)) return false;
  if (cell.kind !== "GRU") return true;
  const direct = [cell.gates.update, cell.gates.reset].flatMap((gate) => gate.products);
  if (direct.some(({ factor }) => !isSame(factor, row) && !isSame(factor, cell.hidden))) return false;
  if (cell.resetAfter === undefined)
    return cell.gates.hidden.products.every(({ factor }) => !isSame(factor, cell.hidden));
  return isSound(cell.resetAfter) && only(cell.resetAfter, cell.hidden) && only(cell.gates.hidden, row);
}
