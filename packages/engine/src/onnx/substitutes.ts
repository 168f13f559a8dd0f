/**
 * Operators whose kernels in ONNX Runtime 1.30 take a type but compute it wrongly, as compositions of others.
 *
 * Its vectorized comparison of int64 takes the lower halves of numbers for signed ones when the upper halves are the same:
 * the larger of 100 and 4294967290 is 100 to Max, Min, Clip, Sign, ReduceMax and ReduceMin, for whole vectors of four,
 * and is right for what is left over. Less and Greater compare rightly. Reductions have no such form here: rows see to them.
 */
import type { DType } from "@servable/formats";
import type { OnnxEmitter, OnnxValue } from "./emitter.js";

type Substitute = (g: OnnxEmitter, inputs: readonly OnnxValue[]) => OnnxValue;

const chosen = (g: OnnxEmitter, comparison: "Less" | "Greater", a: OnnxValue, b: OnnxValue): OnnxValue =>
  g.op("Where", [g.op(comparison, [a, b]), a, b]);

const extreme =
  (comparison: "Less" | "Greater"): Substitute =>
  (g, inputs) =>
    inputs.reduce((a, b) => chosen(g, comparison, a, b));

const clip: Substitute = (g, [x, low, high]) => {
  const bounded = chosen(g, "Greater", x as OnnxValue, low as OnnxValue);
  return chosen(g, "Less", bounded, high as OnnxValue);
};

const sign: Substitute = (g, [x]) => {
  const zero = g.scalar("int64", 0);
  const is = (comparison: string) => g.cast(g.op(comparison, [x, zero]), "int64");
  return g.op("Sub", [is("Greater"), is("Less")]);
};

const ofInt64: Readonly<Record<string, Substitute>> = {
  Max: extreme("Greater"),
  Min: extreme("Less"),
  Clip: clip,
  Sign: sign,
};

/** What to emit instead of an operator for a type; undefined where its kernel is right. */
export function substituteOf(type: string, dtype: DType): Substitute | undefined {
  return dtype === "int64" ? ofInt64[type] : undefined;
}
