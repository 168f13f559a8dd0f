/**
 * The process in which hostile models are loaded: a crash of native code, a loop without end or a flood of memory takes
 * this process and not the test. Gets folders by messages, answers each twice: when it is loaded or refused, and, once
 * loaded, when its signatures have been run.
 */
import { StatusError, type Tensor, zeros } from "@servable/formats";
import { loadModel, type Model } from "../../index.js";
import type { LoadReport } from "./load-process.js";

process.on("message", (dir: string) => {
  const before = process.cpuUsage();
  const model = attempt(() => loadModel(dir, { intraOpThreads: 1 }));
  const { user, system } = process.cpuUsage(before);
  const cost = { cpuMs: (user + system) / 1000, peakMb: process.resourceUsage().maxRSS / 1024 };
  if ("refusal" in model) send({ stage: "done", ...model.refusal, ...cost });
  else {
    send({ stage: "loaded", kind: "loaded", text: "", ...cost });
    // What is sent leaves the process only after this turn of the event loop, and what follows may never end.
    setImmediate(() => send({ stage: "done", ...runAll(model.value), ...cost }));
  }
});

function send(report: LoadReport): void {
  process.send?.(report);
}

type Result = Pick<LoadReport, "kind" | "text">;

/** Runs each signature once. A refusal is as good as a result. */
function runAll(model: Model): Result {
  const results = [...model.signatures.keys()].map((name) => attempt(() => runOnZeros(model, name)));
  model.close();
  const refusals = results.flatMap((result) => ("refusal" in result ? [result.refusal] : []));
  return refusals.find(({ kind }) => kind === "defect") ?? { kind: "loaded", text: "" };
}

function runOnZeros(model: Model, signature: string): void {
  const { inputs = new Map(), defaults } = model.signatures.get(signature) ?? {};
  const feeds = [...inputs].map(([name, { dtype, shape }]): [string, Tensor] => {
    const sizes = (shape ?? []).map((size: number) => (size < 0 || size > 16 ? 1 : size));
    return [name, defaults?.get(name) ?? (zeros(dtype, sizes) as Tensor)];
  });
  model.run(signature, new Map(feeds));
}

/** A value, or the error instead of it. INTERNAL and errors that are no StatusErrors say that the engine is wrong. */
function attempt<T>(make: () => T): { readonly value: T } | { readonly refusal: Result } {
  try {
    return { value: make() };
  } catch (error) {
    const status = StatusError.from(error);
    const text = `${status.codeName}: ${status.message}`;
    const isRefusal = error instanceof StatusError && error.codeName !== "INTERNAL";
    return {
      refusal: isRefusal
        ? { kind: "refused", text }
        : { kind: "defect", text: `${text}\n${rootCause(error).stack}` },
    };
  }
}

function rootCause(error: unknown): Error {
  let cause = error as Error;
  while (cause.cause instanceof Error) cause = cause.cause;
  return cause;
}
