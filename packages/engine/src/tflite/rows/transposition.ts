/** Weights with their dimensions in another order: at once for constants, in the graph for what is computed. */
import { type NumericTensor, type OpInput, type Shape, stridesOf, type Tensor } from "@servable/formats";
import { ints, type TfliteOp } from "../operator.js";

/** Input `i` with dimension `perm[k]` as its k-th. */
export function transposed(op: TfliteOp, i: number, perm: readonly number[]): OpInput {
  const constant = op.constant(i);
  return constant === undefined || constant.shape.length !== perm.length
    ? op.g.compute("Transpose", [op.input(i), ints(...perm)])
    : transposedConstant(constant, perm);
}

function transposedConstant(value: Tensor, perm: readonly number[]): Tensor {
  const { dtype, data } = value as NumericTensor;
  const shape = perm.map((axis) => value.shape[axis] as number);
  const strides = stridesOf(value.shape);
  const moved = data.slice() as Float32Array;
  const source = data as Float32Array;
  const steps = perm.map((axis) => strides[axis] as number);
  let at = 0;
  eachPosition(shape, steps, (position) => {
    moved[at++] = source[position] as number;
  });
  return { dtype, shape, data: moved } as Tensor;
}

/** Visits the positions of all elements in row-major order of `shape`, for strides of any order. */
function eachPosition(shape: Shape, steps: readonly number[], visit: (position: number) => void): void {
  if (shape.includes(0)) return;
  const index = new Array<number>(shape.length).fill(0);
  let position = 0;
  for (;;) {
    visit(position);
    let axis = shape.length - 1;
    for (; axis >= 0; axis--) {
      position += steps[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      position -= (steps[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}
