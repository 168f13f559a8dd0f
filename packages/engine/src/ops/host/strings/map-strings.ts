/** How rows of ops over strings are written: one function from a byte string to a result, over a whole tensor. */
import { allocate, type StringTensor, type Tensor } from "@servable/formats";
import type { HostRow, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { compute } from "../kernel.js";

/** A tensor that must hold strings; the importer has checked types. */
export function stringsOf(tensor: Tensor | undefined): StringTensor {
  return tensor as StringTensor;
}

/** The row of an op that changes each string on its own. */
export function mapStrings(make: (node: NodeFacts) => (text: Uint8Array) => Uint8Array): HostRow {
  return compute((node) => {
    const change = make(node);
    return (input) => ({ ...stringsOf(input), data: stringsOf(input).data.map(change) });
  });
}

/** The row of an op that makes a number of each string. */
export function mapToNumbers(
  dtype: "int32" | "bool",
  make: (node: NodeFacts) => (text: Uint8Array) => number,
): HostRow {
  return compute((node) => {
    const measure = make(node);
    return (input) => {
      const { shape, data } = stringsOf(input);
      const numbers = allocate(dtype, data.length);
      for (let i = 0; i < data.length; i++) numbers[i] = measure(data[i] as Uint8Array);
      return tensorOver(dtype, shape, numbers);
    };
  });
}
