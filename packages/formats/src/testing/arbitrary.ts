/** Random values for tests of properties, the same ones for the same seed: names, dtypes, shapes, tensors, slices. */
import type { TensorSlice } from "../checkpoint/tensor-slice.js";
import { type DType, dtypeInfo, dtypes } from "../dtype.js";
import { elementCount, type Shape } from "../shape.js";
import { bytesOf, type Tensor, zeros } from "../tensor.js";
import { seededRandom } from "./mutations.js";

const NAME_PARTS = [
  "w",
  "kernel",
  "Ü",
  "日本",
  "a.b",
  "x-1",
  "_",
  "layer with blanks",
  "\u0001",
  "ÿ",
  "0",
  "E",
];

/** Makes random values of every kind that checkpoints hold. */
export class Arbitrary {
  private readonly random: (limit: number) => number;

  constructor(seed: number) {
    this.random = seededRandom(seed * 2654435761);
  }

  natural(limit: number): number {
    return this.random(limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.random(items.length)] as T;
  }

  /** Of one to four parts; with a number at the end no two are the same. */
  name(number: number): string {
    const parts = Array.from({ length: 1 + this.random(3) }, () => this.pick(NAME_PARTS));
    return [...parts, String(number)].join(this.pick(["/", "_", ".", ":"]));
  }

  names(count: number): string[] {
    return Array.from({ length: count }, (_, i) => this.name(i));
  }

  dtype(allowed: readonly DType[] = dtypes.map(({ name }) => name)): DType {
    return this.pick(allowed);
  }

  /** Of rank 0 to 4; sizes of 0 and 1 are not rare. */
  shape(): number[] {
    return Array.from({ length: this.random(5) }, () => this.pick([0, 1, 1, 2, 3, 5, 7]));
  }

  /** Of numbers only: JavaScript's, by which messages hold floats, don't keep all bits of what is no number. */
  tensor(dtype: DType, shape: Shape): Tensor {
    const tensor = zeros(dtype, shape) as Tensor;
    if (tensor.dtype === "string") {
      return { ...tensor, data: tensor.data.map(() => this.bytes(this.random(40))) };
    }
    const { bits, kind } = dtypeInfo(dtype);
    const bytes = bytesOf(tensor.data);
    const isFloat = kind === "float" || kind === "complex";
    const limit = kind === "bool" ? 2 : bits < 8 ? 2 ** (bits - 1) : isFloat ? 0x70 : 256;
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.random(limit);
    return tensor;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.random(256));
  }

  /** A part of a tensor; it may be empty. */
  slice(shape: Shape): TensorSlice {
    const start = shape.map((size) => this.random(size + 1));
    return { start, length: shape.map((size, axis) => this.random(size - (start[axis] as number) + 1)) };
  }

  /** Into how many parts a shape can be cut. */
  parts(shape: Shape): number[] {
    return shape.map((size) => 1 + this.random(Math.max(1, Math.min(size, 3))));
  }

  /** Whether a tensor of this shape can be stored in slices. */
  isCuttable(shape: Shape): boolean {
    return elementCount(shape) > 1;
  }
}
