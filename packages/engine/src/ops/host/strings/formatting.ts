/** StringFormat: printed tensors in the places that a template leaves for them. */
import { invalidArgument } from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { bytesOfLatin1, latin1Of } from "../byte-strings.js";
import { tensorOver } from "../element-memory.js";
import { compute, type TensorFunction } from "../kernel.js";
import { printTensor } from "./print-tensor.js";

function stringFormat({ attrs, inputTypes }: NodeFacts): TensorFunction {
  const pieces = latin1Of(attrs.bytes("template")).split(latin1Of(attrs.bytes("placeholder")));
  const summarize = attrs.int("summarize");
  if (pieces.length - 1 !== inputTypes.length) {
    throw invalidArgument(
      `num placeholders in template and num inputs must match: ${pieces.length - 1} vs. ${inputTypes.length}`,
    );
  }
  return (...inputs) => {
    const printed = inputs.map((tensor, i) => printTensor(tensor, summarize) + (pieces[i + 1] as string));
    return tensorOver("string", [], [bytesOfLatin1((pieces[0] as string) + printed.join(""))]);
  };
}

export const formattingKernels: HostTable = {
  StringFormat: compute(stringFormat),
};
