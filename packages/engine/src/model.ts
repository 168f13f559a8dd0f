/**
 * A loaded model: signatures that run. Everything is synchronous: a model lives in a thread of its own, and blocking
 * that thread is the point.
 */
import { create } from "@bufbuild/protobuf";
import {
  type DType,
  findMetaGraph,
  invalidArgument,
  notFound,
  type PartialShape,
  readSavedModel,
  SERVING_TAG,
  type Signature,
  StatusError,
  signaturesOf,
  type Tensor,
} from "@servable/formats";
import {
  type SignatureDefMap,
  SignatureDefMapSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import type { Graph } from "./graph/graph.js";
import type { Plan } from "./plan/plan.js";
import { Program, type Request } from "./program.js";
import { asTensor } from "./values.js";

export interface LoadOptions {
  /** Tags of the MetaGraph to load; ["serve"] by default. */
  readonly tags?: readonly string[];
  /** Threads that one operator may use; one per core by default. */
  readonly intraOpThreads?: number;
}

/** A SavedModel that runs in this thread. */
export interface Model {
  readonly signatures: ReadonlyMap<string, Signature>;
  /** The signatures as the model's file has them. */
  readonly signatureDefs: SignatureDefMap;
  /**
   * Runs a signature. Blocks the thread.
   * NOT_FOUND for an unknown signature; INVALID_ARGUMENT for inputs or outputs that are not the signature's, or of a
   * wrong dtype or shape; UNIMPLEMENTED for a signature that can't run.
   * @param inputs by name, all of the signature's but those with defaults
   * @param outputs names of the outputs wanted; all by default
   */
  run(
    signature: string,
    inputs: ReadonlyMap<string, Tensor>,
    outputs?: readonly string[],
  ): Map<string, Tensor>;
  /** Gives back what the model holds outside of JavaScript's memory. */
  close(): void;
}

/**
 * Loads a SavedModel folder: restores its variables, runs its init op, compiles its signatures.
 * NOT_FOUND for a folder without a model, tags or ops that don't exist; DATA_LOSS and INVALID_ARGUMENT for damaged
 * files; UNIMPLEMENTED when no signature can run (one that can't does not take the others down).
 */
export function loadModel(dir: string, options: LoadOptions = {}): Model {
  const { savedModel } = readSavedModel(dir);
  const metaGraph = findMetaGraph(savedModel, options.tags ?? [SERVING_TAG]);
  const program = new Program(metaGraph);
  program.initialize(metaGraph, dir);
  const signatureDefs = create(SignatureDefMapSchema, { signatureDef: metaGraph.signatureDef });
  return new SavedModelInstance(program, signaturesOf(metaGraph), signatureDefs, options);
}

class SavedModelInstance implements Model {
  private readonly runners = new Map<string, SignatureRunner | StatusError>();

  constructor(
    program: Program,
    readonly signatures: ReadonlyMap<string, Signature>,
    readonly signatureDefs: SignatureDefMap,
    options: LoadOptions,
  ) {
    const graphs = new Map<string, SignatureGraph | StatusError>();
    for (const [name, signature] of signatures)
      graphs.set(
        name,
        attempt(() => signatureGraph(program, signature)),
      );
    for (const graph of graphs.values())
      if (!(graph instanceof StatusError)) program.noteAssignments(graph.graph);
    for (const [name, graph] of graphs) {
      const runner =
        graph instanceof StatusError ? graph : attempt(() => new SignatureRunner(program, graph, options));
      this.runners.set(name, runner);
    }
    const failures = [...this.runners.values()].filter((runner) => runner instanceof StatusError);
    if (failures.length > 0 && failures.length === this.runners.size) throw failures[0] as StatusError;
  }

  run(name: string, inputs: ReadonlyMap<string, Tensor>, outputs?: readonly string[]): Map<string, Tensor> {
    const runner = this.runners.get(name);
    if (runner === undefined) {
      const known = [...this.signatures.keys()].map((each) => `"${each}"`).join(", ");
      throw notFound(`Serving signature name: "${name}" not found in signature def; there are ${known}`);
    }
    if (runner instanceof StatusError) throw runner;
    return runner.run(inputs, outputs);
  }

  close(): void {
    for (const runner of this.runners.values()) if (!(runner instanceof StatusError)) runner.dispose();
  }
}

/** UNIMPLEMENTED and the like are kept as the result: the error then belongs to one signature, not to the model. */
function attempt<T>(make: () => T): T | StatusError {
  try {
    return make();
  } catch (error) {
    const status = StatusError.from(error);
    if (status.codeName === "UNIMPLEMENTED") return status;
    throw status;
  }
}

interface SignatureGraph {
  readonly signature: Signature;
  readonly request: Request;
  readonly graph: Graph;
}

function signatureGraph(program: Program, signature: Signature): SignatureGraph {
  const feeds = [...signature.inputs.values()].map(({ name, shape }) => ({ name, shape }));
  const fetches = [...signature.outputs.values()].map(({ name }) => name);
  const request = { feeds, fetches };
  return { signature, request, graph: program.graphOf(request) };
}

/** More rank combinations than this of one signature are not kept. */
const MAX_SPECIALIZED = 16;

/**
 * The plans of one signature. The main one is compiled for the declared shapes; TensorFlow does not enforce those, so
 * a feed that does not fit them gets a plan compiled for its rank.
 */
class SignatureRunner {
  private readonly inputNames: readonly string[];
  private readonly outputNames: readonly string[];
  private readonly declared: readonly PartialShape[];
  private readonly main: Plan | undefined;
  private readonly specialized = new Map<string, Plan>();

  constructor(
    private readonly program: Program,
    private readonly source: SignatureGraph,
    private readonly options: LoadOptions,
  ) {
    const { signature, graph } = source;
    this.inputNames = [...signature.inputs.keys()];
    this.outputNames = [...signature.outputs.keys()];
    this.declared = [...signature.inputs.values()].map(({ shape }) => shape);
    if (this.declared.every((shape) => shape !== null)) this.main = this.compile(graph);
  }

  run(
    inputs: ReadonlyMap<string, Tensor>,
    outputs: readonly string[] = this.outputNames,
  ): Map<string, Tensor> {
    const feeds = this.inputNames.map((name) => this.feed(name, inputs));
    const wanted = outputs.map((name) => this.outputIndex(name));
    const values = this.program.run(this.planFor(feeds), feeds);
    return new Map(outputs.map((name, i) => [name, asTensor(values[wanted[i] as number])]));
  }

  dispose(): void {
    this.main?.dispose();
    for (const plan of this.specialized.values()) plan.dispose();
  }

  private feed(name: string, inputs: ReadonlyMap<string, Tensor>): Tensor {
    const { signature } = this.source;
    const value = inputs.get(name) ?? signature.defaults.get(name);
    const { dtype } = signature.inputs.get(name) as { dtype: DType };
    if (value === undefined)
      throw invalidArgument(`signature "${signature.name}": input "${name}" is missing`);
    if (value.dtype !== dtype) {
      throw invalidArgument(
        `signature "${signature.name}": input "${name}" has dtype ${value.dtype}, expected ${dtype}`,
      );
    }
    return value;
  }

  private outputIndex(name: string): number {
    const index = this.outputNames.indexOf(name);
    if (index < 0) throw invalidArgument(`signature "${this.source.signature.name}" has no output "${name}"`);
    return index;
  }

  private planFor(feeds: readonly Tensor[]): Plan {
    const fits = feeds.every((value, i) => fitsShape(value.shape, this.declared[i] ?? null));
    if (this.main !== undefined && fits) return this.main;
    const ranks = feeds.map((value) => value.shape.length);
    const key = ranks.join(",");
    let plan = this.specialized.get(key);
    if (plan === undefined) {
      const shapes = ranks.map((rank) => new Array<number>(rank).fill(-1));
      plan = this.compile(this.program.graphOf(withShapes(this.source.request, shapes)));
      this.remember(key, plan);
    }
    return plan;
  }

  private remember(key: string, plan: Plan): void {
    const [oldest] = this.specialized.keys();
    if (this.specialized.size >= MAX_SPECIALIZED && oldest !== undefined) {
      this.specialized.get(oldest)?.dispose();
      this.specialized.delete(oldest);
    }
    this.specialized.set(key, plan);
  }

  private compile(graph: Graph): Plan {
    const { intraOpThreads } = this.options;
    const name = this.source.signature.name;
    try {
      return this.program.compile(graph, {
        name,
        ...(intraOpThreads === undefined ? {} : { intraOpThreads }),
      });
    } catch (error) {
      const status = StatusError.from(error);
      throw new StatusError(status.code, `signature "${name}": ${status.message}`, { cause: error });
    }
  }
}

function fitsShape(actual: readonly number[], declared: PartialShape): boolean {
  if (declared === null) return false;
  return (
    actual.length === declared.length && declared.every((size, axis) => size < 0 || size === actual[axis])
  );
}

function withShapes(request: Request, shapes: readonly PartialShape[]): Request {
  return { ...request, feeds: request.feeds.map((feed, i) => ({ ...feed, shape: shapes[i] ?? null })) };
}
