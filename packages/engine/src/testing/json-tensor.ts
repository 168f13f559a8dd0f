/** Tensors as recorded fixtures hold them, and how they are compared. */
import assert from "node:assert/strict";
import {
  allocate,
  type DType,
  dataFromBytes,
  elementCount,
  type Shape,
  type Tensor,
  tensor,
} from "@servable/formats";
import { compareTensor, decodeBase64, type Tolerance } from "@servable/formats/testing";

/** Exactly one of the last three is there. */
export interface JsonTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly values?: readonly (number | boolean)[];
  /** Elements as little-endian bytes, in base64. */
  readonly content?: string;
  /** Of a string tensor: each element in base64. */
  readonly bytes?: readonly string[];
}

export function tensorOfJson({ dtype, shape, values, content, bytes }: JsonTensor): Tensor {
  if (dtype === "string") return tensor(dtype, shape, (bytes ?? []).map(decodeBase64));
  if (content !== undefined) {
    return { dtype, shape, data: dataFromBytes(dtype, decodeBase64(content)) } as Tensor;
  }
  const data = allocate(dtype, elementCount(shape)) as Float32Array;
  const entries = data instanceof BigInt64Array ? values?.map((value) => BigInt(value)) : values?.map(Number);
  entries?.forEach((value, i) => {
    data[i] = value as number;
  });
  return { dtype, shape, data } as Tensor;
}

export function tensorsOfJson(record: Readonly<Record<string, JsonTensor>>): Map<string, Tensor> {
  return new Map(Object.entries(record).map(([name, json]) => [name, tensorOfJson(json)]));
}

/** The same names, dtypes and shapes; numbers within the tolerance, strings the same. */
export function assertTensorsClose(
  actual: ReadonlyMap<string, Tensor>,
  expected: ReadonlyMap<string, Tensor>,
  tolerance: Tolerance,
  where: string,
): void {
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort(), where);
  for (const [name, value] of expected) {
    compareTensor(actual.get(name) as Tensor, value, tolerance, `${where}, ${name}`);
  }
}
