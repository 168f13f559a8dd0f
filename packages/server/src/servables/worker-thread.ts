/**
 * The main thread's end of a worker thread: one promise for each message that awaits an answer. When the thread ends,
 * whatever the reason, all of them are rejected with UNAVAILABLE. A model has a seat in a thread, alone or with others.
 */
import { Worker } from "node:worker_threads";
import { type Signature, type StatusError, type Tensor, unavailable } from "@servable/formats";
import type { LoadOptions, LoadProgress } from "./engine-contract.js";
import type { WorkerSettings } from "./model-worker.js";
import { spareMemory } from "./spare-memory.js";
import {
  type FromWorker,
  type PackedTensors,
  packTensors,
  type RunTarget,
  type ToWorker,
  unpackError,
  unpackTensors,
} from "./worker-protocol.js";

/** A thread that has not ended this long after it was asked to is ended by force. */
const MAX_CLOSE_MS = 30_000;

/** What the worker tells of the model it loaded. */
export interface LoadedModel {
  readonly signatures: ReadonlyMap<string, Signature>;
  /** A serialized SignatureDefMap. */
  readonly signatureDefs: Uint8Array;
  /** Signatures for which it is proven that the rows of a batch don't depend on each other. */
  readonly rowIndependent: ReadonlySet<string>;
  /** Signatures whose inputs' sizes bound what a run costs. */
  readonly boundedWork: ReadonlySet<string>;
  /** Signatures whose runs leave everything as it was. */
  readonly traceless: ReadonlySet<string>;
  /** Those of them that don't loop. */
  readonly warmable: ReadonlySet<string>;
}

export interface RunResult {
  readonly outputs: Map<string, Tensor>;
  /** How long the run took, without the ways. */
  readonly micros: number;
}

type ProgressListener = (progress: LoadProgress) => void;

interface Pending<R> {
  readonly resolve: (value: R) => void;
  readonly reject: (error: StatusError) => void;
}

export class WorkerThread {
  readonly #worker: Worker;
  readonly #runs = new Map<number, Pending<RunResult>>();
  readonly #loads = new Map<number, Pending<LoadedModel> & { readonly onProgress: ProgressListener }>();
  readonly #seats = new Set<number>();
  #nextId = 0;
  #isEnding = false;
  #crash: Error | undefined;
  /** Resolves when the thread has ended. */
  readonly ended: Promise<void>;

  /** @param engine module specifier of another engine than ours, for tests */
  constructor(engine?: string) {
    const settings: WorkerSettings = engine === undefined ? {} : { engine };
    this.#worker = new Worker(new URL("./worker-entry.js", import.meta.url), { workerData: settings });
    this.#worker.on("message", (message: FromWorker) => this.#receive(message));
    this.#worker.on("error", (error: Error) => {
      this.#crash = error;
    });
    this.ended = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#rejectAll();
        resolve();
      });
    });
  }

  /** Models that are here, or about to be. */
  get models(): number {
    return this.#seats.size;
  }

  /** Whether no model can be put here any more. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** A place for a model. */
  seat(): WorkerSeat {
    const model = this.#nextId++;
    this.#seats.add(model);
    return new WorkerSeat(this, model);
  }

  load(
    model: number,
    path: string,
    options: LoadOptions,
    onProgress: ProgressListener,
    isUrgent: boolean,
  ): Promise<LoadedModel> {
    return new Promise((resolve, reject) => {
      this.#loads.set(model, { resolve, reject, onProgress });
      this.#post({ kind: "load", model, path, options, isUrgent });
    });
  }

  run(
    model: number,
    of: RunTarget,
    inputs: ReadonlyMap<string, Tensor>,
    outputs: readonly string[],
  ): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const { tensors, transfer } = packTensors(inputs, "all");
      this.#runs.set(id, { resolve, reject });
      this.#post({ kind: "run", id, model, of, inputs: tensors, outputs }, transfer);
    });
  }

  /** Frees a model, after what it was given; the last one ends the thread. */
  async leave(model: number): Promise<void> {
    if (!this.#seats.delete(model)) return;
    if (this.#seats.size === 0) await this.#end();
    else this.#post({ kind: "close", model });
  }

  /** Gives a model up at once, and the thread with it unless others are here. */
  async abandon(model: number): Promise<void> {
    if (!this.#seats.delete(model)) return;
    if (this.#seats.size === 0) {
      await this.terminate();
      return;
    }
    this.#post({ kind: "close", model });
    this.#takeLoad(model)?.reject(unavailable("The model was given up while it was loaded"));
  }

  async #end(): Promise<void> {
    this.#isEnding = true;
    this.#post({ kind: "end" });
    const overdue = setTimeout(() => void this.#worker.terminate(), MAX_CLOSE_MS);
    await this.ended;
    clearTimeout(overdue);
  }

  /** Ends the worker at once. */
  async terminate(): Promise<void> {
    this.#isEnding = true;
    await this.#worker.terminate();
    await this.ended;
  }

  /** Keeps the process from waiting for this thread, or not. */
  setRef(isNeeded: boolean): void {
    if (isNeeded) this.#worker.ref();
    else this.#worker.unref();
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case "loaded": {
        const signatures = new Map(message.signatures.map((signature) => [signature.name, signature]));
        this.#takeLoad(message.model)?.resolve({
          signatures,
          signatureDefs: message.signatureDefs,
          rowIndependent: new Set(message.rowIndependent),
          boundedWork: new Set(message.boundedWork),
          traceless: new Set(message.traceless),
          warmable: new Set(message.warmable),
        });
        break;
      }
      case "progress":
        this.#loads.get(message.model)?.onProgress(message.progress);
        break;
      case "failed":
        this.#takeLoad(message.model)?.reject(unpackError(message.error));
        break;
      case "result":
        for (const buffer of message.spent) spareMemory.give(buffer);
        this.#take(message.id)?.resolve({ outputs: lent(message.outputs), micros: message.micros });
        break;
      case "error":
        this.#take(message.id)?.reject(unpackError(message.error));
        break;
    }
  }

  #takeLoad(model: number): Pending<LoadedModel> | undefined {
    const pending = this.#loads.get(model);
    this.#loads.delete(model);
    return pending;
  }

  #take(id: number): Pending<RunResult> | undefined {
    const pending = this.#runs.get(id);
    this.#runs.delete(id);
    return pending;
  }

  #rejectAll(): void {
    const reason = this.#crash === undefined ? "" : `: ${this.#crash.message}`;
    const error = unavailable(`The model's worker thread ended${reason}`, { cause: this.#crash });
    this.#isEnding = true;
    for (const { reject } of [...this.#loads.values(), ...this.#runs.values()]) reject(error);
    this.#loads.clear();
    this.#runs.clear();
  }
}

/** Tensors whose memory belongs to nobody else, so that it can be used again once they are encoded. */
function lent(packed: PackedTensors): Map<string, Tensor> {
  const tensors = unpackTensors(packed);
  for (const { dtype, data } of tensors.values()) if (dtype !== "string") spareMemory.lend(data.buffer);
  return tensors;
}

/** A model's place in a worker thread. */
export class WorkerSeat {
  constructor(
    private readonly thread: WorkerThread,
    private readonly model: number,
  ) {}

  /** Resolves when the thread has ended, with all models in it. */
  get ended(): Promise<void> {
    return this.thread.ended;
  }

  /** @param isUrgent whether requests wait for it: it then has a larger share of the processor */
  load(
    path: string,
    options: LoadOptions,
    onProgress: ProgressListener = () => {},
    isUrgent = false,
  ): Promise<LoadedModel> {
    return this.thread.load(this.model, path, options, onProgress, isUrgent);
  }

  /** Runs the model. Takes the inputs over. */
  run(of: RunTarget, inputs: ReadonlyMap<string, Tensor>, outputs: readonly string[]): Promise<RunResult> {
    return this.thread.run(this.model, of, inputs, outputs);
  }

  /** Frees the model, after what it was given. */
  close(): Promise<void> {
    return this.thread.leave(this.model);
  }

  /** Gives the model up at once. */
  terminate(): Promise<void> {
    return this.thread.abandon(this.model);
  }
}
