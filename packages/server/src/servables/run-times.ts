/**
 * Which signatures are quick: those of bounded work of whose latest runs enough cost less than the way to the worker
 * thread and back. A signature that turns slow is no longer quick. Since the work is bounded, what makes one run
 * longer than another is what else the machine does: the quicker runs tell what the model costs.
 */

/** Packing a request, two messages between threads and the wake-ups cost about this much. */
const MAX_QUICK_MICROS = 100;
/** A request with more rows is not small, and a longer run of more rows proves nothing of small ones. */
export const MAX_SMALL_ROWS = 8;
/** The latest runs that count, how many it takes to tell, and how many of them must be quick. */
const RUNS = 64;
const MIN_RUNS = 16;
const MIN_QUICK_RUNS = 4;

export class RunTimes {
  readonly #recent: ReadonlyMap<string, Recent>;

  /** @param signatures those whose work the sizes of their inputs bound */
  constructor(signatures: Iterable<string>) {
    this.#recent = new Map([...signatures].map((name) => [name, new Recent()]));
  }

  /** Notes a run. */
  ran(signature: string, rows: number | undefined, micros: number): void {
    const isQuick = micros < MAX_QUICK_MICROS;
    if (isQuick || (rows !== undefined && rows <= MAX_SMALL_ROWS)) this.#recent.get(signature)?.add(isQuick);
  }

  isQuick(signature: string): boolean {
    return this.#recent.get(signature)?.areEnoughQuick ?? false;
  }
}

/** The latest runs of one signature: whether each was quick. */
class Recent {
  readonly #wasQuick: boolean[] = [];
  #next = 0;
  #quick = 0;

  add(isQuick: boolean): void {
    if (this.#wasQuick[this.#next] === true) this.#quick--;
    if (isQuick) this.#quick++;
    this.#wasQuick[this.#next] = isQuick;
    this.#next = (this.#next + 1) % RUNS;
  }

  get areEnoughQuick(): boolean {
    return this.#wasQuick.length >= MIN_RUNS && this.#quick >= MIN_QUICK_RUNS;
  }
}
