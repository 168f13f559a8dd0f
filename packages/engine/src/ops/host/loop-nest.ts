/**
 * Nested loops over arrays laid out by strides: the one engine behind broadcasting, reductions and data movement.
 *
 * An operand's stride along an axis is the distance in its array between neighbours; 0 repeats an element (or, for an
 * output, gathers many into one). Axes that all operands walk evenly are merged, so that equal shapes become a
 * single loop and a bias added to rows becomes two.
 */
import { invalidArgument, type Shape, shapeText, stridesOf } from "@servable/formats";

export interface LoopNest {
  /** Length of the innermost loop. */
  readonly run: number;
  /** Distance in each operand's array between the elements of a run. */
  readonly steps: readonly number[];
  /** Calls `visit` with where each operand's run begins, in row-major order. The array is reused. */
  each(visit: (offsets: readonly number[]) => void, start?: readonly number[]): void;
}

/** The loops over all positions of `shape`; `strides` has a list for each operand. */
export function loopNest(shape: Shape, strides: readonly (readonly number[])[]): LoopNest {
  const { sizes, steps } = merged(shape, strides);
  const run = sizes.pop() as number;
  const inner = steps.pop() as readonly number[];
  const empty = shape.includes(0);
  return {
    run,
    steps: inner,
    each(visit, start) {
      if (empty) return;
      const offsets = start === undefined ? inner.map(() => 0) : [...start];
      walk(sizes, steps, offsets, visit);
    },
  };
}

/** Sizes of the remaining axes, and per axis the step of each operand. At least one axis remains. */
function merged(shape: Shape, strides: readonly (readonly number[])[]) {
  const sizes: number[] = [];
  const steps: (readonly number[])[] = [];
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis] as number;
    if (size === 1) continue;
    const step = strides.map((operand) => operand[axis] as number);
    const outer = steps.at(-1);
    if (outer?.every((distance, operand) => distance === (step[operand] as number) * size)) {
      sizes[sizes.length - 1] = (sizes.at(-1) as number) * size;
      steps[steps.length - 1] = step;
    } else {
      sizes.push(size);
      steps.push(step);
    }
  }
  if (sizes.length > 0) return { sizes, steps };
  return { sizes: [1], steps: [strides.map(() => 0)] };
}

function walk(
  sizes: readonly number[],
  steps: readonly (readonly number[])[],
  offsets: number[],
  visit: (offsets: readonly number[]) => void,
): void {
  const index = sizes.map(() => 0);
  for (;;) {
    visit(offsets);
    let axis = sizes.length - 1;
    for (; axis >= 0; axis--) {
      const step = steps[axis] as readonly number[];
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (sizes[axis] as number)) {
        for (let i = 0; i < step.length; i++) offsets[i] = (offsets[i] as number) + (step[i] as number);
        break;
      }
      index[axis] = 0;
      const back = (sizes[axis] as number) - 1;
      for (let i = 0; i < step.length; i++) offsets[i] = (offsets[i] as number) - (step[i] as number) * back;
    }
    if (axis < 0) return;
  }
}

/** The shape that all operands broadcast to. INVALID_ARGUMENT when there is none. */
export function broadcastShape(...shapes: Shape[]): Shape {
  return shapes.reduce((a, b) => {
    const rank = Math.max(a.length, b.length);
    return Array.from({ length: rank }, (_, axis) => {
      const sizeA = a[axis - rank + a.length] ?? 1;
      const sizeB = b[axis - rank + b.length] ?? 1;
      if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
        throw invalidArgument(`Incompatible shapes: ${shapeText(a)} vs. ${shapeText(b)}`);
      }
      return sizeA === 1 ? sizeB : sizeA;
    });
  });
}

/** The strides by which an operand of `from` is read at the positions of `to`: 0 where it is repeated. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  const missing = to.length - from.length;
  return to.map((_, axis) =>
    axis < missing || from[axis - missing] === 1 ? 0 : (strides[axis - missing] as number),
  );
}

/** Loops over the positions of `shape` for operands that broadcast to it, and last its own row-major array. */
export function broadcastNest(shape: Shape, operands: readonly Shape[]): LoopNest {
  return loopNest(shape, [...operands.map((operand) => broadcastStrides(operand, shape)), stridesOf(shape)]);
}
