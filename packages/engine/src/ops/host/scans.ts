/** Running totals along an axis. */
import { type DType, shapeText, type Tensor, unimplemented } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { aroundAxis } from "./boxes.js";
import * as complex from "./complex.js";
import { type Complex, domainOf, elementsOf, isFloat, newElements, tensorOf } from "./domains.js";
import { axisOf, compute, ensure, integerOf } from "./kernel.js";

interface Scan<E> {
  readonly start: E;
  readonly step: (total: E, x: E) => E;
}

interface Scans {
  readonly float: Scan<number>;
  readonly int?: Scan<number>;
  readonly big?: Scan<bigint>;
  readonly complex?: Scan<Complex>;
}

function scan<E>(
  x: Tensor,
  axis: number,
  exclusive: boolean,
  reverse: boolean,
  { start, step }: Scan<E>,
): Tensor {
  const { outer, size, inner } = aroundAxis(x.shape, axis);
  const source = elementsOf<E>(x);
  const out = newElements<E>(x.dtype, x.shape);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let total = start;
      for (let n = 0; n < size; n++) {
        const at = (o * size + (reverse ? size - 1 - n : n)) * inner + i;
        if (exclusive) out[at] = total;
        total = step(total, source[at] as E);
        if (!exclusive) out[at] = total;
      }
    }
  }
  return tensorOf(x.dtype, x.shape, out);
}

const scanning = (scans: Scans): HostRow =>
  compute((node) => {
    const [exclusive, reverse] = [node.attrs.bool("exclusive"), node.attrs.bool("reverse")];
    return (x, axisInput) => {
      ensure(
        axisInput.shape.length === 0,
        () => `axis must be a scalar, not of shape ${shapeText(axisInput.shape)}`,
      );
      const axis = axisOf(integerOf(axisInput, "axis"), x.shape.length, "scan axis");
      return scan(x, axis, exclusive, reverse, scanFor(scans, x.dtype));
    };
  });

function scanFor(scans: Scans, dtype: DType): Scan<unknown> {
  const domain = domainOf(dtype);
  const found =
    domain === "real"
      ? scans[isFloat(dtype) ? "float" : "int"]
      : domain === "string"
        ? undefined
        : scans[domain];
  if (found === undefined) throw unimplemented(`no kernel for ${dtype}`);
  return found as Scan<unknown>;
}

/** log(e^a + e^b) without overflow. */
function logAddExp(a: number, b: number): number {
  if (a === Number.NEGATIVE_INFINITY && b === Number.NEGATIVE_INFINITY) return a;
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

// Totals wrap as they grow, lest a product of many integers become a number of thousands of digits.
const wrapped = (total: bigint): bigint => BigInt.asIntN(64, total);

export const scanKernels: HostTable = {
  Cumsum: scanning({
    float: { start: 0, step: (total, x) => total + x },
    int: { start: 0, step: (total, x) => (total + x) | 0 },
    big: { start: 0n, step: (total, x) => wrapped(total + x) },
    complex: { start: [0, 0], step: complex.add },
  }),
  Cumprod: scanning({
    float: { start: 1, step: (total, x) => total * x },
    int: { start: 1, step: Math.imul },
    big: { start: 1n, step: (total, x) => wrapped(total * x) },
    complex: { start: [1, 0], step: complex.mul },
  }),
  CumulativeLogsumexp: scanning({ float: { start: Number.NEGATIVE_INFINITY, step: logAddExp } }),
};
