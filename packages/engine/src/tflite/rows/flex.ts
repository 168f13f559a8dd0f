/**
 * TensorFlow's own operators inside of a TensorFlow Lite model: custom operators named "Flex…", which TensorFlow Lite
 * hands to TensorFlow. Their options are a FlexBuffer of the op's name and its NodeDef
 * (tensorflow/lite/delegates/flex/kernel.cc).
 */
import { dataLoss, decodeMessage, nodeInputs, type Output, opDef, readFlexBuffer } from "@servable/formats";
import { NodeDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/node_def_pb";
import type { TfliteRow } from "../operator.js";

/** Nothing takes what these give, for they give nothing. */
const fillsTable = /^(LookupTableImport|InitializeTable)/;

export const flexRow: TfliteRow = (op) => {
  const options = readFlexBuffer(op.operator.customOptions, "its options");
  const [, bytes] = Array.isArray(options) ? options : [];
  if (!(bytes instanceof Uint8Array)) throw dataLoss("its options hold no node");
  const node = decodeMessage(NodeDefSchema, bytes, "the node in its options");
  const def = opDef(node.op);
  if (def === undefined) return op.refuse(`the op "${node.op}"`);
  const stored = op.operator.inputs.map((_, i) => op.stored(i));
  const inputs = nodeInputs(def, node.attr).map(({ start, types }, i): Output | Output[] => {
    const isList = def.inputs[i]?.numberAttr !== undefined || def.inputs[i]?.typeListAttr !== undefined;
    const tensors = stored.slice(start, start + types.length);
    return isList ? tensors : (tensors[0] as Output);
  });
  const attrs = Object.fromEntries(
    Object.entries(node.attr).filter(([name]) => def.attrs.has(name) || name.startsWith("_")),
  );
  const operation = op.g.op(node.op, inputs, attrs);
  if (fillsTable.test(node.op)) op.scope.initialize(operation);
  return operation.outputs;
};
