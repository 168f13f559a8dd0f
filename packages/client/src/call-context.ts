/**
 * When a call must end: its deadline and its caller's AbortSignal, for both transports and for what a call waits on.
 * A call may take several exchanges (metadata, retries); all of them share one context, so the deadline covers
 * the whole call.
 */
import { Code, invalidArgument, StatusError } from "@servable/formats";

/** What every method of the client takes beside its request. */
export interface CallOptions {
  /** Milliseconds that the whole call may take, retries included. Default: the client's, which is no limit. */
  readonly deadlineMs?: number | undefined;
  /** Cancels the call; it then fails with CANCELLED, the signal's reason as its cause. */
  readonly signal?: AbortSignal | undefined;
  /** Overrides the client's retry policy; false for none. */
  readonly retry?: RetryPolicy | false | undefined;
}

/** Which failures are tried again. Predictions of stateless models are safe to repeat, others are for the caller to judge. */
export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly attempts: number;
  /** Codes worth another try. Default: UNAVAILABLE. */
  readonly codes?: readonly Code[];
  /** Wait before the second try in milliseconds, doubled for each further one. Default 50. */
  readonly backoffMs?: number;
}

/** The end of one call. */
export interface CallContext {
  /** Epoch milliseconds; Infinity for none. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

/** The context of a call that starts now. INVALID_ARGUMENT when `deadlineMs` is not a positive number. */
export function startCall(options: CallOptions, defaultDeadlineMs: number | undefined): CallContext {
  const deadlineMs = options.deadlineMs ?? defaultDeadlineMs ?? Number.POSITIVE_INFINITY;
  if (!(deadlineMs > 0)) {
    throw invalidArgument(`deadlineMs must be a positive number of milliseconds, got ${deadlineMs}`);
  }
  return { deadline: Date.now() + deadlineMs, signal: options.signal };
}

/** The error of a call whose signal was aborted. */
export function cancelled(signal: AbortSignal): StatusError {
  return new StatusError(Code.CANCELLED, "The call was cancelled", { cause: signal.reason });
}

/** The error of a call that took longer than it may. */
export function deadlineExceeded(): StatusError {
  return new StatusError(Code.DEADLINE_EXCEEDED, "Deadline exceeded");
}

/** Throws when the call is already over. */
export function throwIfOver(context: CallContext): void {
  if (context.signal?.aborted) throw cancelled(context.signal);
  if (Date.now() >= context.deadline) throw deadlineExceeded();
}

/** Timers take at most 2^31 - 1 milliseconds; a later deadline is as good as none. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls `onEnd` once, with the error to report, when the deadline passes or the signal is aborted.
 * The returned function stops watching.
 */
export function watchEnd(context: CallContext, onEnd: (error: StatusError) => void): () => void {
  const { signal } = context;
  const remaining = context.deadline - Date.now();
  const timer =
    remaining <= MAX_TIMER_MS
      ? setTimeout(() => finish(deadlineExceeded()), Math.max(0, remaining))
      : undefined;
  const abort = () => finish(cancelled(signal as AbortSignal));
  signal?.addEventListener("abort", abort, { once: true });
  const stop = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  };
  const finish = (error: StatusError) => {
    stop();
    onEnd(error);
  };
  return stop;
}

/** The promise's outcome, or the call's end if that comes first; the promise itself goes on. */
export function untilEnd<T>(context: CallContext, promise: Promise<T>): Promise<T> {
  throwIfOver(context);
  return new Promise<T>((resolve, reject) => {
    const stop = watchEnd(context, reject);
    promise.then(resolve, reject).finally(stop);
  });
}
