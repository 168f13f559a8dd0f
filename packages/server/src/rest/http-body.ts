/**
 * Reads a request's body into memory of its own, one copy from what the parser hands out: a large tensor is then a view
 * on it, which moves to the model's thread as it is.
 *
 * A client says how long its body is before it sends it, and may lie: memory for the whole is taken once a part of it
 * is there, so that nobody costs more than a multiple of what was sent.
 */
import type { IncomingMessage } from "node:http";
import { Code, StatusError } from "@servable/formats";
import { free, spareMemory } from "../servables/spare-memory.js";

/** Answered with the HTTP status that says so. */
export class BodyTooLarge extends StatusError {
  constructor(message: string) {
    super(Code.RESOURCE_EXHAUSTED, message);
  }
}

/** By events: to iterate over a stream costs more than all else that is done for a small request. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const declared = Number(request.headers["content-length"] ?? Number.NaN);
    const tooLarge = () => {
      request.removeAllListeners("data");
      request.pause();
      reject(new BodyTooLarge(`The body is larger than ${maxBytes} bytes`));
    };
    if (declared > maxBytes) return tooLarge();
    const body = new GrowingBody(declared);
    request.on("data", (chunk: Buffer) => {
      if (body.size + chunk.length > maxBytes) tooLarge();
      else body.add(chunk);
    });
    request.on("end", () => resolve(body.finish()));
    request.on("error", reject);
    request.on("aborted", () => reject(new StatusError(Code.CANCELLED, "The client is gone")));
  });
}

/** Memory for the whole body is taken when this part of it is there. */
const PART = 1 / 16;
/** Fewer chunks than that are joined at the end. */
const MIN_WHOLE_BYTES = 2 ** 17;

class GrowingBody {
  size = 0;
  #chunks: Buffer[] = [];
  #whole: Uint8Array | undefined;

  /** @param declared bytes, by the client's word; NaN when it says nothing */
  constructor(private readonly declared: number) {}

  add(chunk: Buffer): void {
    const { length } = chunk;
    if (this.#whole === undefined) this.#chunks.push(chunk);
    else moveTo(this.#whole, this.size, chunk);
    this.size += length;
    if (this.#whole === undefined && this.#isWorthAll()) this.#takeAll();
  }

  #isWorthAll(): boolean {
    return this.declared >= MIN_WHOLE_BYTES && this.size >= this.declared * PART;
  }

  #takeAll(): void {
    const whole = new Uint8Array(spareMemory.take(this.declared));
    let at = 0;
    for (const chunk of this.#chunks) {
      const { length } = chunk;
      moveTo(whole, at, chunk);
      at += length;
    }
    this.#chunks = [];
    this.#whole = whole;
  }

  finish(): Uint8Array {
    if (this.#whole !== undefined) return this.#whole.subarray(0, this.size);
    const [first] = this.#chunks;
    return plain(first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks));
  }
}

/** Copies a chunk and frees its memory. */
function moveTo(whole: Uint8Array, at: number, chunk: Buffer): void {
  whole.set(chunk, at);
  const { buffer, byteLength } = chunk;
  if (byteLength === buffer.byteLength) free(buffer as ArrayBuffer);
}

/** Without what Node's buffers do differently: their slices are views. */
export function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
