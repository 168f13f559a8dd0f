/**
 * How many batches of all models run at the same time: TensorFlow Serving's num_batch_threads, of a pool that all
 * models share. Who finds none free is told when one is, first come, first served.
 */
export class RunSlots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a slot, or notes that `onFree` wants to be called, once, when there is one. */
  take(onFree: () => void): boolean {
    if (this.#free === 0) {
      this.#waiting.add(onFree);
      return false;
    }
    this.#free--;
    return true;
  }

  release(): void {
    this.#free++;
    while (this.#free > 0) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      this.#waiting.delete(first);
      first();
    }
  }
}
