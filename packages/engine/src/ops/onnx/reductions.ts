/** Reductions over axes, running sums, and the places of extremes. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import type { OnnxNode, OnnxRow, OnnxTable } from "../op-table.js";
import { constantNumber, constantNumbers, input, outputCarrier, value } from "./node-facts.js";
import { asVector } from "./sizes.js";

/** TensorFlow reduces over nothing when the list of axes is empty, ONNX by default over everything. */
const reduce = (onnx: string): OnnxRow => ({
  build: (g, node) => {
    const axes = input(node, 1);
    const known = axes.tensor === undefined ? undefined : constantNumbers(axes, "axes");
    if (known?.length === 0) return value(node, 0);
    return g.op(onnx, [value(node, 0), known === undefined ? asVector(g, axes) : g.ints(known)], {
      keepdims: node.attrs.bool("keep_dims") ? 1 : 0,
      noop_with_empty_axes: 1,
    });
  },
});

const placeOf = (onnx: "ArgMax" | "ArgMin"): OnnxRow => ({
  build: (g, node) => {
    const axis = constantNumber(input(node, 1), "the dimension");
    return g.cast(g.op(onnx, [value(node, 0)], { axis, keepdims: 0 }), outputCarrier(node));
  },
});

function cumulativeSum(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  return g.op("CumSum", [value(node, 0), value(node, 1)], {
    exclusive: node.attrs.bool("exclusive") ? 1 : 0,
    reverse: node.attrs.bool("reverse") ? 1 : 0,
  });
}

/** TopK reads k from an attribute, TopKV2 from an input. Equal elements come in the order of their places. */
function topK(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const k = node.inputs.length > 1 ? asVector(g, input(node, 1)) : g.ints([node.attrs.int("k")]);
  const [top, places] = g.opWithOutputs("TopK", 2, [value(node, 0), k], { axis: -1 }) as [
    OnnxValue,
    OnnxValue,
  ];
  return [top, g.cast(places, outputCarrier(node, 1))];
}

export const reductionRows: OnnxTable = {
  Sum: reduce("ReduceSum"),
  Mean: reduce("ReduceMean"),
  Max: reduce("ReduceMax"),
  Min: reduce("ReduceMin"),
  Prod: reduce("ReduceProd"),
  All: reduce("ReduceMin"),
  Any: reduce("ReduceMax"),
  EuclideanNorm: reduce("ReduceL2"),
  ArgMax: placeOf("ArgMax"),
  ArgMin: placeOf("ArgMin"),
  Cumsum: { build: cumulativeSum },
  TopK: { build: topK },
  TopKV2: { build: topK },
};
