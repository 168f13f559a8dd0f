/**
 * A model in a worker thread whose small, quick requests run on the main thread as well: for a tiny model the way to
 * the worker and back costs more than the run. The model is loaded here only once its runs in the worker have shown
 * to be quick, so that a first answer never waits for it; whatever goes wrong with that leaves the worker to serve.
 *
 * Never here: signatures with state, loops or sizes that values decide (the engine knows), large models, requests of
 * many rows or of other shapes than declared.
 */
import { type PartialShape, type Signature, StatusError, type Tensor } from "@servable/formats";
import { rowsOf } from "../batching/batch.js";
import type { Model } from "./engine-contract.js";
import { MAX_SMALL_ROWS, type RunTimes } from "./run-times.js";
import type { Caller, ServedModel, TensorRun } from "./served-model.js";
import { Turn } from "./turn.js";

/** Rows of one run: enough for the requests of one turn of the event loop, few enough to be over soon. */
const MAX_TURN_ROWS = 128;

export interface InlineModelOptions {
  /** Signatures for which it is proven that the rows of a batch don't depend on each other. */
  readonly rowIndependent: ReadonlySet<string>;
  /** How long the worker's runs took. */
  readonly times: RunTimes;
  /** Loads the model on this thread; undefined when it should not run here. */
  readonly load: () => Promise<Model | undefined>;
  readonly warn: (message: string) => void;
}

/** What close() needs of the model in the worker. */
export interface ClosableModel extends ServedModel {
  close(): Promise<void>;
}

export class InlineModel implements ClosableModel {
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly signatureDefs: Uint8Array;
  readonly warmable: ReadonlySet<string>;
  /** The last turn of each signature. */
  readonly #turns = new Map<string, Turn>();
  #model: Model | undefined;
  #loading: Promise<void> | undefined;
  /** No model is kept here any more. */
  #isOver = false;

  constructor(
    private readonly worker: ClosableModel,
    private readonly options: InlineModelOptions,
  ) {
    this.signatures = worker.signatures;
    this.signatureDefs = worker.signatureDefs;
    this.warmable = worker.warmable;
  }

  run(
    signature: string,
    inputs: ReadonlyMap<string, Tensor>,
    outputs: readonly string[],
    caller?: Caller,
  ): Promise<Map<string, Tensor>> {
    if (!this.#isOver && this.options.times.isQuick(signature) && this.#isSmall(signature, inputs)) {
      if (this.#model !== undefined) return this.#runHere(this.#model, signature, inputs, outputs);
      this.#loading ??= this.#load();
    }
    return this.worker.run(signature, inputs, outputs, caller);
  }

  /** Only in the worker. It may assign what the model here takes for a constant, so there is none from now on. */
  async runTensors(run: TensorRun, caller?: Caller): Promise<Map<string, Tensor>> {
    this.#drop();
    return await this.worker.runTensors(run, caller);
  }

  /** Ends the worker, after what it was given, and frees the model here. */
  async close(): Promise<void> {
    this.#drop();
    await this.worker.close();
    await this.#loading;
  }

  #drop(): void {
    this.#isOver = true;
    for (const turn of this.#turns.values()) turn.finish();
    this.#model?.close();
    this.#model = undefined;
  }

  /** With what else comes in this turn of the event loop, if that can be. */
  async #runHere(
    model: Model,
    signature: string,
    inputs: ReadonlyMap<string, Tensor>,
    outputs: readonly string[],
  ): Promise<Map<string, Tensor>> {
    const rows = rowsOf(inputs);
    if (rows === undefined || !this.options.rowIndependent.has(signature)) {
      return this.#run(model, signature, inputs, outputs);
    }
    let turn = this.#turns.get(signature);
    if (turn === undefined || !turn.takes(outputs, rows)) {
      turn = new Turn(outputs, (joined) => this.#run(model, signature, joined, outputs), MAX_TURN_ROWS);
      this.#turns.set(signature, turn);
    }
    return await turn.add(inputs, rows);
  }

  #run(
    model: Model,
    signature: string,
    inputs: ReadonlyMap<string, Tensor>,
    outputs: readonly string[],
  ): Map<string, Tensor> {
    const start = performance.now();
    try {
      return model.run(signature, inputs, outputs);
    } finally {
      this.options.times.ran(signature, rowsOf(inputs), (performance.now() - start) * 1000);
    }
  }

  #isSmall(signature: string, inputs: ReadonlyMap<string, Tensor>): boolean {
    const declared = this.signatures.get(signature)?.inputs;
    for (const [name, { shape }] of inputs) {
      if (!isFewRowsOf(declared?.get(name)?.shape ?? null, shape)) return false;
    }
    return true;
  }

  async #load(): Promise<void> {
    try {
      const model = this.#isOver ? undefined : await this.options.load();
      if (this.#isOver) model?.close();
      else this.#model = model;
    } catch (reason) {
      const { message } = StatusError.from(reason);
      this.options.warn(`The main thread leaves all requests to the model's worker thread: ${message}`);
    }
  }
}

/** Whether a tensor has at most MAX_SMALL_ROWS of the rows that its input declares. */
function isFewRowsOf(declared: PartialShape, shape: readonly number[]): boolean {
  if (declared === null || declared.length !== shape.length) return false;
  return shape.every((size, axis) => (axis === 0 ? size <= MAX_SMALL_ROWS : size === declared[axis]));
}
