/**
 * Measures calls: the one place that every inference request of both APIs goes through. Who wants nothing of it pays
 * nothing for it.
 */
import { randomUUID } from "node:crypto";
import { Code, type CodeName, StatusError } from "@servable/formats";
import type { RunObserver } from "../inference/inference-options.js";
import type { Log } from "../log.js";
import { type MeasuredCall, type Metrics, UNKNOWN_MODEL } from "./metrics.js";
import type { Headers, RequestSpan, Tracing } from "./tracing.js";

export interface Measuring {
  readonly metrics: Metrics | undefined;
  readonly tracing: Tracing | undefined;
  readonly log: Log;
  /** Whether each request has a line in the log; otherwise only those that fail by the server's fault. */
  readonly logsRequests: boolean;
  readonly isKnownModel: (name: string) => boolean;
}

/**
 * Answers a call, and counts, times, traces and logs it if anyone wants to know.
 *
 * @param headers of the request
 * @param answer is given what tells of the model's runs
 */
export async function measured<R>(
  measuring: Measuring,
  call: MeasuredCall,
  headers: Headers,
  answer: (observer: RunObserver | undefined) => Promise<R>,
): Promise<R> {
  const { metrics, tracing, logsRequests } = measuring;
  const isWatched = metrics !== undefined || tracing !== undefined || logsRequests;
  const watch = isWatched ? new CallWatch(measuring, call, headers) : undefined;
  try {
    const result = await answer(watch);
    watch?.end("OK");
    return result;
  } catch (reason) {
    const error = StatusError.from(reason);
    if (watch !== undefined) watch.end(error.codeName, error.message);
    else if (isOurFault(error.code))
      new CallWatch(measuring, call, headers).end(error.codeName, error.message);
    throw reason;
  }
}

/** Failures that an operator wants to know of, whether requests are logged or not. */
function isOurFault(code: Code): boolean {
  return code === Code.INTERNAL || code === Code.UNKNOWN || code === Code.DATA_LOSS;
}

/** Tells of one call to everyone who wants to know. */
class CallWatch implements RunObserver {
  readonly #startMs = performance.now();
  readonly #span: RequestSpan | undefined;
  readonly #call: MeasuredCall;

  constructor(
    private readonly measuring: Measuring,
    call: MeasuredCall,
    private readonly headers: Headers,
  ) {
    this.#call = measuring.isKnownModel(call.model) ? call : { ...call, model: UNKNOWN_MODEL };
    this.#span = measuring.tracing?.request(this.#call, headers);
  }

  ran(startMs: number, turnMs: number, endMs: number): void {
    this.measuring.metrics?.run(this.#call, (endMs - startMs) * 1000, (turnMs - startMs) * 1000);
    this.#span?.ran(startMs, turnMs, endMs);
  }

  examples(count: number): void {
    this.measuring.metrics?.examples(this.#call.model, count);
    this.#span?.examples(count);
  }

  end(codeName: CodeName, message?: string): void {
    const micros = (performance.now() - this.#startMs) * 1000;
    this.measuring.metrics?.request(this.#call, codeName, micros);
    this.#span?.end(codeName, message);
    this.#log(codeName, message, micros);
  }

  #log(codeName: CodeName, message: string | undefined, micros: number): void {
    const { log, logsRequests } = this.measuring;
    const isFault = isOurFault(Code[codeName]);
    if (!logsRequests && !isFault) return;
    const { model, api, entrypoint } = this.#call;
    const fields = {
      request_id: this.headers.header("x-request-id")?.slice(0, MAX_ID_CHARACTERS) ?? randomUUID(),
      ...(this.#span === undefined ? {} : { trace_id: this.#span.traceId }),
      model,
      code: codeName,
      micros: Math.round(micros),
    };
    const text = `${entrypoint} ${api}${message === undefined ? "" : `: ${message}`}`;
    if (isFault) log.error(text, fields);
    else log.info(text, fields);
  }
}

/** Of what a client calls its request. */
const MAX_ID_CHARACTERS = 128;

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
