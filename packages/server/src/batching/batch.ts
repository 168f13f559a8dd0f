/**
 * Requests joined into one along the first dimension, and the answer taken apart again. Pure functions: when to join
 * is for scheduler.ts to say.
 */
import {
  allocate,
  dtypeInfo,
  elementCount,
  failedPrecondition,
  type NumericData,
  type Tensor,
} from "@servable/formats";

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

/** Tells apart what can't be joined: all but the first dimension of each tensor must agree. */
export function rowShapeKey(tensors: Tensors): string {
  return [...tensors]
    .map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape.slice(1).join()}`)
    .join(";");
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
      return [name, stack(parts, rows)];
    }),
  );
}

function stack(parts: readonly Tensor[], rows: number): Tensor {
  const [{ dtype, shape }] = parts as [Tensor];
  const rowShape = shape.slice(1);
  const rowEntries = elementCount(rowShape) * dtypeInfo(dtype).lanes;
  const tensorShape = [rows, ...rowShape];
  const data = allocate(dtype, elementCount(tensorShape));
  let at = 0;
  for (const part of parts) at = put(data, at, part.data);
  const row = parts[0]?.data.slice(0, rowEntries) as Tensor["data"];
  while (at < rows * rowEntries) at = put(data, at, row);
  return { dtype, shape: tensorShape, data } as Tensor;
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
  let from = 0;
  return sizes.map((size) => {
    const start = from;
    from += size;
    return new Map([...outputs].map(([name, tensor]) => [name, rowsFrom(tensor, start, size)]));
  });
}

function rowsFrom(tensor: Tensor, start: number, size: number): Tensor {
  const rowShape = tensor.shape.slice(1);
  const entries = elementCount(rowShape) * dtypeInfo(tensor.dtype).lanes;
  const [from, to] = [start * entries, (start + size) * entries];
  const data =
    tensor.dtype === "string" ? tensor.data.slice(from, to) : (tensor.data as NumericData).subarray(from, to);
  return { dtype: tensor.dtype, shape: [size, ...rowShape], data } as Tensor;
}
