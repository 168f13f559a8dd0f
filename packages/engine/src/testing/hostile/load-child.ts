/**
 * The process in which hostile models are loaded: a crash of native code, a loop without end or a flood of memory takes
 * this process and not the test. Gets folders by messages, answers with what became of each.
 */
import { StatusError, type Tensor, zeros } from "@servable/formats";
import { loadModel, type Model } from "../../index.js";
import type { LoadReport } from "./load-process.js";

process.on("message", (dir: string) => {
  const before = process.cpuUsage();
  const result = load(dir);
  const { user, system } = process.cpuUsage(before);
  process.send?.({
    ...result,
    cpuMs: (user + system) / 1000,
    peakMb: process.resourceUsage().maxRSS / 1024,
  } satisfies LoadReport);
});

type Result = Pick<LoadReport, "kind" | "text">;

function load(dir: string): Result {
  let model: Model;
  try {
    model = loadModel(dir, { intraOpThreads: 1 });
  } catch (error) {
    return refusal(error);
  }
  const wrong = [...model.signatures.keys()]
    .map((name) => run(model, name))
    .find(({ kind }) => kind === "defect");
  model.close();
  return wrong ?? { kind: "loaded", text: "" };
}

/** Feeds zeros: what the model answers does not matter, only that it answers or refuses. */
function run(model: Model, signature: string): Result {
  try {
    const { inputs = new Map(), defaults } = model.signatures.get(signature) ?? {};
    const feeds = [...inputs].map(([name, { dtype, shape }]): [string, Tensor] => {
      const sizes = (shape ?? []).map((size: number) => (size < 0 || size > 16 ? 1 : size));
      return [name, defaults?.get(name) ?? (zeros(dtype, sizes) as Tensor)];
    });
    model.run(signature, new Map(feeds));
    return { kind: "loaded", text: "" };
  } catch (error) {
    return refusal(error);
  }
}

/** Only what StatusError.from would not have to guess about is a refusal; INTERNAL says that the engine is wrong. */
function refusal(error: unknown): Result {
  const status = StatusError.from(error);
  const isRefusal = error instanceof StatusError && error.codeName !== "INTERNAL";
  const text = `${status.codeName}: ${status.message}`;
  return isRefusal
    ? { kind: "refused", text }
    : { kind: "defect", text: `${text}\n${rootCause(error).stack}` };
}

function rootCause(error: unknown): Error {
  let cause = error as Error;
  while (cause.cause instanceof Error) cause = cause.cause;
  return cause;
}
