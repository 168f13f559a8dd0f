/**
 * Which requests are quick: those of signatures of bounded work, of a size of which enough of the latest runs cost less
 * than the way to the worker thread and back. A size that turns slow is no longer quick. Since the work is bounded, what
 * makes one run longer than another of its size is what else the machine does: the quicker runs tell what the model
 * costs.
 */
import { availableParallelism } from "node:os";
import type { Tensor } from "@servable/formats";

/**
 * Packing a request, two messages between threads and the wake-ups cost about this much; and on a machine of one core
 * nothing is won by another thread.
 */
const MAX_QUICK_MICROS = availableParallelism() > 1 ? 100 : 400;
/** Nobody else is answered while joined requests run: together they may take no longer than this. */
const MAX_JOINED_MICROS = 2000;
/** The latest runs that count, how many it takes to tell, and how many of them must be quick. */
const RUNS = 64;
const MIN_RUNS = 16;
const MIN_QUICK_RUNS = 4;
/** Classes of sizes that are remembered for a signature: those of the latest new ones. */
const MAX_CLASSES = 64;

/**
 * A number that requests of about one size share: whose sizes lie, each for itself, between the same powers of two.
 * (Others may share it by accident, and are then taken for as quick as these.)
 *
 * @param requests how many were joined into these inputs: the number is that of one of them
 */
export function sizeClass(inputs: ReadonlyMap<string, Tensor>, requests = 1): number {
  let key = 0;
  for (const { shape } of inputs.values()) {
    key = Math.imul(key, 41) + 1;
    for (let axis = 0; axis < shape.length; axis++) {
      const size = shape[axis] as number;
      const own = axis === 0 ? Math.ceil(size / requests) : size;
      key = Math.imul(key, 37) + 33 - Math.clz32(own);
    }
  }
  return key;
}

export class RunTimes {
  /** By signature and class. */
  readonly #recent: ReadonlyMap<string, Map<number, Recent>>;

  /** @param signatures those whose work the sizes of their inputs bound */
  constructor(signatures: Iterable<string>) {
    this.#recent = new Map([...signatures].map((name) => [name, new Map()]));
  }

  /**
   * Notes a run.
   *
   * @param requests how many were joined in it: each is taken to have cost an equal share
   */
  ran(signature: string, inputs: ReadonlyMap<string, Tensor>, requests: number, micros: number): void {
    const classes = this.#recent.get(signature);
    if (classes === undefined) return;
    const size = sizeClass(inputs, requests);
    let recent = classes.get(size);
    if (recent === undefined) {
      recent = new Recent();
      classes.set(size, recent);
      if (classes.size > MAX_CLASSES) classes.delete(classes.keys().next().value as number);
    }
    recent.add(micros < Math.min(requests * MAX_QUICK_MICROS, MAX_JOINED_MICROS));
  }

  /** Whether a request is quick to run. */
  isQuick(signature: string, inputs: ReadonlyMap<string, Tensor>): boolean {
    return this.#recent.get(signature)?.get(sizeClass(inputs))?.areEnoughQuick ?? false;
  }
}

/** The latest runs of one size: whether each was quick. */
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
