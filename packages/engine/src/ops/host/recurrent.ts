/** One step, and whole sequences, of the fused recurrent cells of TensorFlow 1. */
import { type Shape, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { newReals, type Reals, realsOf, tensorOf } from "./domains.js";
import { compute, ensure, integerOf } from "./kernel.js";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** [x, h] × w + b for each row of a batch. */
function gatesOf(x: Reals, h: Reals, w: Reals, b: Reals, batch: number, width: number): Float64Array {
  const [inputs, units] = [x.length / batch, h.length / batch];
  const gates = new Float64Array(batch * width);
  for (let row = 0; row < batch; row++) {
    const out = gates.subarray(row * width, (row + 1) * width);
    for (let j = 0; j < width; j++) out[j] = b[j] as number;
    const addTimes = (value: number, weights: number) => {
      for (let j = 0; j < width; j++)
        out[j] = (out[j] as number) + value * (w[weights * width + j] as number);
    };
    for (let k = 0; k < inputs; k++) addTimes(x[row * inputs + k] as number, k);
    for (let k = 0; k < units; k++) addTimes(h[row * units + k] as number, inputs + k);
  }
  return gates;
}

interface LstmOptions {
  readonly forgetBias: number;
  /** Not positive: no clipping. */
  readonly clip: number;
  readonly peephole: boolean;
  /** Where input gate, candidate, forget gate and output gate are among the four. */
  readonly order: "icfo" | "ifco";
}

interface LstmWeights {
  readonly w: Reals;
  readonly b: Reals;
  /** Peephole weights of the three gates. */
  readonly wci: Reals;
  readonly wcf: Reals;
  readonly wco: Reals;
}

/** i, cs, f, o, ci, co, h: all of shape [batch, units]. */
type LstmStep = readonly [Reals, Reals, Reals, Reals, Reals, Reals, Reals];

function lstmStep(
  x: Reals,
  previousState: Reals,
  previousOutput: Reals,
  { w, b, wci, wcf, wco }: LstmWeights,
  batch: number,
  options: LstmOptions,
  newVector: () => Reals,
): LstmStep {
  const units = previousState.length / batch;
  const gates = gatesOf(x, previousOutput, w, b, batch, 4 * units);
  const step = Array.from({ length: 7 }, newVector) as unknown as LstmStep;
  const [i, cs, f, o, ci, co, h] = step;
  const place = (gate: string): number => options.order.indexOf(gate) * units;
  for (let at = 0; at < previousState.length; at++) {
    const [row, unit] = [Math.floor(at / units), at % units];
    const gate = (letter: string): number => gates[row * 4 * units + place(letter) + unit] as number;
    const before = previousState[at] as number;
    const peep = (weights: Reals, state: number): number =>
      options.peephole ? (weights[unit] as number) * state : 0;
    i[at] = sigmoid(gate("i") + peep(wci, before));
    f[at] = sigmoid(gate("f") + options.forgetBias + peep(wcf, before));
    ci[at] = Math.tanh(gate("c"));
    const state = (ci[at] as number) * (i[at] as number) + before * (f[at] as number);
    cs[at] = options.clip > 0 ? Math.min(Math.max(state, -options.clip), options.clip) : state;
    o[at] = sigmoid(gate("o") + peep(wco, cs[at] as number));
    co[at] = Math.tanh(cs[at] as number);
    h[at] = (o[at] as number) * (co[at] as number);
  }
  return step;
}

function lstmOptions(
  attrs: { float(name: string): number; bool(name: string): boolean },
  version: 1 | 2,
): LstmOptions {
  return {
    forgetBias: version === 1 ? attrs.float("forget_bias") : 0,
    clip: attrs.float("cell_clip"),
    peephole: attrs.bool("use_peephole"),
    order: version === 1 ? "icfo" : "ifco",
  };
}

function requireWeights(x: Shape, state: Shape, w: Shape, gates: number): void {
  const [inputs, units] = [x.at(-1) as number, state.at(-1) as number];
  ensure(
    w.length === 2 && w[0] === inputs + units && w[1] === gates * units,
    () => `w must have shape [${inputs + units},${gates * units}], got ${shapeText(w)}`,
  );
}

function weightsOf(w: Tensor, wci: Tensor, wcf: Tensor, wco: Tensor, b: Tensor): LstmWeights {
  return { w: realsOf(w), wci: realsOf(wci), wcf: realsOf(wcf), wco: realsOf(wco), b: realsOf(b) };
}

const lstmCell = compute((node) => {
  const options = lstmOptions(node.attrs, 1);
  return (x, state, output, w, wci, wcf, wco, b) => {
    requireWeights(x.shape, state.shape, w.shape, 4);
    const step = lstmStep(
      realsOf(x),
      realsOf(state),
      realsOf(output),
      weightsOf(w, wci, wcf, wco, b),
      state.shape[0] as number,
      options,
      () => newReals(x.dtype, state.shape),
    );
    return step.map((values) => tensorOf(x.dtype, state.shape, values));
  };
});

/** Sequences of shape [time, batch, inputs]; after `seq_len_max` steps the outputs are zeros. */
const lstmSequence = (version: 1 | 2): HostRow =>
  compute((node) => {
    const options = lstmOptions(node.attrs, version);
    return (lengthInput, x, state, output, w, wci, wcf, wco, b) => {
      ensure(x.shape.length === 3, () => `x must be 3D, got shape ${shapeText(x.shape)}`);
      requireWeights(x.shape, state.shape, w.shape, 4);
      const [time, batch] = x.shape as [number, number];
      const length = integerOf(lengthInput, "seq_len_max");
      ensure(length <= time, () => `seq_len_max must be <= ${time}, got ${length}`);
      const shape = [time, ...state.shape];
      const outputs = Array.from({ length: 7 }, () => newReals(x.dtype, shape));
      const weights = weightsOf(w, wci, wcf, wco, b);
      const [values, width] = [realsOf(x), batch * (x.shape[2] as number)];
      let [cs, h] = [realsOf(state), realsOf(output)];
      const size = cs.length;
      for (let t = 0; t < length && size > 0; t++) {
        const step = lstmStep(
          values.subarray(t * width, (t + 1) * width),
          cs,
          h,
          weights,
          batch,
          options,
          () => newReals(x.dtype, state.shape),
        );
        for (const [n, out] of outputs.entries()) out.set(step[n] as Reals, t * size);
        [cs, h] = [step[1], step[6]];
      }
      return outputs.map((out) => tensorOf(x.dtype, shape, out));
    };
  });

/** r, u, c, h. */
const gruCell = compute(() => (x, output, wGates, wCandidate, bGates, bCandidate) => {
  requireWeights(x.shape, output.shape, wGates.shape, 2);
  requireWeights(x.shape, output.shape, wCandidate.shape, 1);
  const [batch, units] = output.shape as [number, number];
  const [values, before] = [realsOf(x), realsOf(output)];
  const gates = gatesOf(values, before, realsOf(wGates), realsOf(bGates), batch, 2 * units);
  const [r, u, c, h] = Array.from({ length: 4 }, () => newReals(x.dtype, output.shape)) as [
    Reals,
    Reals,
    Reals,
    Reals,
  ];
  const reset = newReals(x.dtype, output.shape);
  for (let at = 0; at < r.length; at++) {
    const [row, unit] = [Math.floor(at / units), at % units];
    r[at] = sigmoid(gates[row * 2 * units + unit] as number);
    u[at] = sigmoid(gates[row * 2 * units + units + unit] as number);
    reset[at] = (r[at] as number) * (before[at] as number);
  }
  const candidates = gatesOf(values, reset, realsOf(wCandidate), realsOf(bCandidate), batch, units);
  for (let at = 0; at < r.length; at++) {
    c[at] = Math.tanh(candidates[at] as number);
    h[at] = (u[at] as number) * (before[at] as number) + (1 - (u[at] as number)) * (c[at] as number);
  }
  return [r, u, c, h].map((out) => tensorOf(x.dtype, output.shape, out));
});

export const recurrentKernels: HostTable = {
  LSTMBlockCell: lstmCell,
  BlockLSTM: lstmSequence(1),
  BlockLSTMV2: lstmSequence(2),
  GRUBlockCell: gruCell,
};
