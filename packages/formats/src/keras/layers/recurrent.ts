/**
 * Recurrent layers (keras/src/layers/rnn): a cell over a sequence, as a loop over lists of tensors in the form in which
 * Keras exports them, which the compiler knows.
 *
 * Where a mask leaves a step out, states and output stay as they were. Layers that keep their state from one call to
 * the next begin each call with zeros: requests of different callers must not see each other's.
 */
import type { FunctionParameter } from "../../graph-builder/function.js";
import type { GraphBuilder } from "../../graph-builder/graph-builder.js";
import type { Output } from "../../graph-builder/operation.js";
import { invalidArgument } from "../../status.js";
import { type KerasObject, kerasObject } from "../config.js";
import {
  isLayerTensor,
  type Layer,
  type LayerArgs,
  type LayerResult,
  type LayerTensor,
  tensorsOf,
} from "../layer.js";
import { dimsOf, int, ints, Nodes, rankOf } from "../nodes.js";
import { type Cell, cellOf } from "./cells.js";
import type { LayerRow, LayerTable } from "./row.js";

// ---- the loop ------------------------------------------------------------------------------------------------

interface Sequence {
  /** [time, batch, …] */
  readonly values: Output;
  /** bool [time, batch, 1 …], of the rank of the values. */
  readonly mask: Output | undefined;
  readonly initial: readonly Output[];
  /** Steps that the mask leaves out give zeros, rather than the last output. */
  readonly zeroesMasked: boolean;
}

interface LoopResult {
  /** [time, batch, …] */
  readonly outputs: Output;
  readonly states: readonly Output[];
}

function overSequence(layer: Layer, cell: Cell, sequence: Sequence): LoopResult {
  const { n } = layer;
  const { values, mask, initial, zeroesMasked } = sequence;
  const dtype = values.dtype;
  const steps = n.size(values, 0);
  const stepsTensor = typeof steps === "number" ? n.g.constant(int(steps)) : steps;
  const holdsOutput = mask !== undefined && !zeroesMasked;
  const batch = n.size(values, 1);
  const lists = [values, ...(mask === undefined ? [] : [mask])].map((x) =>
    n.op("TensorListFromTensor", [x, ints(...dimsOf(x).slice(1))]),
  );
  const outputShape = [-1, ...cell.outputShape];
  const results = n.op("TensorListReserve", [ints(...outputShape), stepsTensor], { element_dtype: dtype });
  const held = holdsOutput ? [n.fill([batch, ...cell.outputShape], dtype, 0)] : [];
  const carried = [
    n.g.constant(int(0)),
    stepsTensor,
    results,
    ...lists,
    ...held,
    ...initial,
    ...cell.weights,
  ];
  const parameters = loopParameters(layer, cell, { hasMask: mask !== undefined, holdsOutput });
  const name = layer.build.functionName(layer.name.toLowerCase().replace(/^[^a-z]/, "l"));
  const cond = n.g.function(`${name}_cond`, parameters, (g, i, limit) => ({
    more: g.compute("Less", [i as Output, limit as Output]),
  }));
  const shapes = { values: dimsOf(values).slice(1), mask: mask && dimsOf(mask).slice(1) };
  const body = n.g.function(`${name}_body`, parameters, (g, ...now) =>
    loopBody(g, now, { cell, dtype, shapes, holdsOutput }),
  );
  const loop = n.g.op("StatelessWhile", [carried], {
    cond: cond.name,
    body: body.name,
    output_shapes: carried.map(({ shape, type }, k) =>
      type === carried[2]?.type ? [] : (parameters[k]?.shape ?? shape),
    ),
  });
  const outputs = n.op("TensorListStack", [loop.output(2), ints(...outputShape)], {
    element_dtype: dtype,
    ...(typeof steps === "number" && { num_elements: steps }),
  });
  const first = 3 + lists.length + held.length;
  return { outputs, states: initial.map((_, k) => loop.output(first + k)) };
}

interface LoopForm {
  readonly hasMask: boolean;
  readonly holdsOutput: boolean;
}

function loopParameters(layer: Layer, cell: Cell, { hasMask, holdsOutput }: LoopForm): FunctionParameter[] {
  const { dtype } = layer;
  return [
    { name: "i", type: "int32", shape: [] },
    { name: "steps", type: "int32", shape: [] },
    { name: "results", type: "variant", shape: [] },
    { name: "rows", type: "variant", shape: [] },
    ...(hasMask ? [{ name: "masks", type: "variant" as const, shape: [] }] : []),
    ...(holdsOutput ? [{ name: "held", type: dtype, shape: [-1, ...cell.outputShape] }] : []),
    ...cell.stateShapes.map((shape, k) => ({ name: `state${k}`, type: dtype, shape: [-1, ...shape] })),
    ...cell.weights.map((weight, k) => ({ name: `weight${k}`, type: dtype, shape: weight.shape })),
  ];
}

interface BodyParts {
  readonly cell: Cell;
  readonly dtype: Layer["dtype"];
  readonly shapes: { readonly values: readonly number[]; readonly mask: readonly number[] | undefined };
  readonly holdsOutput: boolean;
}

function loopBody(g: GraphBuilder, now: readonly Output[], parts: BodyParts): Record<string, Output> {
  const n = new Nodes(g);
  const { cell, dtype, shapes, holdsOutput } = parts;
  const [i, steps, results, rows, ...more] = now as [Output, Output, Output, Output, ...Output[]];
  const masks = shapes.mask === undefined ? undefined : more.shift();
  const held = holdsOutput ? more.shift() : undefined;
  const states = more.slice(0, cell.stateShapes.length);
  const weights = more.slice(cell.stateShapes.length);
  const x = n.op("TensorListGetItem", [rows, i, ints(...shapes.values)], { element_dtype: dtype });
  const step = cell.step(n, x, states, weights);
  const mask =
    masks && n.op("TensorListGetItem", [masks, i, ints(...(shapes.mask ?? []))], { element_dtype: "bool" });
  const kept = (next: Output, old: Output) => (mask === undefined ? next : n.where(mask, next, old));
  const output = kept(step.output, held ?? n.op("ZerosLike", [step.output]));
  return {
    next_i: n.op("AddV2", [i, int(1)]),
    next_steps: n.op("Identity", [steps]),
    next_results: n.op("TensorListSetItem", [results, i, output]),
    next_rows: n.op("Identity", [rows]),
    ...(masks !== undefined && { next_masks: n.op("Identity", [masks]) }),
    ...(held !== undefined && { next_held: output }),
    ...Object.fromEntries(
      step.states.map((state, k) => [`next_state${k}`, kept(state, states[k] as Output)]),
    ),
    ...Object.fromEntries(weights.map((weight, k) => [`next_weight${k}`, n.op("Identity", [weight])])),
  };
}

// ---- layers --------------------------------------------------------------------------------------------------

/** What a layer is called with: the sequence, and states to begin with. */
function callArguments(args: LayerArgs): { input: LayerTensor; states: LayerTensor[] } {
  const [first] = args.positional;
  const list = isLayerTensor(first) || first === undefined ? undefined : tensorsOf(first);
  const given = tensorsOf(args.arg(1, "initial_state"));
  if (list === undefined) return { input: args.input, states: given };
  return { input: list[0] as LayerTensor, states: given.length > 0 ? given : list.slice(1) };
}

interface Recurrent {
  /** The layer's cell, below its own place in files. */
  readonly cell: (layer: Layer) => Layer;
  readonly zeroesMasked?: boolean;
}

function callRecurrent(
  layer: Layer,
  args: LayerArgs,
  { cell: cellLayer, zeroesMasked }: Recurrent,
): LayerResult {
  const { n, config } = layer;
  const { input, states: given } = callArguments(args);
  const x = input.output;
  const isTimeMajor = config.boolean("time_major", false);
  const cell = cellOf(cellLayer(layer), dimsOf(x).slice(2));
  const mask = (args.tensor(2, "mask") ?? { output: input.mask }).output;
  const values = isTimeMajor ? x : swapped(n, x);
  const initial = initialStates(layer, cell, values, given);
  const isBackwards = config.boolean("go_backwards", false);
  const turned = (y: Output) => (isBackwards ? n.op("ReverseV2", [y, ints(0)]) : y);
  const wideMask = mask && widened(n, isTimeMajor ? mask : swapped(n, mask), 1 + cell.outputShape.length + 1);
  const result = overSequence(layer, cell, {
    values: turned(values),
    mask: wideMask && turned(wideMask),
    initial,
    zeroesMasked: zeroesMasked ?? config.boolean("zero_output_for_mask", false),
  });
  const returnsSequence = config.boolean("return_sequences", false);
  const output = returnsSequence
    ? isTimeMajor
      ? result.outputs
      : swapped(n, result.outputs)
    : n.at(result.outputs, 0, -1);
  const masked = returnsSequence && mask !== undefined ? { output, mask } : { output };
  const states = config.boolean("return_state", false) ? result.states : [];
  return [masked, ...states.map((state) => ({ output: state }))];
}

function initialStates(layer: Layer, cell: Cell, values: Output, given: readonly LayerTensor[]): Output[] {
  const { n } = layer;
  if (given.length > 0 && given.length !== cell.stateShapes.length) {
    throw invalidArgument(`${layer.where} has ${cell.stateShapes.length} states, got ${given.length}`);
  }
  const batch = n.size(values, 1);
  return cell.stateShapes.map((shape, k) => {
    const state = given[k]?.output;
    return state === undefined ? n.fill([batch, ...shape], values.dtype, 0) : n.cast(state, values.dtype);
  });
}

/** Batch and time change places. */
function swapped(n: Nodes, x: Output): Output {
  return n.transpose(x, [1, 0, ...Array.from({ length: rankOf(x) - 2 }, (_, i) => i + 2)]);
}

function widened(n: Nodes, mask: Output, rank: number): Output {
  let wide = n.cast(mask, "bool");
  while (rankOf(wide) < rank) wide = n.expand(wide, -1);
  return wide;
}

/** A layer that is its own cell's configuration. */
function ownCell(className: string): (layer: Layer) => Layer {
  return (layer) =>
    layer.part("cell", () => ({
      ...layer.object,
      className,
      json: { ...layer.object.json, class_name: className },
    }));
}

const recurrent = (cell: (layer: Layer) => Layer): LayerRow => ({
  call: (layer, args) => callRecurrent(layer, args, { cell }),
});

/** A list of cells is a stack of them. */
function configuredCell(layer: Layer): Layer {
  const value = layer.config.get("cell");
  const object = Array.isArray(value)
    ? kerasObject({ class_name: "StackedRNNCells", config: { cells: value } }, layer.where)
    : layer.config.object("cell");
  return layer.part("cell", () => object);
}

/** Channels first is brought to channels last around the whole layer. */
function convolutional(className: string): LayerRow {
  return {
    call: (layer, args) => {
      const cell = ownCell(className);
      if (!layer.isChannelsFirst) return callRecurrent(layer, args, { cell });
      return layer.refuse("channels_first is not supported");
    },
  };
}

const rows: LayerTable = {
  RNN: recurrent(configuredCell),
  SimpleRNN: recurrent(ownCell("SimpleRNNCell")),
  LSTM: recurrent(ownCell("LSTMCell")),
  GRU: recurrent(ownCell("GRUCell")),
  CuDNNLSTM: { call: (layer) => layer.refuse("convert it to an LSTM layer") },
  CuDNNGRU: { call: (layer) => layer.refuse("convert it to a GRU layer") },
  ConvLSTM1D: convolutional("ConvLSTM1DCell"),
  ConvLSTM2D: convolutional("ConvLSTM2DCell"),
  ConvLSTM3D: convolutional("ConvLSTM3DCell"),
};

// ---- wrappers ------------------------------------------------------------------------------------------------

/** The other direction's configuration, where none is given: the same backwards. */
function backwardObject(layer: Layer, forward: KerasObject): KerasObject {
  if (layer.config.has("backward_layer")) return layer.config.object("backward_layer");
  const values = { ...forward.config.values };
  values.go_backwards = !forward.config.boolean("go_backwards", false);
  values.name = `backward_${String(values.name ?? "layer")}`;
  return kerasObject({ ...forward.json, config: values }, layer.where);
}

const bidirectional: LayerRow = {
  call: (layer, args) => {
    const { n, config } = layer;
    const object = config.object("layer");
    const forward = layer.part("forward_layer", () => object);
    const backward = layer.part("backward_layer", () => backwardObject(layer, object));
    const { input, states } = callArguments(args);
    const mask = args.tensor(2, "mask");
    const half = states.length / 2;
    const call = (direction: Layer, initial: readonly LayerTensor[]) =>
      layer.callPart(direction, [input], {
        ...(initial.length > 0 && { initial_state: initial }),
        ...(mask !== undefined && { mask }),
      });
    const [ahead, ...aheadStates] = call(forward, states.slice(0, half));
    const [behind, ...behindStates] = call(backward, states.slice(half));
    if (ahead === undefined || behind === undefined) return layer.refuse("the layer inside gives nothing");
    const returnsSequence = object.config.boolean("return_sequences", false);
    const turned = returnsSequence ? n.op("ReverseV2", [behind.output, ints(1)]) : behind.output;
    const maskOf = ahead.mask === undefined ? {} : { mask: ahead.mask };
    const merged = merge(layer, ahead.output, turned).map((output) => ({ output, ...maskOf }));
    return [...merged, ...aheadStates, ...behindStates];
  },
};

function merge(layer: Layer, a: Output, b: Output): Output[] {
  const { n, config } = layer;
  const mode = config.get("merge_mode");
  switch (mode) {
    case null:
      return [a, b];
    case "concat":
      return [n.concat([a, b], -1)];
    case "sum":
      return [n.add(a, b)];
    case "ave":
      return [n.scaled(n.add(a, b), 0.5)];
    case "mul":
      return [n.mul(a, b)];
    default:
      return layer.refuse(`the merge mode ${JSON.stringify(mode)} is not known`);
  }
}

/** All steps of all sequences go through the layer as one batch. */
const timeDistributed: LayerRow = {
  call: (layer, args) => {
    const { n } = layer;
    const inner = layer.part("layer", () => layer.config.object("layer"));
    const { output: x, mask } = args.input;
    const [batch, time] = [n.size(x, 0), n.size(x, 1)];
    const rest = n.sizes(x).slice(2);
    const flat = n.op("Reshape", [x, n.shapeVector([-1, ...rest])]);
    const results = layer.callPart(inner, [{ output: flat }]);
    return results.map(({ output }) => {
      const apart = n.reshape(output, [batch, time, ...n.sizes(output).slice(1)]);
      return mask === undefined ? { output: apart } : { output: apart, mask };
    });
  },
};

/** Keras lets the layers of a pair give zeros where the mask leaves steps out, when they return sequences. */
function insidePair(row: LayerRow, cell: (layer: Layer) => Layer): LayerRow {
  return {
    ...row,
    call: (layer, args) => {
      const isPaired = /(^|\/)(forward|backward)_layer$/.test(layer.path);
      if (!isPaired) return row.call(layer, args);
      return callRecurrent(layer, args, {
        cell,
        zeroesMasked: layer.config.boolean("return_sequences", false),
      });
    },
  };
}

export const recurrentRows: LayerTable = {
  ...rows,
  RNN: insidePair(rows.RNN as LayerRow, configuredCell),
  SimpleRNN: insidePair(rows.SimpleRNN as LayerRow, ownCell("SimpleRNNCell")),
  LSTM: insidePair(rows.LSTM as LayerRow, ownCell("LSTMCell")),
  GRU: insidePair(rows.GRU as LayerRow, ownCell("GRUCell")),
  Bidirectional: bidirectional,
  TimeDistributed: timeDistributed,
};
