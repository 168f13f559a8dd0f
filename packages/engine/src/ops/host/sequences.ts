/** Ops that make sequences and diagonals of numbers. */
import {
  type DType,
  elementCount,
  resourceExhausted,
  sameShape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type { HostTable } from "../op-table.js";
import { copyBox, newLike } from "./boxes.js";
import { domainOf, elementsOf, newElements, realsOf, roundingOf, tensorOf } from "./domains.js";
import { compute, countOf, ensure, integerOf } from "./kernel.js";

/** start, start + delta, … before limit. */
function range(start: Tensor, limit: Tensor, delta: Tensor): Tensor {
  const { dtype } = start;
  const [from, to, by] = [start, limit, delta].map((input, i) => {
    const name = ["start", "limit", "delta"][i];
    const isScalar = elementCount(input.shape) === 1 && input.shape.length <= 1;
    ensure(isScalar, () => `${name} must be a scalar, not shape ${shapeText(input.shape)}`);
    return elementsOf<number>(input)[0] as number;
  }) as [number, number, number];
  // Operators on numbers and bigints alike.
  ensure(Boolean(by), "Requires delta != 0: 0");
  ensure(by < 0 || from <= to, () => `Requires start <= limit when delta > 0: ${from}/${to}`);
  ensure(by > 0 || from >= to, () => `Requires start >= limit when delta < 0: ${from}/${to}`);
  const size = stepsBetween(dtype, from, to, by);
  ensure(Number.isFinite(size), "Requires ((limit - start) / delta) <= 9223372036854775807");
  if (!Number.isSafeInteger(size)) throw resourceExhausted(`a range of ${size} elements is too large`);
  if (domainOf(dtype) === "big") {
    const [first, step] = [from, by] as unknown as [bigint, bigint];
    return filled<bigint>(dtype, size, (i) => first + BigInt(i) * step);
  }
  const round = roundingOf(dtype);
  return filled<number>(dtype, size, (i) => from + round(by * i));
}

function stepsBetween(dtype: DType, from: number, to: number, by: number): number {
  if (domainOf(dtype) !== "big") {
    const round = roundingOf(dtype);
    return Math.ceil(Math.abs(round(round(to - from) / by)));
  }
  const [distance, step] = [BigInt(to) - BigInt(from), BigInt(by)];
  return Number(distance / step) + (distance % step === 0n ? 0 : 1);
}

function filled<E>(dtype: DType, size: number, element: (i: number) => E): Tensor {
  const out = newElements<E>(dtype, [size]);
  for (let i = 0; i < size; i++) out[i] = element(i);
  return tensorOf(dtype, [size], out);
}

/** `num` values evenly from start to stop, which is met exactly. */
function linSpace(start: Tensor, stop: Tensor, num: Tensor): Tensor {
  const [from, to] = [start, stop].map((input) => realsOf(input)[0]) as [number, number];
  ensure(start.shape.length === 0, () => `start must be a scalar, not shape ${shapeText(start.shape)}`);
  ensure(stop.shape.length === 0, () => `stop must be a scalar, not shape ${shapeText(stop.shape)}`);
  const count = integerOf(num, "num");
  ensure(count > 0, () => `Requires num > 0: ${count}`);
  const round = roundingOf(start.dtype);
  const step = round(round(to - from) / (count - 1));
  return filled(start.dtype, count, (i) => (i === 0 ? from : i === count - 1 ? to : from + round(step * i)));
}

/** A tensor of twice the rank with x on its diagonal. */
function diag(x: Tensor): Tensor {
  const size = countOf(x.shape);
  const out = newLike(x, [...x.shape, ...x.shape]);
  copyBox([size], { value: x }, { value: out, strides: [size + 1] });
  return out as Tensor;
}

function diagPart(x: Tensor): Tensor {
  const half = x.shape.length / 2;
  const shape = x.shape.slice(0, half);
  ensure(
    half >= 1 && Number.isInteger(half) && sameShape(shape, x.shape.slice(half)),
    () => `Invalid shape ${shapeText(x.shape)}: the first half of the dimensions must equal the second`,
  );
  const size = countOf(shape);
  const out = newLike(x, shape);
  copyBox([size], { value: x, strides: [size + 1] }, { value: out });
  return out as Tensor;
}

export const sequenceKernels: HostTable = {
  Range: compute(() => range),
  LinSpace: compute(() => linSpace),
  Diag: compute(() => diag),
  DiagPart: compute(() => diagPart),
};
