/**
 * The memory of large requests, used again by later ones of the same size: to take new memory for each costs as much as
 * all else that is done with the bytes, for its pages have to be made and collected, in two threads.
 *
 * A request's body is read into memory of its own, which moves to the model's thread as a tensor, and comes back with
 * the result when nothing there can have kept it. Little is kept, and not for long.
 */

import { MessageChannel } from "node:worker_threads";

/** What is smaller is as quickly made. */
export const MIN_SPARE_BYTES = 2 ** 14;
const MAX_KEPT_BYTES = 2 ** 26;
const MAX_KEPT_MS = 5_000;

export class SpareMemory {
  /** By size, the size last given behind the others; of a size the latest last, as a cache still holds it best. */
  readonly #kept = new Map<number, ArrayBuffer[]>();
  #bytes = 0;
  /** Memory that is lent: who is done with it may give it back, once. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #drop: NodeJS.Timeout | undefined;

  constructor(private readonly maxBytes = MAX_KEPT_BYTES) {}

  /** Memory of this size, with whatever was in it. */
  take(bytes: number): ArrayBuffer {
    const kept = this.#kept.get(bytes)?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
    this.#bytes -= bytes;
    return kept;
  }

  /** Says that memory, if it is large, is one user's alone, who may pass it on and in the end give it back. */
  lend(buffer: ArrayBufferLike): void {
    if (buffer.byteLength >= MIN_SPARE_BYTES) this.#lent.add(buffer);
  }

  isLent(buffer: ArrayBufferLike): boolean {
    return this.#lent.has(buffer);
  }

  /** Says that memory has come to have several users: it is neither passed on nor given back. */
  share(buffer: ArrayBufferLike): void {
    this.#lent.delete(buffer);
  }

  /** Keeps memory that was lent, unless it has come back already; any other is left alone. */
  takeBack(buffer: ArrayBufferLike): void {
    if (this.#lent.delete(buffer)) this.give(buffer as ArrayBuffer);
  }

  /** Keeps memory that nobody else has any more, in place of what is longest unused. */
  give(buffer: ArrayBuffer): void {
    const { byteLength } = buffer;
    if (byteLength < MIN_SPARE_BYTES || byteLength > this.maxBytes) return;
    const kept = this.#kept.get(byteLength) ?? [];
    kept.push(buffer);
    this.#kept.delete(byteLength);
    this.#kept.set(byteLength, kept);
    this.#bytes += byteLength;
    while (this.#bytes > this.maxBytes) this.#dropOne();
    this.#drop ??= setTimeout(() => this.#clear(), MAX_KEPT_MS).unref();
  }

  #dropOne(): void {
    for (const [size, kept] of this.#kept) {
      if (kept.shift() === undefined) {
        this.#kept.delete(size);
        continue;
      }
      this.#bytes -= size;
      return;
    }
  }

  /** Whatever is in use returns afterwards. */
  #clear(): void {
    this.#drop = undefined;
    this.#kept.clear();
    this.#bytes = 0;
  }
}

/** A port whose other end is closed: what is sent there is gone. */
const nowhere = new MessageChannel();
nowhere.port2.close();

/**
 * Frees memory at once. Left to the garbage collector, what a socket reads gathers until V8 finds that there is too much
 * memory outside of its heap and collects all generations, which takes more time than to receive the bytes did.
 */
export function free(buffer: ArrayBuffer): void {
  nowhere.port1.postMessage(undefined, [buffer]);
}

/** Of the main thread. */
export const spareMemory = new SpareMemory();
