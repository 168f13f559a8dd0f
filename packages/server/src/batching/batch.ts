/**
 * Requests joined into one along the first dimension, and the answer taken apart again. Pure functions: when to join
 * is for scheduler.ts to say.
 */
import {
  allocate,
  type DType,
  dtypeInfo,
  elementCount,
  failedPrecondition,
  type NumericData,
  type Tensor,
} from "@servable/formats";
import { MIN_SPARE_BYTES, spareMemory } from "../servables/spare-memory.js";

export type Tensors = ReadonlyMap<string, Tensor>;

/**
 * The size of the first dimension, which must be the same for all tensors. Undefined when there is none: such a
 * request is no batch and joins none.
 */
export function rowsOf(tensors: Tensors): number | undefined {
  const sizes = new Set([...tensors.values()].map(({ shape }) => shape[0]));
  const [size] = sizes;
  return sizes.size === 1 ? size : undefined;
}

/**
 * Tells apart what can't be joined: all but the first dimension of each tensor must agree.
 *
 * @param pads whether rows of different sizes are padded, so that only their ranks must agree
 */
export function rowShapeKey(tensors: Tensors, pads: boolean): string {
  let key = "";
  for (const [name, { dtype, shape }] of tensors) {
    key += `${name} ${dtype} ${pads ? shape.length : shape.slice(1).join()};`;
  }
  return key;
}

/** Ranks that TensorFlow Serving pads. */
const MAX_PADDED_RANK = 6;

/** Whether the tensors' rows can be padded: of rank 1 to 6, with a first value to pad with. */
export function canBePadded(tensors: Tensors): boolean {
  return [...tensors.values()].every(
    ({ shape, data }) => shape.length >= 1 && shape.length <= MAX_PADDED_RANK && data.length > 0,
  );
}

/**
 * The tensors of several requests, one below the other, in memory of their own.
 *
 * @param rows rows of the result; what the requests don't fill repeats the first row of the first one
 */
export function join(requests: readonly Tensors[], rows: number): Map<string, Tensor> {
  const [first] = requests;
  return new Map(
    [...(first ?? [])].map(([name]) => {
      const parts = requests.map((request) => request.get(name) as Tensor);
      return [name, stack(padded(parts), rows)];
    }),
  );
}

/** The tensors of one input, their rows of one shape: the largest in each dimension. */
function padded(parts: readonly Tensor[]): readonly Tensor[] {
  const [first] = parts as readonly [Tensor];
  const isEven = parts.every(({ shape }) =>
    shape.every((size, axis) => axis === 0 || size === first.shape[axis]),
  );
  if (isEven) return parts;
  const largest = first.shape.map((_, axis) => Math.max(...parts.map(({ shape }) => shape[axis] as number)));
  return parts.map((part) => padRows(part, largest.slice(1)));
}

/** The tensor with rows of a larger shape, in which its first element fills what is new. */
function padRows(tensor: Tensor, rowShape: readonly number[]): Tensor {
  const shape = [tensor.shape[0] as number, ...rowShape];
  const { lanes } = dtypeInfo(tensor.dtype);
  const data = allocate(tensor.dtype, elementCount(shape));
  for (let at = 0; at < data.length; at += lanes) put(data, at, tensor.data.slice(0, lanes));
  copyBlock(tensor, data, shape, lanes);
  return { dtype: tensor.dtype, shape, data } as Tensor;
}

/** Copies a tensor into the low corner of a larger one: runs of its last axis, one after the other. */
function copyBlock(from: Tensor, to: Tensor["data"], shape: readonly number[], lanes: number): void {
  const run = (from.shape.at(-1) ?? 1) * lanes;
  const index = new Array<number>(Math.max(0, from.shape.length - 1)).fill(0);
  for (let at = 0; at < from.data.length; at += run) {
    let offset = 0;
    for (const [axis, position] of index.entries())
      offset = (offset + position) * (shape[axis + 1] as number);
    put(to, offset * lanes, from.data.slice(at, at + run));
    advance(index, from.shape);
  }
}

/** Counts up, the last position first. */
function advance(index: number[], shape: readonly number[]): void {
  for (let axis = index.length - 1; axis >= 0; axis--) {
    index[axis] = (index[axis] as number) + 1;
    if ((index[axis] as number) < (shape[axis] as number)) return;
    index[axis] = 0;
  }
}

/** The results of a request that was cut. FAILED_PRECONDITION when their rows are not of one shape. */
export function joinParts(results: readonly Tensors[], sizes: readonly number[]): Map<string, Tensor> {
  const [first] = results as readonly [Tensors];
  for (const result of results) {
    if (rowShapeKey(result, false) === rowShapeKey(first, false)) continue;
    throw failedPrecondition("The parts of a split request have outputs whose rows differ in shape");
  }
  return join(
    results,
    sizes.reduce((sum, size) => sum + size, 0),
  );
}

/** A request cut into several of so many rows, as views. */
export function cut(tensors: Tensors, sizes: readonly number[]): Map<string, Tensor>[] {
  let from = 0;
  return sizes.map((size) => {
    const start = from;
    from += size;
    return new Map([...tensors].map(([name, tensor]) => [name, rowsFrom(tensor, start, size)]));
  });
}

function stack(parts: readonly Tensor[], rows: number): Tensor {
  const [{ dtype, shape }] = parts as [Tensor];
  const rowShape = shape.slice(1);
  const rowEntries = elementCount(rowShape) * dtypeInfo(dtype).lanes;
  const tensorShape = [rows, ...rowShape];
  const data = memoryFor(dtype, elementCount(tensorShape));
  let at = 0;
  for (const part of parts) at = put(data, at, part.data);
  if (at < data.length) repeatFirstRow(data, at, rowEntries);
  return { dtype, shape: tensorShape, data } as Tensor;
}

/** Fills what is left of a batch. */
function repeatFirstRow(data: Tensor["data"], from: number, rowEntries: number): void {
  const row = data.slice(0, rowEntries);
  for (let at = from; at < data.length; ) at = put(data, at, row);
}

/** With whatever was in it: all of it is written. Moves to the model's thread, and comes back from there. */
function memoryFor(dtype: DType, count: number): Tensor["data"] {
  const { array, size } = dtypeInfo(dtype);
  const bytes = count * size;
  if (array === undefined || bytes < MIN_SPARE_BYTES) return allocate(dtype, count);
  return new array(spareMemory.take(bytes));
}

function put(data: Tensor["data"], at: number, part: Tensor["data"]): number {
  if (Array.isArray(data)) {
    for (const [i, string] of (part as Uint8Array[]).entries()) data[at + i] = string;
  } else {
    (data as Uint8Array).set(part as Uint8Array, at);
  }
  return at + part.length;
}

/**
 * The outputs of a batch for each request, as views. FAILED_PRECONDITION when an output does not have one row for
 * each row of the batch.
 *
 * @param sizes rows of each request; what is left of the batch is padding
 */
export function split(outputs: Tensors, sizes: readonly number[], rows: number): Map<string, Tensor>[] {
  for (const [name, { shape }] of outputs) {
    if (shape[0] === rows) continue;
    throw failedPrecondition(
      `Batched output tensor "${name}" has a 0th dimension of ${shape[0] ?? "none"}, which does not equal the sum of ` +
        `the 0th dimension sizes of the input tensors, ${rows}`,
    );
  }
  return cut(outputs, sizes);
}

function rowsFrom(tensor: Tensor, start: number, size: number): Tensor {
  const rowShape = tensor.shape.slice(1);
  const entries = elementCount(rowShape) * dtypeInfo(tensor.dtype).lanes;
  const [from, to] = [start * entries, (start + size) * entries];
  if (tensor.dtype !== "string") spareMemory.share(tensor.data.buffer);
  const data =
    tensor.dtype === "string" ? tensor.data.slice(from, to) : (tensor.data as NumericData).subarray(from, to);
  return { dtype: tensor.dtype, shape: [size, ...rowShape], data } as Tensor;
}
