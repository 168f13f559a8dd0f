/**
 * Tensors as bytes, as raw_input_contents and raw_output_contents of the gRPC messages and the binary tensor data
 * extension of REST have them (document: Open Inference Protocol v2, "Raw Tensor Contents" and "Binary Tensor Data
 * Extension"): row-major and little-endian, a BOOL as one byte of 0 or 1, a BYTES element as its length in four bytes
 * and what it holds.
 */
import {
  bytesOf,
  dataFromBytes,
  dtypeInfo,
  elementCount,
  invalidArgument,
  type Shape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type { Datatype } from "./datatypes.js";

const LENGTH_BYTES = 4;

/** A view on the bytes where their alignment allows. INVALID_ARGUMENT when they don't fit datatype and shape. */
export function tensorFromRaw({ name, dtype }: Datatype, shape: Shape, bytes: Uint8Array): Tensor {
  const count = elementCount(shape);
  if (dtype === "string") return { dtype, shape, data: stringsOf(bytes, count) };
  const expected = count * dtypeInfo(dtype).size;
  if (bytes.length !== expected) {
    throw invalidArgument(
      `${name} of shape ${shapeText(shape)} takes ${expected} bytes, but ${bytes.length} came`,
    );
  }
  if (dtype === "bool") checkBools(bytes);
  return { dtype, shape, data: dataFromBytes(dtype, bytes) } as Tensor;
}

/** INVALID_ARGUMENT naming the first byte that is neither. */
export function checkBools(bytes: Uint8Array): void {
  // A loop: a call for each byte would hold others up.
  for (let at = 0; at < bytes.length; at++) {
    if ((bytes[at] as number) > 1) throw invalidArgument(`byte ${at} is no BOOL, which is 0 or 1`);
  }
}

function stringsOf(bytes: Uint8Array, count: number): Uint8Array[] {
  if (count * LENGTH_BYTES > bytes.length) {
    throw invalidArgument(
      `${count} BYTES elements take ${LENGTH_BYTES} bytes each and more, but ${bytes.length} came`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: Uint8Array[] = [];
  let at = 0;
  while (strings.length < count) {
    const start = at + LENGTH_BYTES;
    const length = start <= bytes.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (length > bytes.length - start) {
      throw invalidArgument(
        `BYTES element ${strings.length} at byte ${at} goes beyond the ${bytes.length} that came`,
      );
    }
    at = start + length;
    strings.push(bytes.subarray(start, at));
  }
  if (at !== bytes.length) {
    throw invalidArgument(`${count} BYTES elements take ${at} bytes, but ${bytes.length} came`);
  }
  return strings;
}

/** The bytes of a tensor: its own memory, or for strings a new piece. */
export function rawOf(tensor: Tensor): Uint8Array {
  if (tensor.dtype !== "string") return bytesOf(tensor.data);
  const size = tensor.data.reduce((sum, bytes) => sum + LENGTH_BYTES + bytes.length, 0);
  const raw = new Uint8Array(size);
  const view = new DataView(raw.buffer);
  let at = 0;
  for (const bytes of tensor.data) {
    view.setUint32(at, bytes.length, true);
    raw.set(bytes, at + LENGTH_BYTES);
    at += LENGTH_BYTES + bytes.length;
  }
  return raw;
}
