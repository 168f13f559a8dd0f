/**
 * The client over any transport: reads callers' values into tensors and tf.Examples, keeps signatures, applies
 * deadlines and retries. The order within a call: check the target, start the clock, get the signature if it is
 * needed, build the request once, then exchange it as often as the retry policy allows.
 */
import { Code, invalidArgument, type Signature, StatusError, type Tensor } from "@servable/formats";
import { type CallContext, type CallOptions, type RetryPolicy, startCall } from "./call-context.js";
import type {
  ClassifyRequest,
  ClassifyResult,
  Client,
  ExamplesRequest,
  InferenceResult,
  ModelMetadata,
  ModelRequest,
  MultiInferenceRequest,
  PredictRequest,
  PredictResult,
  RegressRequest,
  RegressResult,
  ReloadConfigRequest,
  VersionStatus,
} from "./client.js";
import { exampleOf } from "./example-values.js";
import { areTensors, type InputValue, tensorsOf } from "./input-values.js";
import { checkTarget, targetSignature } from "./model-target.js";
import { NO_RETRY, withRetry } from "./retry.js";
import { SignatureCache } from "./signature-cache.js";
import type { Examples, Transport } from "./transport.js";
import {
  type TypedInputs,
  type TypedModel,
  type TypedModelOptions,
  type TypedOutputs,
  typedModel,
} from "./typed-model.js";

/** What holds for every call that says nothing else. */
export interface CallDefaults {
  readonly deadlineMs?: number | undefined;
  readonly retry?: RetryPolicy | undefined;
}

export class TransportClient implements Client {
  readonly #signatures: SignatureCache;

  constructor(
    private readonly transport: Transport,
    private readonly defaults: CallDefaults,
  ) {
    this.#signatures = new SignatureCache((target, context) => transport.getModelMetadata(target, context));
  }

  async predict(request: PredictRequest): Promise<PredictResult> {
    checkTarget(request);
    const context = this.#start(request);
    const signature = await this.#signatureFor(request, context);
    const inputs = tensorsOf(request.inputs, signature);
    const call = { target: request, inputs, outputFilter: request.outputFilter ?? [], signature };
    try {
      const result = await this.#exchange(request, context, () => this.transport.predict(call, context));
      await this.#signatures.noteAnswer(request, result.model.version);
      return result;
    } catch (reason) {
      // A newer version may have other signatures than those this request was built with.
      if (StatusError.from(reason).code === Code.INVALID_ARGUMENT) this.#signatures.forget(request);
      throw reason;
    }
  }

  async classify(request: ClassifyRequest): Promise<ClassifyResult> {
    checkTarget(request);
    const input = examplesOf(request);
    const context = this.#start(request);
    return this.#exchange(request, context, () => this.transport.classify(request, input, context));
  }

  async regress(request: RegressRequest): Promise<RegressResult> {
    checkTarget(request);
    const input = examplesOf(request);
    const context = this.#start(request);
    return this.#exchange(request, context, () => this.transport.regress(request, input, context));
  }

  async multiInference(request: MultiInferenceRequest): Promise<InferenceResult[]> {
    for (const task of request.tasks) checkTarget(task);
    const input = examplesOf(request);
    const context = this.#start(request);
    return this.#exchange(request, context, () =>
      this.transport.multiInference(request.tasks, input, context),
    );
  }

  async getModelMetadata(request: ModelRequest): Promise<ModelMetadata> {
    checkTarget(request);
    const context = this.#start(request);
    return this.#exchange(request, context, () => this.transport.getModelMetadata(request, context));
  }

  async getModelStatus(request: ModelRequest): Promise<VersionStatus[]> {
    checkTarget(request);
    const context = this.#start(request);
    return this.#exchange(request, context, () => this.transport.getModelStatus(request, context));
  }

  async reloadConfig(request: ReloadConfigRequest): Promise<void> {
    const context = this.#start(request);
    return this.#exchange(request, context, () => this.transport.reloadConfig(request.models, context));
  }

  model<
    I extends TypedInputs<I> = Record<string, InputValue>,
    O extends TypedOutputs<O> = Record<string, Tensor>,
  >(name: string, options: TypedModelOptions = {}): TypedModel<I, O> {
    return typedModel((request) => this.predict(request), name, options);
  }

  close(): void {
    this.transport.close();
  }

  #start(options: CallOptions): CallContext {
    return startCall(options, this.defaults.deadlineMs);
  }

  #exchange<T>(options: CallOptions, context: CallContext, attempt: () => Promise<T>): Promise<T> {
    const policy = options.retry === false ? NO_RETRY : (options.retry ?? this.defaults.retry ?? NO_RETRY);
    return withRetry(policy, context, attempt);
  }

  /** The signature that a request goes by; undefined when none is needed, or the model's own server knows none. */
  async #signatureFor(request: PredictRequest, context: CallContext): Promise<Signature | undefined> {
    const { transport } = this;
    if (!transport.needsSignatures && areTensors(request.inputs)) return undefined;
    const signatures = await this.#exchange(request, context, () =>
      transport.needsSignatures
        ? this.#signatures.get(request, context)
        : this.#signatures.find(request, context),
    );
    const name = targetSignature(request);
    const signature = signatures?.get(name);
    if (signature !== undefined || !transport.needsSignatures) return signature;
    this.#signatures.forget(request);
    const known = [...(signatures?.keys() ?? [])].map((key) => `"${key}"`).join(", ");
    throw invalidArgument(`Model "${request.model}" has no signature "${name}"; it has ${known || "none"}`);
  }
}

function examplesOf({ examples, context }: ExamplesRequest): Examples {
  return {
    examples: examples.map((value, index) => exampleOf(value, `example ${index}`)),
    context: context === undefined ? undefined : exampleOf(context, "context"),
  };
}
