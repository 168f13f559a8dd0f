/** What recurrent layers do in one step (keras/src/layers/rnn): LSTM, GRU, the plain cell, ConvLSTM, stacks of them. */
import type { Output } from "../../graph-builder/operation.js";
import { invalidArgument } from "../../status.js";
import { activated } from "../activations.js";
import type { Json } from "../config.js";
import { kerasObject } from "../config.js";
import type { Layer } from "../layer.js";
import type { Nodes } from "../nodes.js";
import { NameCounter, storeNameOf } from "../weight.js";

/** What a step gives: its output, and the states for the next one. */
export interface CellStep {
  readonly output: Output;
  readonly states: readonly Output[];
}

/** A cell whose weights are declared. A step runs in the graph of a loop's body, where weights are parameters. */
export interface Cell {
  readonly weights: readonly Output[];
  /** Of each state, without the batch. */
  readonly stateShapes: readonly (readonly number[])[];
  /** Of the output, without the batch. */
  readonly outputShape: readonly number[];
  readonly step: (n: Nodes, x: Output, states: readonly Output[], weights: readonly Output[]) => CellStep;
}

type CellRow = (layer: Layer, input: readonly number[]) => Cell;

/** The cell of a layer. @param input shape of the sequence's entries, without the batch */
export function cellOf(layer: Layer, input: readonly number[]): Cell {
  const row = Object.hasOwn(cellRows, layer.className) ? cellRows[layer.className] : undefined;
  if (row === undefined) layer.refuse("it is no cell that Servable knows: a custom cell can't be served");
  return row(layer, input);
}

function features(layer: Layer, input: readonly number[]): number {
  const size = input.at(-1);
  if (size === undefined || size < 0)
    throw invalidArgument(`${layer.where}: the number of features is not known`);
  return size;
}

function functions(layer: Layer) {
  const apply = (n: Nodes, x: Output, value: Json) =>
    activated({ n, isKeras2: layer.build.isKeras2 }, x, value);
  const { config } = layer;
  return {
    activation: (n: Nodes, x: Output) => apply(n, x, config.get("activation")),
    gate: (n: Nodes, x: Output) => apply(n, x, config.get("recurrent_activation")),
  };
}

const simple: CellRow = (layer, input) => {
  const units = layer.config.number("units");
  const weights = [
    layer.weight("kernel", [features(layer, input), units]),
    layer.weight("recurrent_kernel", [units, units]),
    ...(layer.config.boolean("use_bias", true) ? [layer.weight("bias", [units])] : []),
  ];
  const { activation } = functions(layer);
  return {
    weights,
    stateShapes: [[units]],
    outputShape: [units],
    step: (n, x, [h], [kernel, recurrent, bias]) => {
      const fromInput = n.op("MatMul", [x, kernel as Output]);
      const biased = bias === undefined ? fromInput : n.add(fromInput, bias);
      const sum = n.add(biased, n.op("MatMul", [h as Output, recurrent as Output]));
      const output = activation(n, sum);
      return { output, states: [output] };
    },
  };
};

const lstm: CellRow = (layer, input) => {
  const units = layer.config.number("units");
  const weights = [
    layer.weight("kernel", [features(layer, input), 4 * units]),
    layer.weight("recurrent_kernel", [units, 4 * units]),
    ...(layer.config.boolean("use_bias", true) ? [layer.weight("bias", [4 * units])] : []),
  ];
  const { activation, gate } = functions(layer);
  return {
    weights,
    stateShapes: [[units], [units]],
    outputShape: [units],
    step: (n, x, [h, c], [kernel, recurrent, bias]) => {
      const products = n.add(
        n.op("MatMul", [x, kernel as Output]),
        n.op("MatMul", [h as Output, recurrent as Output]),
      );
      const z = bias === undefined ? products : n.add(products, bias);
      return lstmGates(n, n.split(z, 4, 1), c as Output, activation, gate);
    },
  };
};

type Function1 = (n: Nodes, x: Output) => Output;

/** The gates in their order: input, forget, cell, output. */
function lstmGates(
  n: Nodes,
  z: readonly Output[],
  c: Output,
  activation: Function1,
  gate: Function1,
): CellStep {
  const [inputGate, forgetGate, candidate, outputGate] = z as [Output, Output, Output, Output];
  const kept = n.mul(gate(n, forgetGate), c);
  const next = n.add(kept, n.mul(gate(n, inputGate), activation(n, candidate)));
  const output = n.mul(gate(n, outputGate), activation(n, next));
  return { output, states: [output, next] };
}

const gru: CellRow = (layer, input) => {
  const { config } = layer;
  const units = config.number("units");
  const resetAfter = config.boolean("reset_after", !layer.build.isKeras2);
  const biasShape = resetAfter ? [2, 3 * units] : [3 * units];
  const weights = [
    layer.weight("kernel", [features(layer, input), 3 * units]),
    layer.weight("recurrent_kernel", [units, 3 * units]),
    ...(config.boolean("use_bias", true) ? [layer.weight("bias", biasShape)] : []),
  ];
  const { activation, gate } = functions(layer);
  return {
    weights,
    stateShapes: [[units]],
    outputShape: [units],
    step: (n, x, [state], [kernel, recurrent, bias]) => {
      const h = state as Output;
      const fromInput = n.op("MatMul", [x, kernel as Output]);
      const inputBias = bias && resetAfter ? n.at(bias, 0, 0) : bias;
      const xs = n.split(inputBias === undefined ? fromInput : n.add(fromInput, inputBias), 3, 1);
      const [xz, xr, xh] = xs as [Output, Output, Output];
      const candidateOf = resetAfter ? afterProduct : beforeProduct;
      const recurrentBias = bias && resetAfter ? n.at(bias, 0, 1) : undefined;
      const { z, candidate } = candidateOf(n, {
        xz,
        xr,
        xh,
        h,
        units,
        gate,
        recurrent: recurrent as Output,
        recurrentBias,
      });
      const one = n.number(z, 1);
      const next = n.add(n.mul(z, h), n.mul(n.sub(one, z), activation(n, candidate)));
      return { output: next, states: [next] };
    },
  };
};

interface GruParts {
  readonly xz: Output;
  readonly xr: Output;
  readonly xh: Output;
  readonly h: Output;
  readonly units: number;
  readonly gate: Function1;
  readonly recurrent: Output;
  readonly recurrentBias: Output | undefined;
}

/** The reset gate is multiplied with the product of state and weights. */
function afterProduct(n: Nodes, { xz, xr, xh, h, gate, recurrent, recurrentBias }: GruParts) {
  const product = n.op("MatMul", [h, recurrent]);
  const [rz, rr, rh] = n.split(
    recurrentBias === undefined ? product : n.add(product, recurrentBias),
    3,
    1,
  ) as [Output, Output, Output];
  const z = gate(n, n.add(xz, rz));
  const r = gate(n, n.add(xr, rr));
  return { z, candidate: n.add(xh, n.mul(r, rh)) };
}

/** The reset gate is multiplied with the state, before the product. */
function beforeProduct(n: Nodes, { xz, xr, xh, h, units, gate, recurrent }: GruParts) {
  const gates = n.op("MatMul", [h, n.slice(recurrent, 1, 0, 2 * units)]);
  const [rz, rr] = n.split(gates, 2, 1) as [Output, Output];
  const z = gate(n, n.add(xz, rz));
  const r = gate(n, n.add(xr, rr));
  const rh = n.op("MatMul", [n.mul(r, h), n.slice(recurrent, 1, 2 * units)]);
  return { z, candidate: n.add(xh, rh) };
}

// ---- convolutional -------------------------------------------------------------------------------------------

/** Pictures with channels last; the layer around brings them into that form. */
function convLstm(rank: number): CellRow {
  return (layer, input) => {
    const { config } = layer;
    const filters = config.number("filters");
    const sizes = config.perDimension("kernel_size", rank);
    const strides = config.perDimension("strides", rank, 1);
    const dilations = config.perDimension("dilation_rate", rank, 1);
    const padding = config.string("padding", "valid").toUpperCase();
    const weights = [
      layer.weight("kernel", [...sizes, features(layer, input), 4 * filters]),
      layer.weight("recurrent_kernel", [...sizes, filters, 4 * filters]),
      ...(config.boolean("use_bias", true) ? [layer.weight("bias", [4 * filters])] : []),
    ];
    const { activation, gate } = functions(layer);
    const spatial = input.slice(0, -1).map((size, i) => {
      if (size < 0) layer.refuse("the size of the pictures must be known");
      const window = ((sizes[i] as number) - 1) * (dilations[i] as number) + 1;
      return Math.ceil((padding === "SAME" ? size : size - window + 1) / (strides[i] as number));
    });
    const shape = [...spatial, filters];
    return {
      weights,
      stateShapes: [shape, shape],
      outputShape: shape,
      step: (n, x, [h, c], [kernel, recurrent, bias]) => {
        const ones = new Array<number>(rank).fill(1);
        const fromInput = convolved(n, x, kernel as Output, { strides, dilations, padding });
        const biased = bias === undefined ? fromInput : n.add(fromInput, bias);
        const same = { strides: ones, dilations: ones, padding: "SAME" };
        const z = n.add(biased, convolved(n, h as Output, recurrent as Output, same));
        return lstmGates(n, n.split(z, 4, rank + 1), c as Output, activation, gate);
      },
    };
  };
}

interface Window {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: string;
}

function convolved(n: Nodes, x: Output, kernel: Output, { strides, dilations, padding }: Window): Output {
  if (strides.length === 1) {
    const flat = { strides: [1, ...strides], dilations: [1, ...dilations], padding };
    return n.squeeze(convolved(n, n.expand(x, 1), n.expand(kernel, 0), flat), 1);
  }
  const attrs = { strides: [1, ...strides, 1], dilations: [1, ...dilations, 1], padding };
  return n.op(strides.length === 3 ? "Conv3D" : "Conv2D", [x, kernel], attrs);
}

// ---- stacks --------------------------------------------------------------------------------------------------

/** Each cell takes the output of the one before. */
const stacked: CellRow = (layer, input) => {
  const counter = new NameCounter();
  const cells: Cell[] = [];
  let shape = input;
  layer.config.list("cells").forEach((json, i) => {
    const object = kerasObject(json, `${layer.where}, cell ${i}`);
    const part = layer.part(`cells/${counter.next(storeNameOf(object.className))}`, () => object);
    const cell = cellOf(part, shape);
    cells.push(cell);
    shape = cell.outputShape;
  });
  const last = cells.at(-1);
  if (last === undefined) throw invalidArgument(`${layer.where} has no cells`);
  // Keras 2 could keep the states of the last cell first.
  const order = layer.config.boolean("reverse_state_order", false) ? [...cells].reverse() : cells;
  return {
    weights: cells.flatMap(({ weights }) => weights),
    stateShapes: order.flatMap(({ stateShapes }) => stateShapes),
    outputShape: last.outputShape,
    step: (n, x, states, weights) => {
      const taken = new Map<Cell, readonly Output[]>();
      let at = 0;
      for (const cell of order) {
        taken.set(cell, states.slice(at, at + cell.stateShapes.length));
        at += cell.stateShapes.length;
      }
      const next = new Map<Cell, readonly Output[]>();
      let output = x;
      let weightAt = 0;
      for (const cell of cells) {
        const own = weights.slice(weightAt, weightAt + cell.weights.length);
        weightAt += cell.weights.length;
        const result = cell.step(n, output, taken.get(cell) ?? [], own);
        output = result.output;
        next.set(cell, result.states);
      }
      return { output, states: order.flatMap((cell) => next.get(cell) ?? []) };
    },
  };
};

const cellRows: Readonly<Record<string, CellRow>> = {
  SimpleRNNCell: simple,
  LSTMCell: lstm,
  GRUCell: gru,
  ConvLSTM1DCell: convLstm(1),
  ConvLSTM2DCell: convLstm(2),
  ConvLSTM3DCell: convLstm(3),
  StackedRNNCells: stacked,
};
