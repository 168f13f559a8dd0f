/** Reshapes that another one undoes, or that give a shape that is there already. */
import type { PartialShape } from "@servable/formats";
import type { OnnxOp } from "../onnx-graph.js";
import { type GraphEditor, makeOp, type Rewritten } from "./graph-editor.js";

const reshaping = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"];

/** A Reshape to known sizes does not care for how its input was shaped before. */
export function joinReshapes(op: OnnxOp, g: GraphEditor): Rewritten {
  if (op.type !== "Reshape") return undefined;
  const [x = "", to = ""] = op.inputs;
  const sizes = g.numbers(to);
  // An entry of 0 stands for the size that the input has there.
  if (sizes === undefined || sizes.includes(0)) return undefined;
  const from = g.producer(x, ...reshaping)?.inputs[0] ?? x;
  if (fits(g.shape(from), sizes)) return { same: from };
  const pooling = g.producer(from, "GlobalAveragePool");
  if (pooling !== undefined && isPooled(sizes)) return { same: from };
  return from === x ? undefined : [makeOp("Reshape", [from, to], op.outputs[0] as string)];
}

/** What a pooling over all places has given already, for an image of one number a channel. */
function isPooled([batch, channels = 0, ...places]: readonly number[]): boolean {
  return batch === -1 && channels > 0 && places.length === 2 && places.every((size) => size === 1);
}

/** Whether reshaping to these sizes leaves a shape as it is: all known but one, which follows. */
function fits(shape: PartialShape, sizes: readonly number[]): boolean {
  if (shape === null || shape.length !== sizes.length) return false;
  const isSame = sizes.every((size, axis) => size === shape[axis]);
  return isSame && sizes.filter((size) => size < 0).length <= 1;
}
