/**
 * What the server needs of an engine: a module that exports `loadModel`. `@servable/engine` is one; tests bring their
 * own. Everything is synchronous and runs in the model's worker thread.
 */
import type { Signature, Tensor } from "@servable/formats";
import type { SignatureDefMap } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";

/** How far a load is. */
export type LoadProgress =
  /** Bytes of weights that have been read and verified. */
  | { readonly stage: "weights"; readonly bytes: number }
  /** Signatures that are compiled, of how many. */
  | { readonly stage: "signatures"; readonly compiled: number; readonly total: number };

export interface LoadOptions {
  /** Tags of the MetaGraph to load. */
  readonly tags?: readonly string[];
  /** Threads that one operator may use; 0 or absent: as many as there are cores. */
  readonly intraOpThreads?: number;
  /** Make what is quick to run when it has run a few times, not before the first answer. */
  readonly lazySessions?: boolean;
  /** Take model.tflite where there is one beside a SavedModel. */
  readonly preferTfliteModel?: boolean;
}

/** What is not sent to a worker, but made there. */
export interface LoadListeners {
  readonly onProgress?: (progress: LoadProgress) => void;
}

export interface Model {
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly signatureDefs: SignatureDefMap;
  run(
    signature: string,
    inputs: ReadonlyMap<string, Tensor>,
    outputs?: readonly string[],
  ): Map<string, Tensor>;
  /** Whether row i of every output depends on row i of the inputs alone, so that requests may share a run. */
  rowIndependence(signature: string): { readonly independent: boolean };
  /**
   * Whether the sizes of inputs that fit the declared shapes bound what a run costs, in time and memory, and a run
   * leaves nothing behind.
   */
  hasBoundedWork(signature: string): boolean;
  /** Whether a run of the signature leaves everything as it was. */
  leavesNoTrace(signature: string): boolean;
  /** Whether the signature loops, so that a run may take any time. */
  hasLoops(signature: string): boolean;
  /** Runs tensors and nodes of the graph by their names; one value for each fetch. */
  runTensors(
    feeds: ReadonlyMap<string, Tensor>,
    fetches: readonly string[],
    targets: readonly string[],
  ): Tensor[];
  close(): void;
}

export interface Engine {
  /** The model in a version's folder. Throws StatusError. */
  loadModel(path: string, options?: LoadOptions & LoadListeners): Model;
}
