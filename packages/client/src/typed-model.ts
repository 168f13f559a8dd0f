/**
 * A model with static types: the shape of its inputs and outputs is stated once, by hand or by
 * `servable-client types`, and checked by the compiler at every call. Nothing is checked twice at run time.
 */
import type { Tensor } from "@servable/formats";
import type { CallOptions } from "./call-context.js";
import type { PredictRequest, PredictResult } from "./client.js";
import type { InputValue } from "./input-values.js";
import type { ModelTarget, ServedModel } from "./model-target.js";

/** Which version and signature the handle is for. */
export type TypedModelOptions = Omit<ModelTarget, "model">;

/** Types that name inputs: each property something that can be passed for an input. */
export type TypedInputs<I> = { readonly [Name in keyof I]: InputValue };
/** Types that name outputs: each property a tensor. */
export type TypedOutputs<O> = { readonly [Name in keyof O]: Tensor };

export interface TypedResult<O> {
  readonly model: ServedModel;
  readonly outputs: O;
}

/**
 * `I` names the inputs, each an `InputOf<dtype>`; `O` the outputs, each a `TensorOf<dtype>`.
 *
 *     const halfPlusTwo = client.model<{ x: InputOf<"float32"> }, { y: TensorOf<"float32"> }>("half_plus_two");
 *     const { outputs } = await halfPlusTwo.predict({ x: [1, 2, 5] });
 *     outputs.y.data; // Float32Array
 */
export interface TypedModel<I, O> {
  predict(inputs: I, options?: CallOptions): Promise<TypedResult<O>>;
}

/** The handle over a client's `predict`. */
export function typedModel<I extends TypedInputs<I>, O extends TypedOutputs<O>>(
  predict: (request: PredictRequest) => Promise<PredictResult>,
  name: string,
  options: TypedModelOptions,
): TypedModel<I, O> {
  return {
    async predict(inputs, callOptions = {}) {
      const byName = new Map(Object.entries<InputValue>(inputs));
      const { model, outputs } = await predict({ ...options, ...callOptions, model: name, inputs: byName });
      // That these are the outputs of O is what the caller has stated; the compiler can't know.
      return { model, outputs: Object.fromEntries(outputs) as unknown as O };
    },
  };
}
