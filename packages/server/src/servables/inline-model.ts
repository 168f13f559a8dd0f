/**
 * A model in a worker thread whose quick requests run on the main thread as well: for them the way to the worker and
 * back costs more than the run. The model is loaded here only once runs in the worker have shown to be quick, so that a
 * first answer never waits for it; whatever goes wrong with that leaves the worker to serve.
 *
 * Never here: signatures with state, loops or sizes that values decide (the engine knows), large models and requests,
 * requests of other shapes than declared.
 */
import { fitsShape, type Signature, StatusError, type Tensor } from "@servable/formats";
import { rowsOf } from "../batching/batch.js";
import type { Model } from "./engine-contract.js";
import type { RunTimes } from "./run-times.js";
import type { Caller, ServedModel, TensorRun } from "./served-model.js";
import { type RunHere, Turn } from "./turn.js";

/** Rows of one run: enough for the requests of one turn of the event loop, few enough to be over soon. */
const MAX_TURN_ROWS = 128;
/** What the inputs of a small request have at most, in bytes… */
const MAX_SMALL_BYTES = 2 ** 18;
/** …and of one that is joined with others: to copy more costs as much as a run of its own. */
const MAX_JOINED_BYTES = 2 ** 13;

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
    if (!this.#isOver && this.options.times.isQuick(signature, inputs) && this.#isSmall(signature, inputs)) {
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
    const joins = rows !== undefined && this.options.rowIndependent.has(signature);
    if (!joins || byteCountOf(inputs) > MAX_JOINED_BYTES) {
      return this.#run(model, signature, inputs, 1, outputs);
    }
    let turn = this.#turns.get(signature);
    if (turn === undefined || !turn.takes(inputs, rows, outputs)) {
      const run: RunHere = (joined, requests) => this.#run(model, signature, joined, requests, outputs);
      turn = new Turn(outputs, run, MAX_TURN_ROWS);
      this.#turns.set(signature, turn);
    }
    return await turn.add(inputs, rows);
  }

  #run(
    model: Model,
    signature: string,
    inputs: ReadonlyMap<string, Tensor>,
    requests: number,
    outputs: readonly string[],
  ): Map<string, Tensor> {
    const start = performance.now();
    try {
      return model.run(signature, inputs, outputs);
    } finally {
      this.options.times.ran(signature, inputs, requests, (performance.now() - start) * 1000);
    }
  }

  #isSmall(signature: string, inputs: ReadonlyMap<string, Tensor>): boolean {
    const declared = this.signatures.get(signature)?.inputs;
    for (const [name, { shape }] of inputs) {
      // A model may have to be compiled for a shape that was not declared, which takes long.
      const own = declared?.get(name)?.shape ?? null;
      if (own === null || !fitsShape(shape, own)) return false;
    }
    return byteCountOf(inputs) <= MAX_SMALL_BYTES;
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

function byteCountOf(inputs: ReadonlyMap<string, Tensor>): number {
  let bytes = 0;
  for (const { dtype, data } of inputs.values()) {
    bytes += dtype === "string" ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength;
  }
  return bytes;
}
