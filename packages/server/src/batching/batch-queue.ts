/**
 * What waits of one kind, packed into batches in the order of arrival, as TensorFlow's shared batch scheduler does:
 * a request goes into the last batch, or begins the next when it doesn't fit.
 */

/** Something that waits, and the rows that it takes up. */
export interface Sized {
  readonly rows: number;
  /** When it came, in milliseconds. */
  readonly since: number;
}

interface OpenBatch<T> {
  readonly members: Set<T>;
  rows: number;
  /** When its first member came; those behind it are younger. */
  readonly since: number;
}

export class BatchQueue<T extends Sized> {
  readonly #batches: OpenBatch<T>[] = [];

  /** @param maxRows of a batch; something larger has a batch to itself */
  constructor(private readonly maxRows: number) {}

  get batchCount(): number {
    return this.#batches.length;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** When the oldest came. */
  get since(): number {
    return this.#batches[0]?.since ?? Number.POSITIVE_INFINITY;
  }

  /** Rows that still fit into the last batch. */
  get freeRows(): number {
    const last = this.#batches.at(-1);
    return last === undefined ? 0 : Math.max(0, this.maxRows - last.rows);
  }

  /** Whether the next batch takes nothing more. */
  get isNextFull(): boolean {
    const [next] = this.#batches;
    return next !== undefined && (this.#batches.length > 1 || next.rows >= this.maxRows);
  }

  add(one: T): void {
    let last = this.#batches.at(-1);
    if (last === undefined || last.rows + one.rows > this.maxRows) {
      last = { members: new Set(), rows: 0, since: one.since };
      this.#batches.push(last);
    }
    last.members.add(one);
    last.rows += one.rows;
  }

  remove(one: T): boolean {
    const at = this.#batches.findIndex(({ members }) => members.has(one));
    const batch = this.#batches[at];
    if (batch === undefined) return false;
    batch.members.delete(one);
    batch.rows -= one.rows;
    if (batch.members.size === 0) this.#batches.splice(at, 1);
    return true;
  }

  /** Takes the next batch out. */
  take(): T[] {
    return [...(this.#batches.shift()?.members ?? [])];
  }
}
