/** Holds the values that a program brings for variables against the graph that declares them. */
import { sameShape, shapeText } from "../shape.js";
import { invalidArgument } from "../status.js";
import type { Tensor } from "../tensor.js";
import type { Variable } from "./variable.js";

/** INVALID_ARGUMENT, listing all, unless every variable has a value of its dtype and shape. */
export function checkVariableValues(
  variables: readonly Variable[],
  values: ReadonlyMap<string, Tensor>,
): void {
  const problems = variables.flatMap(({ name, dtype, shape }) => {
    const value = values.get(name);
    if (value === undefined) return [`variable "${name}" has no value`];
    if (value.dtype === dtype && sameShape(value.shape, shape)) return [];
    const expected = `${dtype} of shape ${shapeText(shape)}`;
    return [`variable "${name}" must be ${expected}, got ${value.dtype} of shape ${shapeText(value.shape)}`];
  });
  if (problems.length > 0) throw invalidArgument(`Values of variables: ${problems.join("; ")}`);
}
