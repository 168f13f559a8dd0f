/** Measures calls: the one place that every inference request of both APIs goes through. */
import { type CodeName, StatusError } from "@servable/formats";
import type { RunObserver } from "../inference/inference-options.js";
import { type MeasuredCall, type Metrics, UNKNOWN_MODEL } from "./metrics.js";

export interface Measuring {
  readonly metrics: Metrics | undefined;
  readonly isKnownModel: (name: string) => boolean;
}

/**
 * Answers a call, and counts and times it if anyone wants to know.
 *
 * @param answer is given what tells of the model's runs
 */
export async function measured<R>(
  { metrics, isKnownModel }: Measuring,
  call: MeasuredCall,
  answer: (observer: RunObserver | undefined) => Promise<R>,
): Promise<R> {
  if (metrics === undefined) return await answer(undefined);
  const known = isKnownModel(call.model) ? call : { ...call, model: UNKNOWN_MODEL };
  const observer: RunObserver = {
    ran: (micros) => metrics.run(known, micros),
    examples: (count) => metrics.examples(known.model, count),
  };
  return await timed(
    () => answer(observer),
    (code, micros) => metrics.request(known, code, micros),
  );
}

/** Runs a task and tells how it ended and how long it took. */
export async function timed<R>(
  task: () => Promise<R>,
  done: (code: CodeName, micros: number) => void,
): Promise<R> {
  const start = performance.now();
  let code: CodeName = "OK";
  try {
    return await task();
  } catch (reason) {
    code = StatusError.from(reason).codeName;
    throw reason;
  } finally {
    done(code, (performance.now() - start) * 1000);
  }
}
