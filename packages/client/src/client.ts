/**
 * The client as its users see it: one interface whatever the transport. `connect` (connect.ts) makes one.
 */
import type { Code, Signature, Tensor } from "@servable/formats";
import type { CallOptions } from "./call-context.js";
import type { ExampleValue } from "./example-values.js";
import type { Inputs, InputValue } from "./input-values.js";
import type { ModelTarget, ServedModel } from "./model-target.js";
import type { TypedInputs, TypedModel, TypedModelOptions, TypedOutputs } from "./typed-model.js";

export interface PredictRequest extends ModelTarget, CallOptions {
  /** By the names of the signature's inputs. */
  readonly inputs: Inputs;
  /** Names of the outputs wanted; all of them when empty or absent. */
  readonly outputFilter?: readonly string[] | undefined;
}

export interface PredictResult {
  readonly model: ServedModel;
  /** By the names of the signature's outputs. */
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/** The input of Classify, Regress and MultiInference. */
export interface ExamplesRequest extends CallOptions {
  /** One answer is given for each. */
  readonly examples: readonly ExampleValue[];
  /** Features that all examples share. */
  readonly context?: ExampleValue | undefined;
}

export interface ClassifyRequest extends ModelTarget, ExamplesRequest {}
export interface RegressRequest extends ModelTarget, ExamplesRequest {}

/** One class of an example: empty label or score 0 where the model gives none. */
export interface ClassScore {
  readonly label: string;
  readonly score: number;
}

export interface ClassifyResult {
  readonly model: ServedModel;
  /** For each example its classes, in the model's order. */
  readonly classifications: readonly (readonly ClassScore[])[];
}

export interface RegressResult {
  readonly model: ServedModel;
  /** One for each example. */
  readonly values: readonly number[];
}

/** One of the questions of a MultiInference. TensorFlow Serving wants all tasks to name the same model. */
export interface InferenceTask extends ModelTarget {
  readonly method: "classify" | "regress";
}

export interface MultiInferenceRequest extends ExamplesRequest {
  readonly tasks: readonly InferenceTask[];
}

/** One result for each task, in their order; which kind it is shows in `method`. */
export type InferenceResult =
  | ({ readonly method: "classify" } & ClassifyResult)
  | ({ readonly method: "regress" } & RegressResult);

export interface ModelRequest extends Omit<ModelTarget, "signature">, CallOptions {}

export interface ModelMetadata {
  /** The version is the one whose signatures these are. */
  readonly model: Omit<ServedModel, "signature">;
  readonly signatures: ReadonlyMap<string, Signature>;
}

/** Where a version is in its life, as TensorFlow Serving names it. */
export type VersionState = "UNKNOWN" | "START" | "LOADING" | "AVAILABLE" | "UNLOADING" | "END";

export interface VersionStatus {
  readonly version: bigint;
  readonly state: VersionState;
  /** Why loading failed, or OK. */
  readonly code: Code;
  readonly message: string;
}

/** One entry of a server's model configuration. */
export interface ModelConfig {
  readonly name: string;
  /** Folder of the version folders, as the server sees it. */
  readonly basePath: string;
  /** Default "tensorflow". */
  readonly platform?: string | undefined;
  /** Which versions to serve: all, the newest `latest`, or those listed. Default: the newest one. */
  readonly versions?: "all" | { readonly latest: number } | readonly (number | bigint)[] | undefined;
  /** Labels by which requests may ask for versions. */
  readonly labels?: Readonly<Record<string, number | bigint>> | undefined;
}

export interface ReloadConfigRequest extends CallOptions {
  /** The whole configuration: models that are left out are unloaded. */
  readonly models: readonly ModelConfig[];
}

/**
 * Every method rejects with a StatusError: the server's own code and message, INVALID_ARGUMENT for a request that
 * can't be sent, UNAVAILABLE when there is no connection, DEADLINE_EXCEEDED, or CANCELLED.
 */
export interface Client {
  predict(request: PredictRequest): Promise<PredictResult>;
  classify(request: ClassifyRequest): Promise<ClassifyResult>;
  regress(request: RegressRequest): Promise<RegressResult>;
  /** Several classifications and regressions of the same examples. gRPC only: UNIMPLEMENTED over REST. */
  multiInference(request: MultiInferenceRequest): Promise<InferenceResult[]>;
  getModelMetadata(request: ModelRequest): Promise<ModelMetadata>;
  /** The state of every version of the model, or of the one asked for. */
  getModelStatus(request: ModelRequest): Promise<VersionStatus[]>;
  /** Replaces the server's model configuration; resolves once it is in force. gRPC only: UNIMPLEMENTED over REST. */
  reloadConfig(request: ReloadConfigRequest): Promise<void>;
  /** A handle on one model whose inputs and outputs have static types. */
  model<
    I extends TypedInputs<I> = Record<string, InputValue>,
    O extends TypedOutputs<O> = Record<string, Tensor>,
  >(name: string, options?: TypedModelOptions): TypedModel<I, O>;
  /** Closes the connections. Calls in flight may fail. */
  close(): void;
}
