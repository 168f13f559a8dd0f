/**
 * The requests that came within one turn of the event loop, run as one: a quick model's run costs less than calling
 * for it, so sixty-four requests that are there at once are sixty-four rows of one run. Nobody waits for requests that
 * are not there yet.
 */
import type { Tensor } from "@servable/formats";
import { join, rowsOf, split, type Tensors } from "../batching/batch.js";

/** Runs a model on this thread, on the joined inputs of so many requests. */
export type RunHere = (inputs: Tensors, requests: number) => Map<string, Tensor>;

type Outcome = { readonly outputs: Map<string, Tensor> } | { readonly error: unknown };

export class Turn {
  readonly #requests: Tensors[] = [];
  readonly #isOver: Promise<void>;
  #end = () => {};
  #outcomes: readonly Outcome[] | undefined;
  #rows = 0;

  /**
   * @param outputs that all requests of the turn ask for
   * @param run of a signature for which it is proven that the rows of a batch don't depend on each other
   */
  constructor(
    private readonly outputs: readonly string[],
    private readonly run: RunHere,
    private readonly maxRows: number,
  ) {
    this.#isOver = new Promise((resolve) => {
      this.#end = resolve;
    });
    setImmediate(() => this.finish());
  }

  get isFinished(): boolean {
    return this.#outcomes !== undefined;
  }

  /** Runs what has come; at the end of the event loop's turn if nobody asks for it before. */
  finish(): void {
    if (this.isFinished) return;
    this.#outcomes = this.#runAll();
    this.#end();
  }

  /** Whether a request of so many rows can join: one for these outputs, whose rows have the shape of the others'. */
  takes(inputs: Tensors, rows: number, outputs: readonly string[]): boolean {
    const [first] = this.#requests;
    return (
      !this.isFinished &&
      this.#rows + rows <= this.maxRows &&
      outputs.length === this.outputs.length &&
      outputs.every((name, i) => name === this.outputs[i]) &&
      (first === undefined || haveRowsOf(first, inputs))
    );
  }

  /** Adds a request that it takes, or the first; resolves with its own outputs. */
  async add(inputs: Tensors, rows: number): Promise<Map<string, Tensor>> {
    const index = this.#requests.push(inputs) - 1;
    this.#rows += rows;
    await this.#isOver;
    const outcome = this.#outcomes?.[index] as Outcome;
    if ("error" in outcome) throw outcome.error;
    return outcome.outputs;
  }

  #runAll(): readonly Outcome[] {
    if (this.#requests.length === 1) return this.#requests.map((inputs) => this.#runOne(inputs));
    try {
      const sizes = this.#requests.map((inputs) => rowsOf(inputs) as number);
      const outputs = this.run(join(this.#requests, this.#rows), this.#requests.length);
      return split(outputs, sizes, this.#rows).map((own) => ({ outputs: own }));
    } catch {
      // Whose fault it was is known when each has run by itself.
      return this.#requests.map((inputs) => this.#runOne(inputs));
    }
  }

  #runOne(inputs: Tensors): Outcome {
    try {
      return { outputs: this.run(inputs, 1) };
    } catch (error) {
      return { error };
    }
  }
}

function haveRowsOf(first: Tensors, other: Tensors): boolean {
  for (const [name, { shape }] of other) {
    const like = first.get(name)?.shape;
    if (like?.length !== shape.length) return false;
    for (let axis = 1; axis < shape.length; axis++) if (shape[axis] !== like[axis]) return false;
  }
  return true;
}
