/** Runs a model for a call, and tells the call's observer. */
import type { Tensor } from "@servable/formats";
import type { CallSignal } from "../call-abort.js";
import type { Caller, ServedModel } from "../servables/served-model.js";
import type { InferenceOptions, RunObserver } from "./inference-options.js";

export function runModel(
  model: ServedModel,
  signature: string,
  feeds: ReadonlyMap<string, Tensor>,
  fetches: readonly string[],
  options: InferenceOptions,
): Promise<Map<string, Tensor>> {
  return observed(options, (caller) => model.run(signature, feeds, fetches, caller));
}

/** Runs a task on a model, and tells how long it waited and ran. */
export function observed<R>(options: InferenceOptions, run: (caller: Caller) => Promise<R>): Promise<R> {
  const { observer } = options;
  return observer === undefined ? run(options) : watched(observer, options, run);
}

async function watched<R>(
  observer: RunObserver,
  options: InferenceOptions,
  run: (caller: Caller) => Promise<R>,
): Promise<R> {
  const caller = new WatchedCaller(options.signal);
  const result = await run(caller);
  observer.ran(caller.startMs, caller.turnMs, performance.now());
  return result;
}

/** Notes when its turn came. */
class WatchedCaller implements Caller {
  readonly startMs = performance.now();
  turnMs = this.startMs;

  constructor(readonly signal: CallSignal | undefined) {}

  readonly onTurn = (): void => {
    this.turnMs = performance.now();
  };
}
