/** Comparisons, logic, choices and casts. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { agrees, checkSameShape, input, outputCarrier, rankOf, sizeOf, value, values } from "./node-facts.js";

/** Shapes that don't fit are not equal, unless the op says that they are an error. */
function equal(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [a, b] = [input(node, 0).shape, input(node, 1).shape];
  const fits =
    a === null ||
    b === null ||
    a.toReversed().every((size, i) => size === 1 || b.at(-1 - i) === 1 || agrees(size, b.at(-1 - i)));
  if (!fits) throw new NotExpressible("a comparison of shapes that don't fit");
  return g.op("Equal", values(node));
}

/** TF1's Select takes a vector of conditions for the rows of matrices, too. */
function select(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  checkSameShape(node.inputs.slice(1));
  const [condition, x, y] = values(node) as [OnnxValue, OnnxValue, OnnxValue];
  const rank = rankOf(input(node, 0));
  if (rank > 1) checkSameShape(node.inputs);
  if (rank === 1 && !agrees(sizeOf(input(node, 0), 0), input(node, 1).shape?.[0] ?? -1))
    throw new NotExpressible("not one condition for each row");
  if (rank !== 1) return g.op("Where", [condition, x, y]);
  const trailing = rankOf(input(node, 1)) - 1;
  if (trailing <= 0) return g.op("Where", [condition, x, y]);
  const shape = g.ints([-1, ...new Array<number>(trailing).fill(1)]);
  return g.op("Where", [g.op("Reshape", [condition, shape]), x, y]);
}

function approximateEqual(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const distance = g.op("Abs", [g.op("Sub", [value(node, 0), value(node, 1)])]);
  return g.op("Less", [distance, g.scalar(distance.dtype, node.attrs.float("tolerance"))]);
}

/** The driver rounds to half types; truncating instead is another cast. */
function cast(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  if (node.attrs.bool("Truncate") && ["float16", "bfloat16"].includes(node.outputTypes[0] as string)) {
    throw new NotExpressible("a truncating cast");
  }
  return g.cast(value(node, 0), outputCarrier(node));
}

export const comparisonRows: OnnxTable = {
  Equal: { build: equal },
  NotEqual: { build: (g, node) => g.op("Not", [equal(g, node)]) },
  Less: { onnx: "Less" },
  LessEqual: { onnx: "LessOrEqual" },
  Greater: { onnx: "Greater" },
  GreaterEqual: { onnx: "GreaterOrEqual" },
  ApproximateEqual: { build: approximateEqual },
  LogicalAnd: { onnx: "And" },
  LogicalOr: { onnx: "Or" },
  LogicalNot: { onnx: "Not" },
  Select: { build: select },
  SelectV2: { onnx: "Where" },
  Cast: { build: cast },
};
