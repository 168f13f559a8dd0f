/**
 * Decides when a model runs, and with which requests. A model's thread runs one request at a time; one more is handed
 * over beforehand, so that the thread never waits for the main thread. What arrives meanwhile waits here, where it
 * can still be given up, and where requests of one signature gather: they are joined into a batch when their turn
 * comes. No timer is needed for that, unless the operator asks for one (batch_timeout_micros).
 *
 * A batch that fails is run again request by request, so that nobody fails for another's fault.
 */
import { type Tensor, unavailable } from "@servable/formats";
import { join, rowShapeKey, rowsOf, split } from "./batch.js";
import { type BatchingSettings, paddedSize } from "./batching-settings.js";

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
  /** Runs a request on the model. Takes its inputs over. */
  readonly run: (request: RunRequest) => Promise<RunResult>;
  /** Whether the rows of a signature's batch are known not to depend on each other. */
  readonly isProven: (signature: string) => boolean;
  readonly batching: BatchingSettings;
  /** Told of requests that were joined into a batch of so many rows. */
  readonly onBatch?: (rows: number) => void;
}

interface Waiting {
  readonly request: RunRequest;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (reason: unknown) => void;
  /** Requests of one group can be joined; undefined for one that runs alone. */
  readonly group: string | undefined;
  readonly rows: number;
  /** When it came, in milliseconds. */
  readonly since: number;
}

export class Scheduler {
  readonly #waiting = new Set<Waiting>();
  #waitingRows = 0;
  #handedOver = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: SchedulerOptions) {}

  /** How many requests wait for their turn. */
  get length(): number {
    return this.#waiting.size;
  }

  /**
   * Runs a request when its turn comes. Rejects with the signal's reason as soon as that is aborted; a request that
   * runs already goes on, for nobody. UNAVAILABLE when too much is waiting.
   */
  submit(request: RunRequest, signal?: AbortSignal): Promise<RunResult> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const rows = rowsOf(request.inputs) ?? 1;
    if (this.#waitingRows + rows > this.options.batching.maxWaitingRows) {
      return Promise.reject(
        unavailable("The batch scheduling queue to which this task was submitted is full"),
      );
    }
    return new Promise((resolve, reject) => {
      const since = performance.now();
      const waiting: Waiting = { request, resolve, reject, group: this.#groupOf(request), rows, since };
      signal?.addEventListener(
        "abort",
        () => {
          this.#remove(waiting);
          reject(signal.reason);
        },
        { once: true },
      );
      this.#waiting.add(waiting);
      this.#waitingRows += rows;
      this.#next();
    });
  }

  /** Rejects everything that waits. */
  clear(reason: unknown): void {
    for (const { reject } of this.#waiting) reject(reason);
    this.#waiting.clear();
    this.#waitingRows = 0;
  }

  #groupOf({ of, inputs, outputs }: RunRequest): string | undefined {
    if (!("signature" in of)) return undefined;
    const { signature } = of;
    const { batching, isProven } = this.options;
    if (batching.signatures === "proven" && !isProven(signature)) return undefined;
    const rows = rowsOf(inputs);
    if (rows === undefined || rows === 0 || rows > batching.maxRows) return undefined;
    return `${signature}|${outputs.join()}|${rowShapeKey(inputs)}`;
  }

  #remove(waiting: Waiting): void {
    if (this.#waiting.delete(waiting)) this.#waitingRows -= waiting.rows;
  }

  #next(): void {
    while (this.#handedOver < MAX_HANDED_OVER) {
      const batch = this.#nextBatch();
      if (batch === undefined) return;
      for (const waiting of batch) this.#remove(waiting);
      this.#handedOver++;
      void this.#run(batch).finally(() => {
        this.#handedOver--;
        this.#next();
      });
    }
  }

  /** The requests to run together now, or undefined when there are none or they wait for more. */
  #nextBatch(): Waiting[] | undefined {
    const { timeoutMs } = this.options.batching;
    const seen = new Set<string>();
    for (const first of this.#waiting) {
      if (first.group === undefined) return [first];
      if (seen.has(first.group)) continue;
      seen.add(first.group);
      const { batch, isFull } = this.#gather(first);
      const leftMs = timeoutMs - (performance.now() - first.since);
      if (isFull || leftMs <= 0) return batch;
      this.#wakeIn(leftMs);
    }
    return undefined;
  }

  #gather(first: Waiting): { batch: Waiting[]; isFull: boolean } {
    const { maxRows } = this.options.batching;
    const batch: Waiting[] = [];
    let rows = 0;
    for (const candidate of this.#waiting) {
      if (candidate.group !== first.group) continue;
      if (rows + candidate.rows > maxRows) return { batch, isFull: true };
      batch.push(candidate);
      rows += candidate.rows;
    }
    return { batch, isFull: rows === maxRows };
  }

  #wakeIn(ms: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#next();
    }, Math.ceil(ms));
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    if (batch.length > 1 || this.#needsPadding(batch)) {
      const results = await this.#runJoined(batch).catch(() => undefined);
      if (results !== undefined) {
        for (const [i, { resolve }] of batch.entries()) resolve(results[i] as RunResult);
        return;
      }
    }
    await Promise.all(
      batch.map(({ request, resolve, reject }) => this.options.run(request).then(resolve, reject)),
    );
  }

  #needsPadding([only]: readonly Waiting[]): boolean {
    return only?.group !== undefined && paddedSize(this.options.batching, only.rows) !== only.rows;
  }

  async #runJoined(batch: readonly Waiting[]): Promise<RunResult[]> {
    const { run, batching, onBatch } = this.options;
    const sizes = batch.map(({ rows }) => rows);
    const rows = sizes.reduce((sum, size) => sum + size, 0);
    const paddedRows = paddedSize(batching, rows);
    onBatch?.(rows);
    const { of, outputs } = (batch[0] as Waiting).request;
    const inputs = join(
      batch.map(({ request }) => request.inputs),
      paddedRows,
    );
    return split(await run({ of, inputs, outputs }), sizes, paddedRows);
  }
}
