/**
 * Keeps the event loop awake for a moment after the last answer, where that pays: to be put to sleep and woken costs more
 * than a small model's whole request, and a client that has its answer often asks again at once.
 *
 * Whether it pays depends on the clients, and is found out: each watch in vain doubles the number of answers after which
 * none is kept, and one that meets a request makes it one again. There is none while a request is under way, whose
 * run needs the processor more.
 */
import { cpus } from "node:os";

/** A few times what two wake-ups take, that of the client and ours. */
const WATCH_MS = 0.1;
const MAX_PAUSE = 1024;

/** The event loop and its clock. */
export interface Turns {
  /** Milliseconds. */
  now(): number;
  /** Calls back in the loop's next turn, before which it does not sleep. */
  next(run: () => void): void;
}

const eventLoop: Turns = {
  now: () => performance.now(),
  next: (run) => {
    setImmediate(run);
  },
};

export class WakefulLoop {
  /** Requests that are not answered. */
  #open = 0;
  /** Answers after which there is no watch. */
  #pause = 0;
  #nextPause = 1;
  #isWatching = false;
  #untilMs = 0;

  /** @param processors with only one, a watch would take it from the client */
  constructor(
    private readonly turns: Turns,
    private readonly processors: number,
  ) {}

  requestBegan(): void {
    this.#open++;
    if (this.#isWatching) this.#nextPause = 1;
  }

  requestEnded(): void {
    this.#open--;
    if (this.#open > 0 || this.processors < 2) return;
    if (this.#pause > 0) {
      this.#pause--;
      return;
    }
    this.#untilMs = this.turns.now() + WATCH_MS;
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#watch();
  }

  #watch(): void {
    this.turns.next(() => {
      if (this.#open > 0) {
        this.#isWatching = false;
      } else if (this.turns.now() < this.#untilMs) {
        this.#watch();
      } else {
        this.#pause = this.#nextPause;
        this.#nextPause = Math.min(2 * this.#nextPause, MAX_PAUSE);
        this.#isWatching = false;
      }
    });
  }
}

/** That of this thread. Counts all processors: those that this process is kept from are the clients'. */
export const wakefulLoop = new WakefulLoop(eventLoop, cpus().length);
