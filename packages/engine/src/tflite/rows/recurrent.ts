/**
 * Recurrent layers over whole sequences, as loops over TensorLists, which the compiler turns into loops over tensors.
 *
 * TensorFlow Lite keeps their states from run to run in tensors of the interpreter. Here every run begins with states
 * of zeros, as the interpreter's first does: requests of different callers must not see each other's.
 */
import type { GraphBuilder, Output, Tensor, TfliteActivation } from "@servable/formats";
import { type NumberForm, numberForm, rounded } from "../numbers.js";
import { float, int, ints, type TfliteOp, type TfliteRow, type TfliteTable } from "../operator.js";
import { activated } from "./activation.js";

// ---- loops ---------------------------------------------------------------------------------------------------

/** One step: from a row of the sequence and the states to the new states. The first of these is the step's output. */
interface Step {
  readonly name: string;
  /** How long each state is. */
  readonly units: readonly number[];
  readonly next: (g: GraphBuilder, x: Output, states: readonly Output[]) => readonly Output[];
}

/** The outputs of all steps, [time, batch, units], for a sequence [time, batch, inputs]. */
function overSequence(op: TfliteOp, sequence: Output, step: Step): Output {
  const { g } = op;
  const sizes = g.compute("Shape", [sequence]);
  const size = (axis: number) =>
    g.compute("StridedSlice", [sizes, ints(axis), ints(axis + 1), ints(1)], { shrink_axis_mask: 1 });
  const [steps, batch] = [size(0), size(1)];
  const states = step.units.map((units) =>
    g.compute("Fill", [g.compute("Pack", [[batch, int(units)]]), float(0)]),
  );
  const rows = g.compute("TensorListFromTensor", [sequence, int(-1)]);
  const results = g.compute("TensorListReserve", [int(-1), steps], { element_dtype: "float32" });
  const carried = [g.constant(int(0)), steps, rows, results, ...states];
  const name = op.scope.functionName(step.name);
  const loop = g.op("StatelessWhile", [carried], {
    cond: g.function(`${name}_cond`, loopParameters(step), (f, i, limit) => ({
      more: f.compute("Less", [i as Output, limit as Output]),
    })).name,
    body: g.function(`${name}_body`, loopParameters(step), (f, ...carried) => loopBody(f, carried, step))
      .name,
  });
  const units = step.units[0] as number;
  return g.compute("TensorListStack", [loop.output(3), ints(-1, units)], { element_dtype: "float32" });
}

function loopParameters({ units }: Step) {
  return [
    { name: "i", type: "int32", shape: [] },
    { name: "steps", type: "int32", shape: [] },
    { name: "rows", type: "variant" },
    { name: "results", type: "variant" },
    ...units.map((size, k) => ({ name: `state${k}`, type: "float32" as const, shape: [-1, size] })),
  ] as const;
}

function loopBody(g: GraphBuilder, carried: readonly Output[], step: Step): Record<string, Output> {
  const [i, steps, rows, results, ...states] = carried as [Output, Output, Output, Output, ...Output[]];
  const x = g.compute("TensorListGetItem", [rows, i, int(-1)], { element_dtype: "float32" });
  const next = step.next(g, x, states);
  return {
    next_i: g.compute("AddV2", [i, int(1)]),
    next_steps: g.compute("Identity", [steps]),
    next_rows: g.compute("Identity", [rows]),
    next_results: g.compute("TensorListSetItem", [results, i, next[0] as Output]),
    ...Object.fromEntries(next.map((state, k) => [`next_state${k}`, state])),
  };
}

interface Direction {
  readonly timeMajor: boolean;
  /** From the last step to the first; the results are in the order of the input. */
  readonly backward?: boolean;
}

/** The layer's output in the order of dimensions that its input has. */
function layer(op: TfliteOp, { timeMajor, backward = false }: Direction, step: Step): Output {
  const { g } = op;
  const turned = (x: Output) => (timeMajor ? x : g.compute("Transpose", [x, ints(1, 0, 2)]));
  const reversed = (x: Output) => (backward ? g.compute("ReverseV2", [x, ints(0)]) : x);
  return turned(reversed(overSequence(op, reversed(turned(op.input(0))), step)));
}

/** Both directions side by side, or as two outputs. */
function bothWays(
  op: TfliteOp,
  options: { readonly timeMajor: boolean; readonly mergeOutputs: boolean },
  steps: readonly [Step, Step],
): Output | Output[] {
  const [forward, backward] = steps;
  const { timeMajor, mergeOutputs } = options;
  const outputs = [layer(op, { timeMajor }, forward), layer(op, { timeMajor, backward: true }, backward)];
  return mergeOutputs ? op.g.compute("ConcatV2", [outputs, int(-1)]) : outputs;
}

// ---- weights -------------------------------------------------------------------------------------------------

/** Functions know no tensors of the graph around them: weights go into the loop's body as constants. */
function constantInput(op: TfliteOp, i: number): Tensor {
  return op.constant(i) ?? op.refuse(`a computed tensor as input ${i}`);
}

function optionalConstant(op: TfliteOp, i: number): Tensor | undefined {
  return op.has(i) ? constantInput(op, i) : undefined;
}

/** x · weightsᵀ, for weights [units, inputs]. */
function times(g: GraphBuilder, x: Output, weights: Tensor): Output {
  return g.compute("MatMul", [x, weights], { transpose_b: true });
}

function sum(g: GraphBuilder, first: Output, ...more: readonly (Output | Tensor | undefined)[]): Output {
  return more.reduce<Output>(
    (total, term) => (term === undefined ? total : g.compute("AddV2", [total, term])),
    first,
  );
}

function clipped(g: GraphBuilder, x: Output, limit: number): Output {
  if (limit <= 0) return x;
  return g.compute("Minimum", [g.compute("Maximum", [x, float(-limit)]), float(limit)]);
}

// ---- simple recurrent layers ---------------------------------------------------------------------------------

/** h = activation(x · W + h · R + b); inputs are W, R, b and the state, from `at` on. */
function simpleStep(op: TfliteOp, at: number, activation: TfliteActivation): Step {
  const [weights, recurrent, bias] = [at, at + 1, at + 2].map((i) => constantInput(op, i)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const form = numberForm(op.tensor(at + 3));
  return {
    name: "rnn",
    units: [recurrent.shape[0] ?? 0],
    next: (g, x, [h]) => {
      const preActivation = sum(g, times(g, x, weights), times(g, h as Output, recurrent), bias);
      return [rounded(g, activated(g, preActivation, activation), form).numbers];
    },
  };
}

const simpleLayer: TfliteRow = (op) => {
  const { timeMajor, activation } = op.options("SequenceRNNOptions");
  return layer(op, { timeMajor }, simpleStep(op, 1, activation));
};

const simpleBothWays: TfliteRow = (op) => {
  const options = op.options("BidirectionalSequenceRNNOptions");
  if (op.has(9)) return op.refuse("an auxiliary input");
  return bothWays(op, options, [
    simpleStep(op, 1, options.activation),
    simpleStep(op, 5, options.activation),
  ]);
};

// ---- LSTM ----------------------------------------------------------------------------------------------------

/** Layer normalization adds this to the variance. */
const NORMALIZATION_EPSILON = 1e-8;

/** Where the parts of one direction are among the operator's inputs; those of the four gates follow each other. */
interface LstmInputs {
  /** Weights of the input. */
  readonly weights: number;
  /** Weights of the output of the step before. */
  readonly recurrent: number;
  /** From the cell's state to the input, forget and output gates. */
  readonly peephole: number;
  readonly bias: number;
  /** Weights and bias of a projection of the output. */
  readonly projection: number;
  readonly outputState: number;
  /** Coefficients of layer normalization. */
  readonly normalization?: number;
}

const oneWay: LstmInputs = {
  weights: 1,
  recurrent: 5,
  peephole: 9,
  bias: 12,
  projection: 16,
  outputState: 18,
  normalization: 20,
};
const forward: LstmInputs = {
  weights: 1,
  recurrent: 5,
  peephole: 9,
  bias: 12,
  projection: 16,
  outputState: 35,
};
const backward: LstmInputs = {
  weights: 18,
  recurrent: 22,
  peephole: 26,
  bias: 29,
  projection: 33,
  outputState: 37,
};
/** The first of the inputs that only bidirectional layers with a second input have. */
const AUXILIARY_INPUT = 39;

interface LstmOptions {
  readonly activation: TfliteActivation;
  readonly cellClip: number;
  readonly projClip: number;
}

interface Gate {
  readonly weights: Tensor;
  readonly recurrent: Tensor;
  readonly bias: Tensor | undefined;
  readonly peephole: Tensor | undefined;
  readonly normalization: Tensor | undefined;
}

interface LstmWeights {
  /** Undefined where the input gate is what the forget gate leaves. */
  readonly input: Gate | undefined;
  readonly forget: Gate;
  readonly cell: Gate;
  readonly output: Gate;
  readonly projection: Tensor | undefined;
  readonly projectionBias: Tensor | undefined;
}

function lstmWeights(op: TfliteOp, at: LstmInputs): LstmWeights {
  /** @param peephole place among the three, undefined for the gate that has none */
  const gate = (i: number, peephole?: number): Gate => ({
    weights: constantInput(op, at.weights + i),
    recurrent: constantInput(op, at.recurrent + i),
    bias: optionalConstant(op, at.bias + i),
    peephole: peephole === undefined ? undefined : optionalConstant(op, at.peephole + peephole),
    normalization: at.normalization === undefined ? undefined : optionalConstant(op, at.normalization + i),
  });
  return {
    input: op.has(at.weights) ? gate(0, 0) : undefined,
    forget: gate(1, 1),
    cell: gate(2),
    output: gate(3, 2),
    projection: optionalConstant(op, at.projection),
    projectionBias: optionalConstant(op, at.projection + 1),
  };
}

function lstmStep(op: TfliteOp, at: LstmInputs, options: LstmOptions): Step {
  const weights = lstmWeights(op, at);
  const cells = weights.forget.weights.shape[0] ?? 0;
  const form = numberForm(op.tensor(at.outputState));
  return {
    name: "lstm",
    units: [weights.projection?.shape[0] ?? cells, cells],
    next: (g, x, [h, c]) => nextLstmStates(g, weights, options, form, { x, h: h as Output, c: c as Output }),
  };
}

/** The new output and the cell's new state. */
function nextLstmStates(
  g: GraphBuilder,
  { input, forget, cell, output, projection, projectionBias }: LstmWeights,
  { activation, cellClip, projClip }: LstmOptions,
  form: NumberForm | undefined,
  { x, h, c }: { readonly x: Output; readonly h: Output; readonly c: Output },
): Output[] {
  const sigmoid = (gate: Gate, memory: Output) => g.compute("Sigmoid", [gateSum(g, gate, x, h, memory)]);
  const forgotten = sigmoid(forget, c);
  const taken = input === undefined ? g.compute("Sub", [float(1), forgotten]) : sigmoid(input, c);
  const candidate = activated(g, gateSum(g, cell, x, h, c), activation);
  const kept = sum(g, g.compute("Mul", [forgotten, c]), g.compute("Mul", [taken, candidate]));
  const memory = clipped(g, kept, cellClip);
  const shown = g.compute("Mul", [sigmoid(output, memory), activated(g, memory, activation)]);
  const projected =
    projection === undefined
      ? shown
      : clipped(g, sum(g, times(g, shown, projection), projectionBias), projClip);
  return [rounded(g, projected, form).numbers, memory];
}

/** What a gate's function is applied to. */
function gateSum(g: GraphBuilder, gate: Gate, x: Output, h: Output, memory: Output): Output {
  const peephole = gate.peephole && g.compute("Mul", [memory, gate.peephole]);
  const total = sum(g, times(g, x, gate.weights), times(g, h, gate.recurrent), peephole);
  return sum(
    g,
    gate.normalization === undefined ? total : normalized(g, total, gate.normalization),
    gate.bias,
  );
}

function normalized(g: GraphBuilder, x: Output, coefficients: Tensor): Output {
  const mean = (of: Output) => g.compute("Mean", [of, int(-1)], { keep_dims: true });
  const centred = g.compute("Sub", [x, mean(x)]);
  const variance = sum(g, mean(g.compute("Square", [centred])), float(NORMALIZATION_EPSILON));
  return g.compute("Mul", [g.compute("Mul", [centred, g.compute("Rsqrt", [variance])]), coefficients]);
}

const lstmLayer: TfliteRow = (op) => {
  const options = op.options("UnidirectionalSequenceLSTMOptions");
  if (options.diagonalRecurrentTensors) return op.refuse("a diagonal of recurrent weights");
  return layer(op, options, lstmStep(op, oneWay, options));
};

const lstmBothWays: TfliteRow = (op) => {
  const options = op.options("BidirectionalSequenceLSTMOptions");
  if (op.has(AUXILIARY_INPUT)) return op.refuse("an auxiliary input");
  return bothWays(op, options, [lstmStep(op, forward, options), lstmStep(op, backward, options)]);
};

export const recurrentRows: TfliteTable = {
  BIDIRECTIONAL_SEQUENCE_LSTM: lstmBothWays,
  BIDIRECTIONAL_SEQUENCE_RNN: simpleBothWays,
  UNIDIRECTIONAL_SEQUENCE_LSTM: lstmLayer,
  UNIDIRECTIONAL_SEQUENCE_RNN: simpleLayer,
};
