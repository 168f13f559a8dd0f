/**
 * The messages between the main thread and a worker thread, which holds one model or several small ones.
 *
 *     main                      worker
 *       ── load (model) ──────────▶   once for each model, first
 *       ◀──── progress (model) ───    now and then, while a large one is loaded
 *       ◀────── loaded (model) ───    or failed
 *       ── run (id, model) ───────▶   any number, answered in their order
 *       ◀──── result, error (id) ─
 *       ── close (model) ─────────▶   the model is freed
 *       ── end ───────────────────▶   the worker frees what it holds and ends
 *
 * Tensors travel packed: in buffers that belong to the message alone and are moved, not copied, with all strings of
 * a tensor in one.
 */
import {
  bytesOf,
  type Code,
  dataFromBytes,
  type NumericData,
  type Signature,
  StatusError,
  type Tensor,
} from "@servable/formats";
import type { LoadOptions, LoadProgress } from "./engine-contract.js";
import { MIN_SPARE_BYTES, spareMemory } from "./spare-memory.js";

/** What a run is of: a signature, whose names the inputs and outputs have, or the graph and the names of its tensors. */
export type RunTarget =
  | { readonly signature: string }
  /** Nodes to run for their effect. */
  | { readonly targets: readonly string[] };

export type ToWorker =
  | {
      readonly kind: "load";
      readonly model: number;
      readonly path: string;
      readonly options: LoadOptions;
      /** Whether requests wait for it: it then has a larger share of the processor. */
      readonly isUrgent: boolean;
    }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly model: number;
      readonly inputs: PackedTensors;
      readonly outputs: readonly string[];
      readonly of: RunTarget;
    }
  | { readonly kind: "close"; readonly model: number }
  | { readonly kind: "end" };

export type FromWorker =
  | { readonly kind: "progress"; readonly model: number; readonly progress: LoadProgress }
  | {
      readonly kind: "loaded";
      readonly model: number;
      readonly signatures: readonly Signature[];
      /** A serialized SignatureDefMap. */
      readonly signatureDefs: Uint8Array;
      /** Names of the signatures whose requests may be joined. */
      readonly rowIndependent: readonly string[];
      /** Names of the signatures whose inputs' sizes bound what a run costs. */
      readonly boundedWork: readonly string[];
      /** Names of the signatures that leave everything as it was. */
      readonly traceless: readonly string[];
      /** Names of those of them that don't loop. */
      readonly warmable: readonly string[];
    }
  | { readonly kind: "failed"; readonly model: number; readonly error: PackedError }
  | {
      readonly kind: "result";
      readonly id: number;
      readonly outputs: PackedTensors;
      /** How long the run took. */
      readonly micros: number;
      /** Memory of large inputs that the model did not keep. */
      readonly spent: readonly ArrayBuffer[];
    }
  | { readonly kind: "error"; readonly id: number; readonly error: PackedError };

/** What of a StatusError survives a structured clone. */
export interface PackedError {
  readonly code: Code;
  readonly message: string;
}

export function packError(reason: unknown): PackedError {
  const { code, message } = StatusError.from(reason);
  return { code, message };
}

export function unpackError({ code, message }: PackedError): StatusError {
  return new StatusError(code, message);
}

export type PackedTensors = readonly (readonly [name: string, tensor: PackedTensor])[];

type PackedTensor =
  | Exclude<Tensor, { dtype: "string" }>
  /** String i is bytes from offsets[i] to offsets[i + 1]. */
  | {
      readonly dtype: "string";
      readonly shape: readonly number[];
      readonly bytes: Uint8Array;
      readonly offsets: Float64Array;
    };

/** A message's tensors, and the buffers to put on its transfer list. */
export interface Packing {
  readonly tensors: PackedTensors;
  readonly transfer: ArrayBuffer[];
}

/** A request has this much beside a tensor whose memory its own may become. */
const MAX_UNUSED_BYTES = 4096;

/** The memory that may be moved: all of it, or that of these buffers. */
type Movable = "all" | ReadonlySet<ArrayBufferLike>;

/**
 * Packs tensors. Memory that may be moved is, if a tensor has it to itself, and is gone from here; a view on a larger
 * buffer, such as a request's, is copied, unless that is lent (spare-memory.ts) and holds little else.
 */
export function packTensors(tensors: ReadonlyMap<string, Tensor>, movable: Movable): Packing {
  const transfer = new Set<ArrayBuffer>();
  const packed = [...tensors].map(([name, tensor]) => [name, pack(tensor, movable, transfer)] as const);
  return { tensors: packed, transfer: [...transfer] };
}

function pack(tensor: Tensor, movable: Movable, transfer: Set<ArrayBuffer>): PackedTensor {
  if (tensor.dtype === "string") return packStrings(tensor.shape, tensor.data, transfer);
  const { data } = tensor;
  const isAlone = data.buffer instanceof ArrayBuffer && canMove(data, movable);
  // A buffer that is already on the list belongs to two tensors: both can refer to it.
  const own = isAlone ? data : copyOf(tensor);
  transfer.add(own.buffer as ArrayBuffer);
  return { dtype: tensor.dtype, shape: tensor.shape, data: own } as PackedTensor;
}

function canMove({ buffer, byteLength }: NumericData, movable: Movable): boolean {
  if (movable === "all" && byteLength === buffer.byteLength) return true;
  // The memory of a request that is hardly more than this tensor.
  const isMost = buffer.byteLength - byteLength <= MAX_UNUSED_BYTES;
  return isMost && (movable === "all" ? spareMemory.isLent(buffer) : movable.has(buffer));
}

/** In memory of an earlier request where there is some of the size. */
function copyOf({ dtype, data }: Exclude<Tensor, { dtype: "string" }>): NumericData {
  if (data.byteLength < MIN_SPARE_BYTES) return data.slice();
  const copy = new Uint8Array(spareMemory.take(data.byteLength));
  copy.set(bytesOf(data));
  return dataFromBytes(dtype, copy);
}

function packStrings(
  shape: readonly number[],
  strings: readonly Uint8Array[],
  transfer: Set<ArrayBuffer>,
): PackedTensor {
  const offsets = new Float64Array(strings.length + 1);
  for (const [i, string] of strings.entries()) offsets[i + 1] = (offsets[i] as number) + string.length;
  const bytes = new Uint8Array(offsets[strings.length] as number);
  for (const [i, string] of strings.entries()) bytes.set(string, offsets[i]);
  transfer.add(bytes.buffer);
  transfer.add(offsets.buffer);
  return { dtype: "string", shape, bytes, offsets };
}

export function unpackTensors(tensors: PackedTensors): Map<string, Tensor> {
  return new Map(tensors.map(([name, tensor]) => [name, unpack(tensor)]));
}

function unpack(tensor: PackedTensor): Tensor {
  if (tensor.dtype !== "string") return tensor;
  const { shape, bytes, offsets } = tensor;
  const data = Array.from({ length: offsets.length - 1 }, (_, i) =>
    bytes.subarray(offsets[i], offsets[i + 1]),
  );
  return { dtype: "string", shape, data };
}
