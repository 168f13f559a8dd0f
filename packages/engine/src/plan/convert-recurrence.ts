/**
 * Loops that are recurrent layers → one ONNX LSTM, GRU or RNN: their kernels do all steps at once, with the products of
 * the inputs done beforehand.
 *
 * A mask leaves out steps, of each row others; the operators can only leave out the last steps of a row. So the steps
 * that count are moved to the front, and the results back to where they belong.
 */
import type { DType } from "@servable/formats";
import type { ConstantSource } from "../graph/constant.js";
import { type Edge, edgeName, edgeType, isLoop, type Node } from "../graph/graph.js";
import { OnnxEmitter, type OnnxFragment, type OnnxValue } from "../onnx/emitter.js";
import type { OnnxAttrs, OnnxOp } from "../onnx/onnx-graph.js";
import type { Analyzed } from "../passes/analyze.js";
import { type Affine, biasOf, matrixOf } from "./affine.js";
import { type Held, type Recurrence, recurrenceOf } from "./recurrence.js";
import type { Cell, Gate, Nonlinearity } from "./recurrent-cell.js";

/** The loop as a fragment; undefined when it is no recurrent layer that ONNX Runtime knows. */
export function convertRecurrence(node: Node, analyzed: Analyzed): OnnxFragment | undefined {
  const recurrence = isLoop(node) ? recurrenceOf(node, analyzed) : undefined;
  return recurrence && new RecurrenceEmitter(node, recurrence).emit();
}

/** The order in which each operator wants its gates. */
const gateOrder: Readonly<Record<Cell["kind"], readonly Gate[]>> = {
  LSTM: ["input", "output", "forget", "cell"],
  GRU: ["update", "reset", "hidden"],
  RNN: ["hidden"],
};

/** What is known of the steps that count. Shapes: S steps, B rows. */
interface Steps {
  /** int32 [B]: how many count. */
  readonly lengths: OnnxValue;
  /** int64 [S, B]: the steps in the order in which they are done. */
  readonly order: OnnxValue;
  /** int64 [S, B]: how many of the steps up to each one count. */
  readonly counts: OnnxValue;
  /** bool [S, B, 1]. */
  readonly mask: OnnxValue;
}

class RecurrenceEmitter {
  private readonly g: OnnxEmitter;
  private readonly initializers = new Map<string, ConstantSource>();

  constructor(
    private readonly node: Node,
    private readonly recurrence: Recurrence,
  ) {
    this.g = new OnnxEmitter(node.name);
  }

  emit(): OnnxFragment {
    const { hidden, cellState, lastOutput, yields, mask } = this.recurrence;
    const sequence = this.notEmpty(this.rows(this.recurrence.sequence));
    const steps = mask === undefined ? undefined : this.steps(this.notEmpty(this.rows(mask)));
    const [all, lastHidden, lastCell] = this.layer(sequence, steps);
    const results = new Map<number, OnnxValue>([[hidden, this.last(lastHidden, hidden, steps)]]);
    if (cellState !== undefined && lastCell !== undefined) {
      results.set(cellState, this.last(lastCell, cellState, steps));
    }
    if (lastOutput !== undefined) results.set(lastOutput, this.last(lastHidden, lastOutput, steps));
    yields.forEach((held, i) => {
      results.set(this.node.inputs.length + i, this.yielded(all, held, steps));
    });
    return this.fragment(results);
  }

  private fragment(results: ReadonlyMap<number, OnnxValue>): OnnxFragment {
    const { ops, initializers } = this.g.finish([]);
    const outputs = [...results].map(([index, { dtype }]) => ({
      name: edgeName({ node: this.node, index }),
      dtype,
    }));
    const copies = [...results.values()].map(({ name }, i): OnnxOp => {
      const copy = (outputs[i] as OnnxValue).name;
      return { type: "Identity", name: copy, inputs: [name], outputs: [copy], attrs: {} };
    });
    return {
      ops: [...ops, ...copies],
      initializers: new Map([...initializers, ...this.initializers]),
      outputs,
    };
  }

  private input(index: number): OnnxValue {
    return inputValue(this.node.inputs[index] as Edge);
  }

  private weight(name: string, source: ConstantSource): OnnxValue {
    const fresh = this.g.fresh(name);
    this.initializers.set(fresh, source);
    return { name: fresh, dtype: source.dtype };
  }

  /** The rows of an argument that the loop reads: all, or as many as it makes steps. */
  private rows(argument: number): OnnxValue {
    const { g } = this;
    const { isWhole, steps } = this.recurrence;
    const value = this.input(argument);
    if (isWhole) return value;
    const limits = steps.limits.map((edge) => {
      if (edge.node.constant !== undefined) this.initializers.set(edgeName(edge), edge.node.constant);
      return g.op("Reshape", [g.cast(inputValue(edge), "int64"), g.ints([1])]);
    });
    const end = limits.reduce((a, b) => g.op("Min", [a, b]));
    return g.op("Slice", [value, g.ints([0]), g.op("Max", [end, g.ints([0])]), g.ints([0])]);
  }

  /**
   * Steps of rows, of which there are some: ONNX Runtime 1.30 ends the process on an LSTM or GRU without rows, on a GRU
   * without steps, and on the TopK of a mask without rows. Such a tensor does not fit this reshape, which is an error.
   */
  private notEmpty(steps: OnnxValue): OnnxValue {
    const { g } = this;
    const { cell, mask } = this.recurrence;
    if (cell.kind === "RNN" && mask === undefined) return steps;
    const least = g.ints([cell.kind === "GRU" ? 1 : 0, 1, 0]);
    return g.op("Reshape", [steps, g.op("Max", [g.op("Shape", [steps]), least])], { allowzero: 1 });
  }

  /** All outputs [S, B, units], and the last states [1, B, units]. */
  private layer(
    sequence: OnnxValue,
    steps: Steps | undefined,
  ): readonly [OnnxValue, OnnxValue, OnnxValue | undefined] {
    const { g } = this;
    const { cell, units, hidden, cellState } = this.recurrence;
    const state = (index: number) => g.op("Unsqueeze", [this.input(index), g.ints([0])]);
    const { w, r, b } = weightsOf(this.recurrence);
    const [all, lastHidden, lastCell] = g.opWithOutputs(
      cell.kind,
      cellState === undefined ? 2 : 3,
      [
        steps === undefined ? sequence : this.moved(sequence, steps.order),
        this.weight("W", w),
        this.weight("R", r),
        this.weight("B", b),
        steps?.lengths,
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
    return [g.op("Squeeze", [all as OnnxValue, g.ints([1])]), lastHidden as OnnxValue, lastCell];
  }

  /** The last value of a variable; rows of which no step counts keep what the loop was given. */
  private last(value: OnnxValue, variable: number, steps: Steps | undefined): OnnxValue {
    const { g } = this;
    const last = g.op("Squeeze", [value, g.ints([0])]);
    if (steps === undefined) return last;
    const isAny = g.op("Greater", [steps.lengths, g.scalar("int32", 0)]);
    return this.choose(g.op("Unsqueeze", [isAny, g.ints([1])]), last, this.input(variable));
  }

  // ---- masks ----

  private steps(rows: OnnxValue): Steps {
    const { g } = this;
    const mask = g.op("Squeeze", [rows, g.ints([2])]);
    const ones = g.cast(mask, "int64");
    const count = g.op("Gather", [g.op("Shape", [mask], {}, { types: ["int64"] }), g.scalar("int64", 0)]);
    const numbers = g.op("Range", [g.scalar("int64", 0), count, g.scalar("int64", 1)]);
    const numbered = g.op("Unsqueeze", [numbers, g.ints([1])]);
    // Steps that count come first, each kind in its order.
    const key = this.choose(mask, numbered, g.op("Add", [numbered, count]));
    const k = g.op("Reshape", [count, g.ints([1])]);
    const sorted = g.opWithOutputs(
      "TopK",
      2,
      [key, k],
      { axis: 0, largest: 0, sorted: 1 },
      {
        types: ["int64", "int64"],
      },
    );
    return {
      lengths: g.op("ReduceSum", [g.cast(mask, "int32"), g.ints([0])], { keepdims: 0 }),
      order: sorted[1] as OnnxValue,
      counts: g.op("CumSum", [ones, g.scalar("int64", 0)]),
      mask: rows,
    };
  }

  /** Rows [S, B, …] by step numbers [S, B]. */
  private moved(rows: OnnxValue, numbers: OnnxValue): OnnxValue {
    const { g } = this;
    const shape = g.op("Shape", [rows], {}, { types: ["int64"] });
    const everywhere = g.op("Expand", [g.op("Unsqueeze", [numbers, g.ints([2])]), shape]);
    return g.op("GatherElements", [rows, everywhere], { axis: 0 });
  }

  /** What a step yields: its own result, or where the mask is false that of the last step that counts. */
  private yielded(all: OnnxValue, held: Held, steps: Steps | undefined): OnnxValue {
    if (steps === undefined) return all;
    const { g } = this;
    const zero = g.scalar("int64", 0);
    const latest = g.op("Max", [g.op("Sub", [steps.counts, g.scalar("int64", 1)]), zero]);
    const results = this.moved(all, latest);
    if (held === "zeros") return this.choose(steps.mask, results, g.scalar("float32", 0));
    const isAny = g.op("Unsqueeze", [g.op("Greater", [steps.counts, zero]), g.ints([2])]);
    const { hidden, lastOutput } = this.recurrence;
    const before = this.input(held === "output" && lastOutput !== undefined ? lastOutput : hidden);
    return this.choose(isAny, results, g.op("Unsqueeze", [before, g.ints([0])]));
  }

  private choose(condition: OnnxValue, yes: OnnxValue, no: OnnxValue): OnnxValue {
    return this.g.op("Where", [condition, yes, no], {}, { types: [yes.dtype] });
  }
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
