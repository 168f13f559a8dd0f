/** What a loaded version offers to those who answer requests. Where and how it runs is for its loader to know. */
import type { Signature, Tensor } from "@servable/formats";
import type { CallSignal } from "../call-abort.js";

/** Who waits for an answer. */
export interface Caller {
  /** Aborted with a StatusError when nobody waits any more. */
  readonly signal?: CallSignal | undefined;
  /** Called when the wait is over and the run begins, where there was a wait. */
  readonly onTurn?: (() => void) | undefined;
}

export interface ServedModel {
  readonly signatures: ReadonlyMap<string, Signature>;
  /** The model's SignatureDefs as it was saved with: a serialized SignatureDefMap of get_model_metadata.proto. */
  readonly signatureDefs: Uint8Array;
  /** Signatures that the server may run by itself: they leave everything as it was, and don't loop. */
  readonly warmable: ReadonlySet<string>;
  /**
   * Runs a signature. Inputs are by the signature's names, all of them, of its dtypes.
   *
   * Takes the inputs over: their memory may be gone afterwards.
   *
   * @param outputs names of the outputs to compute
   */
  run(
    signature: string,
    inputs: ReadonlyMap<string, Tensor>,
    outputs: readonly string[],
    caller?: Caller,
  ): Promise<Map<string, Tensor>>;
  /**
   * Runs tensors of the graph by their names, as a TensorFlow session does, and nodes for their effect. Takes the
   * feeds over.
   */
  runTensors(run: TensorRun, caller?: Caller): Promise<Map<string, Tensor>>;
}

export interface TensorRun {
  /** By the names of tensors. */
  readonly feeds: ReadonlyMap<string, Tensor>;
  /** Names of tensors. */
  readonly fetches: readonly string[];
  /** Names of nodes. */
  readonly targets: readonly string[];
}
