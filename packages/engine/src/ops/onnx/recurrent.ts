/** Cells of recurrent networks, one step each (tensorflow/core/kernels/rnn/lstm_ops.h and gru_ops.h). */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import type { OnnxNode, OnnxTable } from "../op-table.js";
import { values } from "./node-facts.js";

/** x and h side by side, times the weights, plus the bias. */
function gates(g: OnnxEmitter, x: OnnxValue, h: OnnxValue, weights: OnnxValue, bias: OnnxValue): OnnxValue {
  const both = g.op("Concat", [x, h], { axis: 1 });
  return g.op("Add", [g.op("MatMul", [both, weights]), bias]);
}

/** Gates in the order of the weights: input, cell, forget, output. Peepholes let gates see the cell. */
function lstmCell(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const [x, before, h, weights, peepIn, peepForget, peepOut, bias] = values(node) as [
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
  ];
  const peephole = node.attrs.bool("use_peephole");
  const peek = (gate: OnnxValue, cell: OnnxValue, weight: OnnxValue) =>
    peephole ? g.op("Add", [gate, g.op("Mul", [cell, weight])]) : gate;
  const all = gates(g, x, h, weights, bias);
  const [toIn, toCell, toForget, toOut] = g.opWithOutputs("Split", 4, [all], { axis: 1, num_outputs: 4 }) as [
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
  ];
  const forgetful = g.op("Add", [toForget, g.scalar(all.dtype, node.attrs.float("forget_bias"))]);
  const i = g.op("Sigmoid", [peek(toIn, before, peepIn)]);
  const f = g.op("Sigmoid", [peek(forgetful, before, peepForget)]);
  const ci = g.op("Tanh", [toCell]);
  const sum = g.op("Add", [g.op("Mul", [ci, i]), g.op("Mul", [before, f])]);
  const cell = clipped(g, sum, node.attrs.float("cell_clip"));
  const o = g.op("Sigmoid", [peek(toOut, cell, peepOut)]);
  const co = g.op("Tanh", [cell]);
  return [i, cell, f, o, ci, co, g.op("Mul", [co, o])];
}

function clipped(g: OnnxEmitter, x: OnnxValue, limit: number): OnnxValue {
  return limit > 0 ? g.op("Clip", [x, g.scalar(x.dtype, -limit), g.scalar(x.dtype, limit)]) : x;
}

function gruCell(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const [x, h, gateWeights, weights, gateBias, bias] = values(node) as [
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
  ];
  const both = g.op("Sigmoid", [gates(g, x, h, gateWeights, gateBias)]);
  const [reset, update] = g.opWithOutputs("Split", 2, [both], { axis: 1, num_outputs: 2 }) as [
    OnnxValue,
    OnnxValue,
  ];
  const candidate = g.op("Tanh", [gates(g, x, g.op("Mul", [h, reset]), weights, bias)]);
  const fresh = g.op("Mul", [g.op("Sub", [g.scalar(x.dtype, 1), update]), candidate]);
  return [reset, update, candidate, g.op("Add", [fresh, g.op("Mul", [update, h])])];
}

export const recurrentRows: OnnxTable = {
  LSTMBlockCell: { build: lstmCell },
  GRUBlockCell: { build: gruCell },
};
