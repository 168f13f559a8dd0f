/** Runs a model for a call, and tells the call's observer. */
import type { Tensor } from "@servable/formats";
import type { ServedModel } from "../servables/served-model.js";
import type { InferenceOptions } from "./inference-options.js";

export async function runModel(
  model: ServedModel,
  signature: string,
  feeds: ReadonlyMap<string, Tensor>,
  fetches: readonly string[],
  options: InferenceOptions,
): Promise<Map<string, Tensor>> {
  const start = performance.now();
  const outputs = await model.run(signature, feeds, fetches, options);
  options.observer?.ran((performance.now() - start) * 1000);
  return outputs;
}
