/** Repeats a call by the policy that the caller asked for, within the call's deadline. */
import { setTimeout as sleep } from "node:timers/promises";
import { Code, invalidArgument, StatusError } from "@servable/formats";
import { type CallContext, type RetryPolicy, throwIfOver, untilEnd } from "./call-context.js";

const DEFAULT_BACKOFF_MS = 50;

/** A policy that tries once. */
export const NO_RETRY: RetryPolicy = { attempts: 1 };

/** Runs `attempt` until it succeeds, fails with another code than the policy's, or the policy's tries are spent. */
export async function withRetry<T>(
  policy: RetryPolicy,
  context: CallContext,
  attempt: () => Promise<T>,
): Promise<T> {
  if (!(policy.attempts >= 1))
    throw invalidArgument(`retry.attempts must be at least 1, got ${policy.attempts}`);
  const codes = policy.codes ?? [Code.UNAVAILABLE];
  let backoffMs = policy.backoffMs ?? DEFAULT_BACKOFF_MS;
  for (let left = policy.attempts - 1; ; left--) {
    throwIfOver(context);
    try {
      return await attempt();
    } catch (reason) {
      const error = StatusError.from(reason);
      if (left <= 0 || !codes.includes(error.code)) throw error;
    }
    await untilEnd(context, sleep(backoffMs));
    backoffMs *= 2;
  }
}
