/**
 * A loaded model: signatures that run. Everything is synchronous: a model lives in a thread of its own, and blocking
 * that thread is the point.
 */
import { create } from "@bufbuild/protobuf";
import {
  attempt,
  Code,
  type DType,
  findMetaGraph,
  invalidArgument,
  notFound,
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
import { CompiledRequest } from "./compiled-request.js";
import type { Graph } from "./graph/graph.js";
import { type ProgressListener, WeightProgress } from "./load-progress.js";
import { fingerprint } from "./passes/fingerprint.js";
import type { RowIndependence } from "./passes/row-independence.js";
import { inSignature, type OpenedModel, Program } from "./program.js";
import { Session } from "./session.js";
import { signatureGraphs } from "./signature-graphs.js";
import { asTensor } from "./values.js";

export interface LoadOptions {
  /** Tags of the MetaGraph to load; ["serve"] by default. */
  readonly tags?: readonly string[];
  /** Threads that one operator may use; one per core by default. */
  readonly intraOpThreads?: number;
  /**
   * Load ONNX Runtime when a signature has run a few times or has a large batch to run; until then the host runs what is
   * small. False by default.
   */
  readonly lazySessions?: boolean;
  /** Take `model.tflite` of a version's folder where there is one beside a SavedModel; false by default. */
  readonly preferTfliteModel?: boolean;
  /** Called while the model is loaded, in the same thread: for each 32 MiB of weights, and for each signature. */
  readonly onProgress?: ProgressListener;
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
  /**
   * Whether row i of every output depends on row i of the inputs alone, so that requests may share a run; with the
   * reason when that can't be proven. NOT_FOUND for an unknown signature.
   */
  rowIndependence(signature: string): RowIndependence;
  /**
   * Whether the sizes of inputs that fit the declared shapes bound what a run costs, in time and memory, and a run
   * leaves nothing behind: no loops, no state, no sizes that values decide. NOT_FOUND for an unknown signature.
   */
  hasBoundedWork(signature: string): boolean;
  /**
   * Whether running a signature leaves everything as it was: it writes no variable, no table, no state of a random
   * number generator. NOT_FOUND for an unknown signature.
   */
  leavesNoTrace(signature: string): boolean;
  /** Whether a signature loops, so that a run may take any time. NOT_FOUND for an unknown signature. */
  hasLoops(signature: string): boolean;
  /**
   * Runs the graph by the names of its tensors and nodes, as Session.run does, with the model's own variables and
   * tables. UNIMPLEMENTED for a model that has no TensorFlow graph.
   */
  runTensors(
    feeds: ReadonlyMap<string, Tensor>,
    fetches: readonly string[],
    targets: readonly string[],
  ): Tensor[];
  /** Gives back what the model holds outside of JavaScript's memory. */
  close(): void;
}

/**
 * Loads a SavedModel folder: restores its variables, runs its init op, compiles its signatures.
 * NOT_FOUND for a folder without a model, tags or ops that don't exist; DATA_LOSS and INVALID_ARGUMENT for damaged
 * files; UNIMPLEMENTED when no signature can run (one that can't does not take the others down).
 */
export function loadSavedModel(dir: string, options: LoadOptions = {}): Model {
  return modelOf(openSavedModel(dir, options), options);
}

/** loadSavedModel without the compiler: all errors but UNIMPLEMENTED. */
export function openSavedModel(dir: string, options: LoadOptions = {}): OpenedModel {
  const { savedModel } = readReadable(dir);
  const metaGraph = findMetaGraph(savedModel, options.tags ?? [SERVING_TAG]);
  const program = new Program(metaGraph);
  closingOnFailure(program, () => program.initialize(metaGraph, dir));
  return { program, metaGraph };
}

/** A model that can't be loaded holds no file open. */
function closingOnFailure<T>(program: Program, load: () => T): T {
  try {
    return load();
  } catch (error) {
    program.close();
    throw error;
  }
}

/** An opened model, its signatures compiled. */
export function modelOf({ program, metaGraph }: OpenedModel, options: LoadOptions): Model {
  const signatureDefs = create(SignatureDefMapSchema, { signatureDef: metaGraph.signatureDef });
  return closingOnFailure(
    program,
    () => new CompiledModel(program, signaturesOf(metaGraph), signatureDefs, options),
  );
}

/** TensorFlow takes a file that is no SavedModel for none: NOT_FOUND. */
function readReadable(dir: string): ReturnType<typeof readSavedModel> {
  try {
    return readSavedModel(dir);
  } catch (error) {
    const status = StatusError.from(error);
    if (status.code !== Code.DATA_LOSS && status.code !== Code.INVALID_ARGUMENT) throw status;
    throw notFound(status.message, { cause: error });
  }
}

class CompiledModel implements Model {
  private readonly runners: ReadonlyMap<string, SignatureRunner | StatusError>;
  private session: Session | undefined;

  constructor(
    private readonly program: Program,
    readonly signatures: ReadonlyMap<string, Signature>,
    readonly signatureDefs: SignatureDefMap,
    options: LoadOptions,
  ) {
    this.runners = compileSignatures(program, signatures, options);
    const runners = [...this.runners.values()];
    const lacking = runners.find(
      (runner) => runner instanceof StatusError && runner.code === Code.UNIMPLEMENTED,
    );
    if (lacking !== undefined && runners.every((runner) => runner instanceof StatusError)) throw lacking;
  }

  run(name: string, inputs: ReadonlyMap<string, Tensor>, outputs?: readonly string[]): Map<string, Tensor> {
    return this.runner(name).run(inputs, outputs);
  }

  rowIndependence(name: string): RowIndependence {
    return this.runner(name).rowIndependence;
  }

  hasBoundedWork(name: string): boolean {
    return this.runner(name).compiled.hasBoundedWork;
  }

  leavesNoTrace(name: string): boolean {
    return this.runner(name).compiled.leavesNoTrace;
  }

  hasLoops(name: string): boolean {
    return this.runner(name).compiled.hasLoops;
  }

  runTensors(
    feeds: ReadonlyMap<string, Tensor>,
    fetches: readonly string[],
    targets: readonly string[],
  ): Tensor[] {
    this.session ??= Session.of(this.program);
    return this.session.run(feeds, fetches, targets);
  }

  private runner(name: string): SignatureRunner {
    const runner = this.runners.get(name);
    if (runner === undefined) {
      const known = [...this.signatures.keys()].map((each) => `"${each}"`).join(", ");
      throw notFound(`Serving signature name: "${name}" not found in signature def; there are ${known}`);
    }
    if (runner instanceof StatusError) throw runner;
    return runner;
  }

  close(): void {
    const runners = [...this.runners.values()].flatMap((runner) =>
      runner instanceof StatusError ? [] : [runner],
    );
    for (const compiled of new Set(runners.map((runner) => runner.compiled))) compiled.dispose();
    this.session?.close();
    this.program.close();
  }
}

/** Equal graphs are compiled once. */
function compileSignatures(
  program: Program,
  signatures: ReadonlyMap<string, Signature>,
  options: LoadOptions,
): Map<string, SignatureRunner | StatusError> {
  const graphs = signatureGraphs(program, signatures);
  program.weightProgress = new WeightProgress(options.onProgress);
  const compiled = new Map<string, CompiledRequest>();
  const compile = (signature: Signature, graph: Graph | StatusError): SignatureRunner => {
    if (graph instanceof StatusError) throw graph;
    const key = fingerprint(graph);
    const request = compiled.get(key) ?? compileSignature(program, signature, graph, options);
    compiled.set(key, request);
    return new SignatureRunner(signature, request);
  };
  const runners = new Map<string, SignatureRunner | StatusError>();
  for (const [signature, graph] of graphs) {
    runners.set(
      signature.name,
      attempt(() => compile(signature, graph), isOfOneSignature),
    );
    options.onProgress?.({ stage: "signatures", compiled: runners.size, total: graphs.size });
  }
  return runners;
}

function compileSignature(
  program: Program,
  signature: Signature,
  graph: Graph,
  { intraOpThreads, lazySessions }: LoadOptions,
): CompiledRequest {
  const options = {
    name: signature.name,
    ...(intraOpThreads !== undefined && { intraOpThreads }),
    ...(lazySessions !== undefined && { lazySessions }),
  };
  const request = program.signatureRequest(signature);
  return inSignature(signature, () => new CompiledRequest(program, request, options, graph));
}

/**
 * What a signature asks for and can't have: ops without support, tensors that are not in the graph. Such an error
 * belongs to one signature, not to the model.
 */
function isOfOneSignature({ code }: StatusError): boolean {
  return code === Code.UNIMPLEMENTED || code === Code.NOT_FOUND;
}

/** A signature and its compiled request, which it may share with others. */
class SignatureRunner {
  private readonly inputNames: readonly string[];
  private readonly outputNames: readonly string[];

  constructor(
    private readonly signature: Signature,
    readonly compiled: CompiledRequest,
  ) {
    this.inputNames = [...signature.inputs.keys()];
    this.outputNames = [...signature.outputs.keys()];
  }

  run(
    inputs: ReadonlyMap<string, Tensor>,
    outputs: readonly string[] = this.outputNames,
  ): Map<string, Tensor> {
    const feeds = this.inputNames.map((name) => this.feed(name, inputs));
    const wanted = outputs.map((name) => this.outputIndex(name));
    const values = this.compiled.run(feeds);
    return new Map(outputs.map((name, i) => [name, asTensor(values[wanted[i] as number])]));
  }

  get rowIndependence(): RowIndependence {
    return this.compiled.rowIndependence;
  }

  private feed(name: string, inputs: ReadonlyMap<string, Tensor>): Tensor {
    const { signature } = this;
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
    if (index < 0) throw invalidArgument(`signature "${this.signature.name}" has no output "${name}"`);
    return index;
  }
}
