/**
 * Recognises the cells of recurrent layers in the body of a loop: LSTM, GRU (with the reset gate before or after the
 * product), and the plain cell, as Keras 2, Keras 3 and TensorFlow 1 write them, in any order of gates and operands.
 *
 * Equations: those of the ONNX operators LSTM, GRU and RNN, which name the gates used here.
 */
import type { Edge } from "../graph/graph.js";
import { type Affine, affineOf, columnsOf, columnsOfSum, type WidthOf } from "./affine.js";

export type Gate = "input" | "output" | "forget" | "cell" | "update" | "reset" | "hidden";

/** A cell: what each gate sums up, and which nonlinearities follow. */
export type Cell =
  | {
      readonly kind: "LSTM";
      readonly hidden: Edge;
      readonly cellState: Edge;
      readonly gates: Readonly<Record<"input" | "output" | "forget" | "cell", Affine>>;
      readonly activations: readonly [gates: Nonlinearity, cell: Nonlinearity, output: Nonlinearity];
    }
  | {
      readonly kind: "GRU";
      readonly hidden: Edge;
      readonly gates: Readonly<Record<"update" | "reset" | "hidden", Affine>>;
      /** Of the gate "hidden": what the reset gate is multiplied with, when it comes after the product with the state. */
      readonly resetAfter: Affine | undefined;
      /** What stands for the state in the gate "hidden", when the reset gate comes before the product. */
      readonly resetState: Edge | undefined;
      readonly activations: readonly [gates: Nonlinearity, hidden: Nonlinearity];
    }
  | {
      readonly kind: "RNN";
      readonly hidden: Edge;
      readonly gates: Readonly<Record<"hidden", Affine>>;
      readonly activations: readonly [hidden: Nonlinearity];
    };

/** What a loop does with one state: its value at the start of a step, and the next. */
export interface State {
  readonly now: Edge;
  readonly next: Edge;
}

/** A nonlinearity that ONNX Runtime's recurrent kernels know, by its name there. */
export interface Nonlinearity {
  readonly name: string;
  readonly alpha?: number;
  readonly beta?: number;
}

/** TensorFlow's ops that are such. */
const activations: Readonly<Record<string, string>> = {
  Sigmoid: "Sigmoid",
  Tanh: "Tanh",
  Relu: "Relu",
  Softsign: "Softsign",
  Softplus: "Softplus",
};

/** The cell that turns these states into their next values; undefined when it is none that is known. */
export function recurrentCell(states: readonly State[], width: WidthOf): Cell | undefined {
  const [first, second] = states;
  if (first === undefined) return undefined;
  if (states.length === 1) return gru(first, width) ?? plain(first, width);
  if (states.length !== 2 || second === undefined) return undefined;
  return lstm(first, second, width) ?? lstm(second, first, width);
}

// ---- patterns ------------------------------------------------------------------------------------------------

function isSame(a: Edge, b: Edge): boolean {
  return a.node === b.node && a.index === b.index;
}

/** The two operands of an op that doesn't care about their order, in both orders. */
function operands(edge: Edge, ...ops: readonly string[]): readonly (readonly [Edge, Edge])[] {
  const { node } = edge;
  if (!ops.includes(node.op) || node.inputs.length !== 2) return [];
  const [a, b] = node.inputs as [Edge, Edge];
  return [
    [a, b],
    [b, a],
  ];
}

const sums = (edge: Edge) => operands(edge, "Add", "AddV2");
const products = (edge: Edge) => operands(edge, "Mul");

/** The first result that is one. */
function firstOf<T>(candidates: Iterable<T>, match: (candidate: T) => Cell | undefined): Cell | undefined {
  for (const candidate of candidates) {
    const found = match(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Activated {
  readonly activation: Nonlinearity;
  readonly sum: Affine;
}

/** The nonlinearity that an edge comes out of, and what goes in. */
function nonlinearity(edge: Edge): { activation: Nonlinearity; of: Edge } | undefined {
  const name = activations[edge.node.op];
  if (name !== undefined) return { activation: { name }, of: edge.node.inputs[0] as Edge };
  return hardSigmoid(edge);
}

/** relu6(x + 3) / 6, as Keras 3 writes it, or min(max(0.2 x + 0.5, 0), 1), as Keras 2 did. */
function hardSigmoid(edge: Edge): { activation: Nonlinearity; of: Edge } | undefined {
  const [clipped, six] = edge.node.inputs;
  if (edge.node.op === "RealDiv" && clipped?.node.op === "Relu6" && numberOf(six) === 6) {
    const shifted = withNumber(clipped.node.inputs[0] as Edge, ["Add", "AddV2"]);
    return shifted?.number === 3
      ? { activation: { name: "HardSigmoid", alpha: 1 / 6, beta: 0.5 }, of: shifted.other }
      : undefined;
  }
  const outer = withNumber(edge, ["Maximum", "Minimum"]);
  const inner = outer && withNumber(outer.other, ["Maximum", "Minimum"]);
  const isClip = inner && edge.node.op !== outer.other.node.op;
  const bounds = isClip ? [outer.number, inner.number].sort((a, b) => a - b) : [];
  if (inner === undefined || bounds[0] !== 0 || bounds[1] !== 1) return undefined;
  const shifted = withNumber(inner.other, ["Add", "AddV2"]);
  const scaled = shifted && withNumber(shifted.other, ["Mul"]);
  if (shifted === undefined || scaled === undefined) return undefined;
  return {
    activation: { name: "HardSigmoid", alpha: scaled.number, beta: shifted.number },
    of: scaled.other,
  };
}

/** An op on a number and something else. */
function withNumber(edge: Edge, ops: readonly string[]): { number: number; other: Edge } | undefined {
  for (const [a, b] of operands(edge, ...ops)) {
    const number = numberOf(b);
    if (number !== undefined) return { number, other: a };
  }
  return undefined;
}

function numberOf(edge: Edge | undefined): number | undefined {
  const source = edge?.node.constant;
  return source?.dtype === "float32" && source.shape.length === 0 ? Number(source.read().data[0]) : undefined;
}

function isSameNonlinearity(a: Nonlinearity | undefined, b: Nonlinearity): boolean {
  return a?.name === b.name && a.alpha === b.alpha && a.beta === b.beta;
}

/** A nonlinearity of a sum, or some columns of one. */
function activated(edge: Edge, width: WidthOf): Activated | undefined {
  const slice = columnsOf(edge, width);
  const found = nonlinearity(slice?.whole ?? edge);
  const sum = found && affineOf(found.of, width);
  if (sum === undefined) return undefined;
  return {
    activation: found?.activation as Nonlinearity,
    sum: slice === undefined ? sum : columnsOfSum(sum, slice.columns),
  };
}

// ---- LSTM ----------------------------------------------------------------------------------------------------

/** h' = o · act(c'), c' = f · c + i · g */
function lstm(h: State, c: State, width: WidthOf): Cell | undefined {
  return (
    lstmBlock(h, c) ??
    firstOf(products(h.next), ([o, squashed]) => {
      const last = nonlinearity(squashed);
      const output = last !== undefined && isSame(last.of, c.next) ? activated(o, width) : undefined;
      return output && last && cellUpdate(h, c, output, last.activation, width);
    })
  );
}

function cellUpdate(
  h: State,
  c: State,
  output: Activated,
  last: Nonlinearity,
  width: WidthOf,
): Cell | undefined {
  return firstOf(sums(c.next), ([kept, added]) =>
    firstOf(products(kept), ([f, old]) => {
      const forget = isSame(old, c.now) ? activated(f, width) : undefined;
      if (forget === undefined || !isSameNonlinearity(forget.activation, output.activation)) return undefined;
      return firstOf(products(added), ([i, g]) => {
        const [input, cell] = [activated(i, width), activated(g, width)];
        // Either factor may be the gate: the one with the gates' nonlinearity is, Tanh being the other's more often.
        if (input === undefined || cell === undefined) return undefined;
        if (!isSameNonlinearity(input.activation, output.activation)) return undefined;
        return {
          kind: "LSTM",
          hidden: h.now,
          cellState: c.now,
          gates: { input: input.sum, output: output.sum, forget: forget.sum, cell: cell.sum },
          activations: [output.activation, cell.activation, last],
        };
      });
    }),
  );
}

/** TensorFlow's fused cell: gates in the order input, cell, forget, output over the columns of one matrix. */
function lstmBlock(h: State, c: State): Cell | undefined {
  const { node } = h.next;
  if (node.op !== "LSTMBlockCell" || c.next.node !== node || h.next.index !== 6 || c.next.index !== 1) {
    return undefined;
  }
  const [x, cs, hidden, weights, , , , bias] = node.inputs as Edge[];
  const isPlain = !node.attrs.bool("use_peephole") && node.attrs.float("cell_clip") <= 0;
  if (!isPlain || x === undefined || weights === undefined || bias === undefined) return undefined;
  if (!isSame(cs as Edge, c.now) || !isSame(hidden as Edge, h.now)) return undefined;
  const [rows, columns] = weights.node.constant?.shape ?? [];
  if (rows === undefined || columns === undefined || bias.node.constant === undefined) return undefined;
  const units = columns / 4;
  const inputs = rows - units;
  const gate = (index: number): Affine => {
    const part = { columns: [index * units, (index + 1) * units] } as const;
    return {
      products: [
        { factor: x, weight: { source: weights.node, rows: [0, inputs], ...part } },
        { factor: h.now, weight: { source: weights.node, rows: [inputs, rows], ...part } },
      ],
      biases: [{ source: bias.node, ...part }],
      offset: index === 2 ? node.attrs.float("forget_bias") : 0,
    };
  };
  return {
    kind: "LSTM",
    hidden: h.now,
    cellState: c.now,
    gates: { input: gate(0), cell: gate(1), forget: gate(2), output: gate(3) },
    activations: [{ name: "Sigmoid" }, { name: "Tanh" }, { name: "Tanh" }],
  };
}

// ---- GRU -----------------------------------------------------------------------------------------------------

/** h' = z · h + (1 − z) · g */
function gru(h: State, width: WidthOf): Cell | undefined {
  return (
    gruBlock(h) ??
    firstOf(sums(h.next), ([kept, added]) =>
      firstOf(products(kept), ([z, old]) => {
        const update = isSame(old, h.now) ? activated(z, width) : undefined;
        if (update === undefined) return undefined;
        return firstOf(products(added), ([rest, g]) => {
          const isRest =
            rest.node.op === "Sub" &&
            numberOf(rest.node.inputs[0]) === 1 &&
            isSame(rest.node.inputs[1] as Edge, z);
          return isRest ? candidate(h, update, g, width) : undefined;
        });
      }),
    )
  );
}

/** g = act(x·W + r · (h·R)), or act(x·W + (r · h)·R) */
function candidate(h: State, update: Activated, g: Edge, width: WidthOf): Cell | undefined {
  const found = nonlinearity(g);
  if (found === undefined) return undefined;
  const { activation, of: inner } = found;
  const cell = (
    reset: Activated | undefined,
    hidden: Affine,
    more: Pick<GruCell, "resetAfter" | "resetState">,
  ) =>
    reset === undefined || !isSameNonlinearity(reset.activation, update.activation)
      ? undefined
      : ({
          kind: "GRU",
          hidden: h.now,
          gates: { update: update.sum, reset: reset.sum, hidden },
          ...more,
          activations: [update.activation, activation],
        } as const);
  const after = firstOf(sums(inner), ([fromInput, scaled]) =>
    firstOf(products(scaled), ([r, fromState]) => {
      const [hidden, resetAfter] = [affineOf(fromInput, width), affineOf(fromState, width)];
      if (hidden === undefined || resetAfter === undefined) return undefined;
      return cell(activated(r, width), hidden, { resetAfter, resetState: undefined });
    }),
  );
  if (after !== undefined) return after;
  const hidden = affineOf(inner, width);
  const scaled = hidden?.products.map(({ factor }) => factor).find((factor) => factor.node.op === "Mul");
  if (hidden === undefined || scaled === undefined) return undefined;
  return firstOf(products(scaled), ([r, state]) =>
    isSame(state, h.now)
      ? cell(activated(r, width), hidden, { resetAfter: undefined, resetState: scaled })
      : undefined,
  );
}

type GruCell = Extract<Cell, { kind: "GRU" }>;

/** TensorFlow's fused cell: reset and update gate over the columns of one matrix, the candidate over another. */
function gruBlock(h: State): Cell | undefined {
  const { node } = h.next;
  if (node.op !== "GRUBlockCell" || h.next.index !== 3) return undefined;
  const [x, hidden, gateWeights, weights, gateBias, bias] = node.inputs as [
    Edge,
    Edge,
    Edge,
    Edge,
    Edge,
    Edge,
  ];
  const areConstants = [gateWeights, weights, gateBias, bias].every(
    (edge) => edge.node.constant !== undefined,
  );
  const [rows, units] = weights.node.constant?.shape ?? [];
  if (!areConstants || rows === undefined || units === undefined || !isSame(hidden, h.now)) return undefined;
  const inputs = rows - units;
  const resetState: Edge = { node, index: 0 };
  const gate = (source: Edge, offsets: Edge, state: Edge, index?: number): Affine => {
    const whole: Affine = {
      products: [
        { factor: x, weight: { source: source.node, rows: [0, inputs] } },
        { factor: state, weight: { source: source.node, rows: [inputs, rows] } },
      ],
      biases: [{ source: offsets.node }],
    };
    return index === undefined ? whole : columnsOfSum(whole, [index * units, (index + 1) * units]);
  };
  return {
    kind: "GRU",
    hidden: h.now,
    gates: {
      reset: gate(gateWeights, gateBias, h.now, 0),
      update: gate(gateWeights, gateBias, h.now, 1),
      hidden: gate(weights, bias, resetState),
    },
    resetAfter: undefined,
    resetState,
    activations: [{ name: "Sigmoid" }, { name: "Tanh" }],
  };
}

// ---- the plain cell --------------------------------------------------------------------------------------------

/** h' = act(x·W + h·R + b) */
function plain(h: State, width: WidthOf): Cell | undefined {
  const hidden = activated(h.next, width);
  return (
    hidden && { kind: "RNN", hidden: h.now, gates: { hidden: hidden.sum }, activations: [hidden.activation] }
  );
}
