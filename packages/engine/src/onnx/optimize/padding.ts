/**
 * Zeros around an image, taken into the convolution that reads them. ONNX Runtime's own rule is off (runtime/session.ts):
 * it takes them into poolings as well, where padding never counts.
 */
import type { OnnxOp } from "../onnx-graph.js";
import { type GraphEditor, intsAttr, type Rewritten } from "./graph-editor.js";

export function takeInPadding(op: OnnxOp, g: GraphEditor): Rewritten {
  if (op.type !== "Conv" || op.attrs.auto_pad !== undefined) return undefined;
  const pad = g.producer(op.inputs[0], "Pad");
  const sizes = g.numbers(pad?.inputs[1]);
  if (pad === undefined || sizes === undefined || !isOfZeros(pad, g)) return undefined;
  const rank = sizes.length / 2;
  const isSpatial = sizes.every((size, at) => size >= 0 && (at % rank >= 2 || size === 0));
  if (!isSpatial) return undefined;
  const added = sizes.filter((_, at) => at % rank >= 2);
  const own = intsAttr(op, "pads") ?? added.map(() => 0);
  if (own.length !== added.length) return undefined;
  const pads = added.map((size, at) => size + (own[at] as number));
  return [{ ...op, inputs: [pad.inputs[0] as string, ...op.inputs.slice(1)], attrs: { ...op.attrs, pads } }];
}

/** Of all dimensions, and with zeros, which is what a Pad without a value does. */
function isOfZeros(pad: OnnxOp, g: GraphEditor): boolean {
  const [, , value, axes] = pad.inputs;
  const isConstant = pad.attrs.mode === undefined || pad.attrs.mode === "constant";
  const isZero =
    value === undefined || value === "" || g.numbers(value)?.every((each) => each === 0) === true;
  return isConstant && isZero && axes === undefined;
}
