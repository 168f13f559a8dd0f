/**
 * Decides when a model runs, and with which requests. A model's thread runs one request at a time; one more is handed
 * over beforehand, so that the thread never waits for the main thread. What arrives meanwhile waits here, where it
 * can still be given up, and where requests of one kind gather in batches. No timer is needed for that, unless the
 * operator asks for one (batch_timeout_micros).
 *
 * A batch that fails is run again request by request, so that nobody fails for another's fault; unless running it
 * changes something.
 */
import { setMaxListeners } from "node:events";
import { invalidArgument, type Tensor, unavailable } from "@servable/formats";
import type { CallSignal } from "../call-abort.js";
import { canBePadded, cut, join, joinParts, rowShapeKey, rowsOf, split } from "./batch.js";
import { BatchQueue, type Sized } from "./batch-queue.js";
import { type BatchingSettings, paddedSize } from "./batching-settings.js";
import type { RunSlots } from "./run-slots.js";

/** Runs in the worker at the same time: one that runs, one that is next. */
const MAX_HANDED_OVER = 2;

export interface RunRequest {
  /** A signature, or nodes of the graph whose tensors the inputs and outputs are: such a run joins no batch. */
  readonly of: { readonly signature: string } | { readonly targets: readonly string[] };
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputs: readonly string[];
}

export type RunResult = Map<string, Tensor>;

export interface SchedulerOptions {
  /** Runs a request on the model, or so many joined into one. Takes its inputs over. */
  readonly run: (request: RunRequest, requests: number) => Promise<RunResult>;
  /** Whether the rows of a signature's batch are known not to depend on each other. */
  readonly isProven: (signature: string) => boolean;
  /** Whether a signature may be run again: a run leaves everything as it was. */
  readonly isTraceless: (signature: string) => boolean;
  readonly batching: BatchingSettings;
  /** Shared by the models whose batches are counted together. */
  readonly slots?: RunSlots | undefined;
  readonly observer?: SchedulerObserver | undefined;
}

/** Is told how requests wait and are joined. */
export interface SchedulerObserver {
  /** A request of so many rows was taken to be run after it had waited so long. */
  waited(micros: number, rows: number): void;
  /** A batch of so many rows, filled up to `paddedRows`, is run: of joined requests, or any that the operator batches. */
  batch(rows: number, paddedRows: number): void;
}

interface Submitted {
  readonly request: RunRequest;
  readonly rows: number;
  readonly onTurn: (() => void) | undefined;
}

interface Waiting extends Submitted, Sized {
  readonly resolve: (result: RunResult) => void;
  readonly reject: (reason: unknown) => void;
  readonly queue: Queue;
}

/** Requests that can be joined; or, without a group, those that run alone. */
interface Queue {
  readonly group: string | undefined;
  readonly batches: BatchQueue<Waiting>;
}

export class Scheduler {
  /** By group. A queue is there while something waits in it. */
  readonly #queues = new Map<string | undefined, Queue>();
  #waiting = 0;
  #handedOver = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #onSlot = () => this.#next();

  constructor(private readonly options: SchedulerOptions) {}

  /** How many requests wait for their turn. */
  get length(): number {
    return this.#waiting;
  }

  /**
   * Runs a request when its turn comes. Rejects with the signal's reason as soon as that is aborted; a request that
   * runs already goes on, for nobody. UNAVAILABLE when too much is waiting, INVALID_ARGUMENT for more rows than a
   * request may have.
   *
   * @param onTurn called when the request, or a part of it, is taken to be run
   */
  submit(request: RunRequest, signal?: CallSignal, onTurn?: () => void): Promise<RunResult> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const { maxRows, maxRequestRows, splitsLarge } = this.options.batching;
    const rows = rowsOf(request.inputs) ?? 1;
    let group = this.#groupOf(request);
    if (group !== undefined && rows > maxRequestRows) {
      return Promise.reject(
        invalidArgument(`Task size ${rows} is larger than maximum input batch size ${maxRequestRows}`),
      );
    }
    if (rows > maxRows && !splitsLarge) group = undefined;
    const known = this.#queues.get(group)?.batches;
    const full = this.#fullness(group, known, rows);
    if (full !== undefined) return Promise.reject(unavailable(full));
    const sizes =
      splitsLarge && group !== undefined ? partSizes(rows, known?.freeRows ?? 0, maxRows) : [rows];
    if (sizes.length === 1) return this.#enqueue({ request, rows, onTurn }, group, signal);
    return this.#submitParts({ request, rows, onTurn }, sizes, group, signal);
  }

  /** Rejects everything that waits. */
  clear(reason: unknown): void {
    for (const { batches } of this.#queues.values()) {
      while (!batches.isEmpty) for (const { reject } of batches.take()) reject(reason);
    }
    this.#queues.clear();
    this.#waiting = 0;
  }

  /** What the requests have in common that can be joined with this one; undefined when it runs alone. */
  #groupOf({ of, inputs, outputs }: RunRequest): string | undefined {
    if (!("signature" in of)) return undefined;
    const { batching, isProven } = this.options;
    if (batching.signatures === "proven" && !isProven(of.signature)) return undefined;
    const rows = rowsOf(inputs);
    if (rows === undefined || rows === 0) return undefined;
    if (batching.padsRows && !canBePadded(inputs)) return undefined;
    return `${of.signature}|${outputs.join()}|${rowShapeKey(inputs, batching.padsRows)}`;
  }

  /** Why so many rows more can't wait; undefined when they can. Counts as TensorFlow's shared batch scheduler does. */
  #fullness(
    group: string | undefined,
    queue: BatchQueue<Waiting> | undefined,
    rows: number,
  ): string | undefined {
    const { maxWaitingBatches, maxWaitingRequests, maxRows, splitsLarge } = this.options.batching;
    if (maxWaitingRequests !== undefined && this.#waiting >= maxWaitingRequests) {
      return `The model's queue is full: ${this.#waiting} requests wait, at most ${maxWaitingRequests} may`;
    }
    if (queue === undefined || maxWaitingBatches === Number.POSITIVE_INFINITY) return undefined;
    const { batchCount, freeRows } = queue;
    const full = "The batch scheduling queue to which this task was submitted is full";
    if (group === undefined) return batchCount < maxWaitingBatches * maxRows ? undefined : full;
    if (splitsLarge) {
      const capacity = (maxWaitingBatches - batchCount) * maxRows + freeRows;
      if (rows <= capacity) return undefined;
      return (
        `${full}; task size is ${rows} but scheduling capacity is only ${capacity} ` +
        `(num_enqueued_batches=${batchCount}, max_enqueued_batches=${maxWaitingBatches}, ` +
        `max_execution_batch_size=${maxRows})`
      );
    }
    if (rows <= freeRows || batchCount < maxWaitingBatches) return undefined;
    return `${full}; currently ${batchCount} batches enqueued and max_enqueued_batches is ${maxWaitingBatches}`;
  }

  #enqueue(
    { request, rows, onTurn }: Submitted,
    group: string | undefined,
    signal: CallSignal | undefined,
  ): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      const queue = this.#queueOf(group);
      const since = performance.now();
      const abort = () => {
        this.#remove(waiting);
        reject(signal?.reason);
      };
      // The signal may outlive the request: warm-up has one for all its requests, a split request for all its parts.
      const settled = () => signal?.removeEventListener("abort", abort);
      const waiting: Waiting = {
        request,
        rows,
        onTurn,
        resolve: (result) => {
          settled();
          resolve(result);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
        queue,
        since,
      };
      signal?.addEventListener("abort", abort);
      queue.batches.add(waiting);
      this.#waiting++;
      this.#next();
    });
  }

  /** A request in several parts, each of which joins a batch of its own. */
  async #submitParts(
    { request, onTurn }: Submitted,
    sizes: readonly number[],
    group: string | undefined,
    signal: CallSignal | undefined,
  ): Promise<RunResult> {
    // Each part listens, which for many of them is no leak.
    if (signal instanceof EventTarget) setMaxListeners(0, signal);
    const parts = cut(request.inputs, sizes).map((inputs) => ({ ...request, inputs }));
    const results = await Promise.all(
      parts.map((part, i) =>
        this.#enqueue({ request: part, rows: sizes[i] as number, onTurn }, group, signal),
      ),
    );
    return joinParts(results, sizes);
  }

  #queueOf(group: string | undefined): Queue {
    let queue = this.#queues.get(group);
    if (queue === undefined) {
      // Without a group, each is a batch of its own.
      const maxRows = group === undefined ? 0 : this.options.batching.maxRows;
      queue = { group, batches: new BatchQueue(maxRows) };
      this.#queues.set(group, queue);
    }
    return queue;
  }

  #remove(waiting: Waiting): void {
    const { batches } = waiting.queue;
    if (!batches.remove(waiting)) return;
    this.#waiting--;
    this.#forgetEmpty(waiting.queue);
  }

  #forgetEmpty(queue: Queue): void {
    if (queue.batches.isEmpty && this.#queues.get(queue.group) === queue) this.#queues.delete(queue.group);
  }

  #next(): void {
    const { slots } = this.options;
    while (this.#handedOver < MAX_HANDED_OVER) {
      const queue = this.#nextQueue();
      if (queue === undefined || slots?.take(this.#onSlot) === false) return;
      const batch = queue.batches.take();
      this.#waiting -= batch.length;
      this.#forgetEmpty(queue);
      this.#handedOver++;
      this.#tellWaited(batch);
      void this.#run(batch).finally(() => {
        this.#handedOver--;
        slots?.release();
        this.#next();
      });
    }
  }

  /** The queue whose turn it is: of those whose next batch is full or has waited long enough, the oldest. */
  #nextQueue(): Queue | undefined {
    const { timeoutMs } = this.options.batching;
    let oldest: Queue | undefined;
    let soonest = Number.POSITIVE_INFINITY;
    for (const queue of this.#queues.values()) {
      const { batches } = queue;
      const leftMs =
        timeoutMs <= 0 || batches.isNextFull ? 0 : timeoutMs - (performance.now() - batches.since);
      if (leftMs > 0) soonest = Math.min(soonest, leftMs);
      else if (oldest === undefined || batches.since < oldest.batches.since) oldest = queue;
    }
    if (oldest === undefined && soonest < Number.POSITIVE_INFINITY) this.#wakeIn(soonest);
    return oldest;
  }

  #wakeIn(ms: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#next();
    }, Math.ceil(ms));
  }

  #tellWaited(batch: readonly Waiting[]): void {
    const { observer } = this.options;
    const now = observer === undefined ? 0 : performance.now();
    for (const { since, rows, onTurn } of batch) {
      onTurn?.();
      observer?.waited((now - since) * 1000, rows);
    }
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    if (batch.length > 1 || this.#needsPadding(batch)) {
      try {
        const results = await this.#runJoined(batch);
        for (const [i, { resolve }] of batch.entries()) resolve(results[i] as RunResult);
        return;
      } catch (reason) {
        if (!this.#isTraceless(batch)) {
          for (const { reject } of batch) reject(reason);
          return;
        }
      }
    }
    const [only] = batch;
    if (batch.length === 1 && only?.queue.group !== undefined && this.options.batching.signatures === "all") {
      this.options.observer?.batch(only.rows, only.rows);
    }
    await Promise.all(
      batch.map(({ request, resolve, reject }) => this.options.run(request, 1).then(resolve, reject)),
    );
  }

  #isTraceless([first]: readonly Waiting[]): boolean {
    const of = first?.request.of;
    return of !== undefined && "signature" in of && this.options.isTraceless(of.signature);
  }

  #needsPadding([only]: readonly Waiting[]): boolean {
    return only?.queue.group !== undefined && paddedSize(this.options.batching, only.rows) !== only.rows;
  }

  async #runJoined(batch: readonly Waiting[]): Promise<RunResult[]> {
    const { run, batching, observer } = this.options;
    const sizes = batch.map(({ rows }) => rows);
    const rows = sizes.reduce((sum, size) => sum + size, 0);
    const paddedRows = paddedSize(batching, rows);
    observer?.batch(rows, paddedRows);
    const { of, outputs } = (batch[0] as Waiting).request;
    const inputs = join(
      batch.map(({ request }) => request.inputs),
      paddedRows,
    );
    return split(await run({ of, inputs, outputs }, batch.length), sizes, paddedRows);
  }
}

/** The sizes that a request is cut into: what fits into the open batch, then whole batches. */
function partSizes(rows: number, freeRows: number, maxRows: number): number[] {
  const first = Math.min(rows, freeRows > 0 ? freeRows : maxRows);
  const sizes = [first];
  for (let left = rows - first; left > 0; left -= maxRows) sizes.push(Math.min(left, maxRows));
  return sizes;
}
