/** Holds the values that a program brings for variables against the graph that declares them. */
import { copyRegion, cutSlice } from "../checkpoint/tensor-slice.js";
import { dtypeInfo } from "../dtype.js";
import { type Shape, sameShape, shapeText } from "../shape.js";
import { invalidArgument } from "../status.js";
import { type Tensor, zeros } from "../tensor.js";
import type { Variable } from "./variable.js";

/** INVALID_ARGUMENT, listing all, unless every variable has a value of its dtype and shape. */
export function checkVariableValues(
  variables: readonly Variable[],
  values: ReadonlyMap<string, Tensor>,
): void {
  const problems = variables.flatMap(({ name, dtype, shape }) => {
    const value = values.get(name);
    return value === undefined
      ? `variable "${name}" has no value`
      : (mismatch(name, value, dtype, shape) ?? []);
  });
  if (problems.length > 0) throw invalidArgument(`Values of variables: ${problems.join("; ")}`);
}

function mismatch(name: string, value: Tensor, dtype: string, shape: Shape): string | undefined {
  if (value.dtype === dtype && sameShape(value.shape, shape)) return undefined;
  const expected = `${dtype} of shape ${shapeText(shape)}`;
  return `variable "${name}" must be ${expected}, got ${value.dtype} of shape ${shapeText(value.shape)}`;
}

/**
 * The values with those of partitioned variables cut into their parts: a value may be given whole, under the name of
 * the whole. INVALID_ARGUMENT, listing all, for such that have another dtype or shape.
 */
export function inParts(
  variables: readonly Variable[],
  values: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, Tensor> {
  const parts = variables.filter(
    ({ partition }) => partition !== undefined && values.has(partition.fullName),
  );
  if (parts.length === 0) return values;
  const problems = new Set<string>();
  const cut = new Map(values);
  for (const { name, dtype, partition } of parts) {
    if (partition === undefined) continue;
    const { fullName, fullShape, slice } = partition;
    const whole = values.get(fullName) as Tensor;
    const problem = mismatch(fullName, whole, dtype, fullShape);
    if (problem !== undefined) problems.add(problem);
    else cut.set(name, cutSlice(whole, slice));
  }
  if (problems.size > 0) throw invalidArgument(`Values of variables: ${[...problems].join("; ")}`);
  for (const { partition } of parts) cut.delete(partition?.fullName ?? "");
  return cut;
}

/** The whole of a partitioned variable. INVALID_ARGUMENT, listing all, unless every part has a value that fits. */
export function joinParts(parts: readonly Variable[], values: ReadonlyMap<string, Tensor>): Tensor {
  checkVariableValues(parts, values);
  const { dtype, partition } = parts[0] as Variable;
  const whole = zeros(dtype, partition?.fullShape ?? []) as Tensor;
  for (const { name, shape, partition } of parts) {
    const from = { data: (values.get(name) as Tensor).data, shape, start: shape.map(() => 0) };
    const to = { data: whole.data, shape: whole.shape, start: partition?.slice.start ?? [] };
    copyRegion(from, to, shape, dtypeInfo(dtype).lanes);
  }
  return whole;
}
