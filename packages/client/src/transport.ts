/**
 * What a transport does: one exchange with the server per method, requests already in terms of tensors and
 * tf.Examples. Retries, signatures and the reading of callers' values happen above, in transport-client.ts.
 */
import type { Signature, Tensor } from "@servable/formats";
import type { Example } from "@servable/formats/protobuf/tensorflow/core/example/example_pb";
import type { CallContext } from "./call-context.js";
import type {
  ClassifyResult,
  InferenceResult,
  InferenceTask,
  ModelConfig,
  ModelMetadata,
  PredictResult,
  RegressResult,
  VersionStatus,
} from "./client.js";
import type { ModelTarget } from "./model-target.js";

export interface PredictCall {
  readonly target: ModelTarget;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputFilter: readonly string[];
  /** There whenever `needsSignatures` is set. */
  readonly signature: Signature | undefined;
}

export interface Examples {
  readonly examples: readonly Example[];
  readonly context: Example | undefined;
}

export interface Transport {
  /** Whether answers can only be read with the model's signature at hand: JSON says neither dtype nor output name. */
  readonly needsSignatures: boolean;
  predict(call: PredictCall, context: CallContext): Promise<PredictResult>;
  classify(target: ModelTarget, input: Examples, context: CallContext): Promise<ClassifyResult>;
  regress(target: ModelTarget, input: Examples, context: CallContext): Promise<RegressResult>;
  multiInference(
    tasks: readonly InferenceTask[],
    input: Examples,
    context: CallContext,
  ): Promise<InferenceResult[]>;
  getModelMetadata(target: ModelTarget, context: CallContext): Promise<ModelMetadata>;
  getModelStatus(target: ModelTarget, context: CallContext): Promise<VersionStatus[]>;
  reloadConfig(models: readonly ModelConfig[], context: CallContext): Promise<void>;
  close(): void;
}
