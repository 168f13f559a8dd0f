/**
 * A connection's streams by their numbers, in a hash table of our own (open addressing, linear probing, no tombstones).
 *
 * Not in a Map: V8 replaces a Map's table after a few deletions and leaves in each a reference to the next. Once one of
 * them has grown old, all that follow stay until the next full garbage collection, with the requests that were in them:
 * a millisecond and more of each minor collection went into moving these about.
 */
import type { Stream } from "./stream.js";

const MIN_SLOTS = 16;

export class StreamTable {
  #slots: (Stream | undefined)[] = new Array(MIN_SLOTS).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    return this.#slots[this.#find(id)];
  }

  /** Adds a stream whose number is not there yet. */
  add(stream: Stream): void {
    if (2 * (this.#size + 1) > this.#slots.length) this.#grow();
    this.#slots[this.#find(stream.id)] = stream;
    this.#size++;
  }

  /** Whether it was there. */
  delete(id: number): boolean {
    const at = this.#find(id);
    if (this.#slots[at] === undefined) return false;
    this.#size--;
    this.#close(at);
    return true;
  }

  /** Those that are there now. */
  all(): Stream[] {
    return this.#slots.filter((stream) => stream !== undefined);
  }

  /** Where a stream is, or the free slot where it would be. */
  #find(id: number): number {
    const last = this.#slots.length - 1;
    let at = this.#home(id);
    for (let stream = this.#slots[at]; stream !== undefined && stream.id !== id; stream = this.#slots[at]) {
      at = (at + 1) & last;
    }
    return at;
  }

  /** Numbers of a client's streams are odd and follow each other. */
  #home(id: number): number {
    return (id >>> 1) & (this.#slots.length - 1);
  }

  /** Frees a slot, and moves into it what lies behind for want of it. */
  #close(free: number): void {
    const last = this.#slots.length - 1;
    let gap = free;
    for (let at = (gap + 1) & last; ; at = (at + 1) & last) {
      const stream = this.#slots[at];
      if (stream === undefined) break;
      const distance = (at - this.#home(stream.id)) & last;
      if (distance >= ((at - gap) & last)) {
        this.#slots[gap] = stream;
        gap = at;
      }
    }
    this.#slots[gap] = undefined;
  }

  #grow(): void {
    const streams = this.all();
    this.#slots = new Array(2 * this.#slots.length).fill(undefined);
    for (const stream of streams) this.#slots[this.#find(stream.id)] = stream;
  }
}
