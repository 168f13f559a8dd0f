/**
 * Loops that are recurrent layers → one ONNX LSTM, GRU or RNN: their kernels do all steps at once, with the products of
 * the inputs done beforehand. Expects the form of passes/scan-loops.ts: a step gathers one row of a sequence, and what
 * it yields is stacked.
 */
import type { DType } from "@servable/formats";
import type { ConstantSource } from "../graph/constant.js";
import { type Edge, edgeName, edgeType, isInvariant, isLoop, type Node } from "../graph/graph.js";
import { OnnxEmitter, type OnnxFragment, type OnnxValue } from "../onnx/emitter.js";
import type { OnnxAttrs, OnnxOp } from "../onnx/onnx-graph.js";
import { type Analyzed, knownOf } from "../passes/analyze.js";
import { scalarOf, type TripCount, tripCount, variableOf } from "../passes/loop-counters.js";
import { type Affine, biasOf, matrixOf, type Weight } from "./affine.js";
import { type Cell, type Gate, type Nonlinearity, recurrentCell, type State } from "./recurrent-cell.js";

interface Recurrence {
  readonly cell: Cell;
  /** Index of the loop's argument that holds the sequence: [steps, batch, inputs]. */
  readonly sequence: number;
  /** One row of it, in the body. */
  readonly row: Edge;
  readonly inputs: number;
  readonly units: number;
  /** Whether the loop makes as many steps as the sequence is long, for sure. */
  readonly isWhole: boolean;
  readonly steps: TripCount;
  /** Indices of the loop variables that hold the states. */
  readonly hidden: number;
  readonly cellState: number | undefined;
}

/** The loop as a fragment; undefined when it is no recurrent layer that ONNX Runtime knows. */
export function convertRecurrence(node: Node, analyzed: Analyzed): OnnxFragment | undefined {
  const recurrence = isLoop(node) ? recurrenceOf(node, analyzed) : undefined;
  return recurrence && emit(node, recurrence);
}

// ---- recognising ---------------------------------------------------------------------------------------------

function recurrenceOf(node: Node, analyzed: Analyzed): Recurrence | undefined {
  const [, body] = analyzed.bodies.get(node) ?? [];
  const steps = tripCount(node);
  if (body === undefined || steps === undefined || body.graph.effects.length > 0) return undefined;
  const read = sequenceOf(node, body);
  if (read === undefined) return undefined;
  const sequenceShape = knownOf(analyzed.known, node.inputs[read.sequence] as Edge).shape;
  const states = statesOf(node, body);
  const [length, , inputs] = sequenceShape?.length === 3 ? sequenceShape : [];
  const width = (edge: Edge) => {
    const size = knownOf(body.known, edge).shape?.[1];
    return size === undefined || size < 0 ? undefined : size;
  };
  const cell =
    states &&
    recurrentCell(
      states.map(({ state }) => state),
      width,
    );
  if (cell === undefined || states === undefined || inputs === undefined || inputs < 0) return undefined;
  const units = width(cell.hidden);
  const indexOf = (edge: Edge) => states.findIndex(({ state }) => state.now.node === edge.node);
  const hidden = states[indexOf(cell.hidden)];
  if (units === undefined || hidden === undefined) return undefined;
  const isWhole = length !== undefined && length >= 0 && steps.count === length;
  const cellState = cell.kind === "LSTM" ? states[indexOf(cell.cellState)]?.index : undefined;
  const found = { cell, ...read, inputs, units, isWhole, steps, hidden: hidden.index, cellState };
  const yields = body.graph.outputs.slice(node.inputs.length);
  const isOutput = yields.every((edge) => isSame(edge, hidden.state.next));
  return isOutput && fits(found) && !readsOtherResults(node, analyzed, states) ? found : undefined;
}

function isSame(a: Edge, b: Edge): boolean {
  return a.node === b.node && a.index === b.index;
}

/** The one sequence of which each step reads the row that is its number. */
function sequenceOf(node: Node, body: Analyzed): Pick<Recurrence, "sequence" | "row"> | undefined {
  const gathers = body.graph.nodes.filter((each) => each.op === "GatherV2");
  const [gather] = gathers;
  if (gather === undefined || gathers.length > 1 || gather.attrs.int("batch_dims") !== 0) return undefined;
  const [rows, index, axis] = gather.inputs as [Edge, Edge, Edge];
  const sequence = body.graph.inputs.indexOf(rows.node);
  const counter = variableOf(body.graph, index);
  if (sequence < 0 || !isInvariant(body.graph, sequence) || scalarOf(axis) !== 0) return undefined;
  if (counter?.step !== 1 || scalarOf(node.inputs[counter.index]) !== 0) return undefined;
  return edgeType(rows) === "float32" ? { sequence, row: { node: gather, index: 0 } } : undefined;
}

/** What goes round besides counters; undefined when something other than float32 does. */
function statesOf(node: Node, body: Analyzed): { index: number; state: State }[] | undefined {
  const states: { index: number; state: State }[] = [];
  for (const [index, feed] of body.graph.inputs.entries()) {
    const now = { node: feed, index: 0 };
    if (isInvariant(body.graph, index) || variableOf(body.graph, now) !== undefined) continue;
    if (node.outputTypes[index] !== "float32") return undefined;
    states.push({ index, state: { now, next: body.graph.outputs[index] as Edge } });
  }
  return states;
}

/** Whether somebody reads a counter after the loop. */
function readsOtherResults(node: Node, { graph }: Analyzed, states: readonly { index: number }[]): boolean {
  const read = [...graph.nodes.flatMap((each) => each.inputs), ...graph.outputs].filter(
    (edge) => edge.node === node && edge.index < node.inputs.length,
  );
  return read.some((edge) => !states.some(({ index }) => index === edge.index));
}

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

// ---- emitting ------------------------------------------------------------------------------------------------

/** The order in which each operator wants its gates. */
const gateOrder: Readonly<Record<Cell["kind"], readonly Gate[]>> = {
  LSTM: ["input", "output", "forget", "cell"],
  GRU: ["update", "reset", "hidden"],
  RNN: ["hidden"],
};

function emit(node: Node, recurrence: Recurrence): OnnxFragment {
  const { cell, units, hidden, cellState } = recurrence;
  const g = new OnnxEmitter(node.name);
  const initializers = new Map<string, ConstantSource>();
  const weight = (name: string, source: ConstantSource): OnnxValue => {
    const fresh = g.fresh(name);
    initializers.set(fresh, source);
    return { name: fresh, dtype: source.dtype };
  };
  const input = (index: number): OnnxValue => inputValue(node.inputs[index] as Edge);
  const state = (index: number) => g.op("Unsqueeze", [input(index), g.ints([0])]);
  const { w, r, b } = weightsOf(recurrence);
  const outputs = g.opWithOutputs(
    cell.kind,
    cellState === undefined ? 2 : 3,
    [
      sequenceValue(g, node, recurrence, initializers),
      weight("W", w),
      weight("R", r),
      weight("B", b),
      undefined,
      state(hidden),
      ...(cellState === undefined ? [] : [state(cellState)]),
    ],
    {
      hidden_size: units,
      activations: { strings: cell.activations.map(({ name }) => name) },
      ...parameters(cell.activations),
      ...(cell.kind === "GRU" && { linear_before_reset: cell.resetAfter === undefined ? 0 : 1 }),
    },
  );
  const [all, lastHidden, lastCell] = outputs as [OnnxValue, OnnxValue, OnnxValue | undefined];
  const results = new Map<number, OnnxValue>([[hidden, g.op("Squeeze", [lastHidden, g.ints([0])])]]);
  if (cellState !== undefined && lastCell !== undefined) {
    results.set(cellState, g.op("Squeeze", [lastCell, g.ints([0])]));
  }
  for (let i = node.inputs.length; i < node.outputTypes.length; i++) {
    results.set(i, g.op("Squeeze", [all, g.ints([1])]));
  }
  const fragment = g.finish([]);
  const copies = [...results].map(([index, value]): OnnxOp => {
    const name = edgeName({ node, index });
    return { type: "Identity", name, inputs: [value.name], outputs: [name], attrs: {} };
  });
  return {
    ops: [...fragment.ops, ...copies],
    initializers: new Map([...fragment.initializers, ...initializers]),
    outputs: [...results].map(([index, { dtype }]) => ({ name: edgeName({ node, index }), dtype })),
  };
}

/** Of the nonlinearities that take parameters, in order. */
function parameters(activations: readonly Nonlinearity[]): OnnxAttrs {
  const alphas = activations.flatMap(({ alpha }) => alpha ?? []);
  const betas = activations.flatMap(({ beta }) => beta ?? []);
  return {
    ...(alphas.length > 0 && { activation_alpha: { floats: alphas } }),
    ...(betas.length > 0 && { activation_beta: { floats: betas } }),
  };
}

function inputValue(edge: Edge): OnnxValue {
  return { name: edgeName(edge), dtype: edgeType(edge) as DType };
}

/** The rows that the loop reads: all, or as many as it makes steps. */
function sequenceValue(
  g: OnnxEmitter,
  node: Node,
  { sequence, isWhole, steps }: Recurrence,
  initializers: Map<string, ConstantSource>,
): OnnxValue {
  const value = inputValue(node.inputs[sequence] as Edge);
  if (isWhole) return value;
  const limits = steps.limits.map((edge) => {
    if (edge.node.constant !== undefined) initializers.set(edgeName(edge), edge.node.constant);
    return g.op("Reshape", [g.cast(inputValue(edge), "int64"), g.ints([1])]);
  });
  const end = limits.reduce((a, b) => g.op("Min", [a, b]));
  return g.op("Slice", [value, g.ints([0]), g.op("Max", [end, g.ints([0])]), g.ints([0])]);
}

/** Weights in the operator's layout: one row per gate and unit. They are put together when a session is made. */
function weightsOf(recurrence: Recurrence): Record<"w" | "r" | "b", ConstantSource> {
  const { cell, row, inputs, units } = recurrence;
  const order = gateOrder[cell.kind];
  const gates = order.map((gate) => (cell.gates as Readonly<Record<string, Affine>>)[gate] as Affine);
  const stacked = (factorOf: (gate: number) => readonly [Affine, Edge], rows: number): ConstantSource => ({
    dtype: "float32",
    shape: [1, order.length * units, rows],
    read: () => {
      const data = new Float32Array(order.length * units * rows);
      gates.forEach((_, gate) => {
        const [affine, factor] = factorOf(gate);
        transposeInto(data, gate * units * rows, matrixOf(affine, factor, rows, units), rows, units);
      });
      return { dtype: "float32", shape: [1, order.length * units, rows], data };
    },
  });
  return {
    w: stacked((gate) => [gates[gate] as Affine, row], inputs),
    r: stacked((gate) => stateProduct(cell, order[gate] as Gate, gates[gate] as Affine), units),
    b: {
      dtype: "float32",
      shape: [1, 2 * order.length * units],
      read: () => ({
        dtype: "float32",
        shape: [1, 2 * order.length * units],
        data: biases(recurrence, gates),
      }),
    },
  };
}

/** What the state is multiplied with for a gate. */
function stateProduct(cell: Cell, gate: Gate, affine: Affine): readonly [Affine, Edge] {
  if (cell.kind !== "GRU" || gate !== "hidden") return [affine, cell.hidden];
  return cell.resetAfter === undefined ? [affine, cell.resetState as Edge] : [cell.resetAfter, cell.hidden];
}

/** Biases of the products with the input, then of those with the state. */
function biases({ cell, units }: Recurrence, gates: readonly Affine[]): Float32Array {
  const data = new Float32Array(2 * gates.length * units);
  gates.forEach((gate, i) => {
    data.set(biasOf(gate, units), i * units);
  });
  if (cell.kind === "GRU" && cell.resetAfter !== undefined) {
    data.set(biasOf(cell.resetAfter, units), (2 * gates.length - 1) * units);
  }
  return data;
}

function transposeInto(
  target: Float32Array,
  at: number,
  matrix: Float32Array,
  rows: number,
  columns: number,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      target[at + column * rows + row] = matrix[row * columns + column] as number;
    }
  }
}
