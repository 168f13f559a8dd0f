/**
 * Asks a model without a pause and notes which version answers: what clients see while one version replaces another.
 */
import { type Client, type Tensor, tensor } from "@servable/client";
import { CLASSES, PIXELS } from "./data-set.js";
import { drawDigit } from "./drawn-digit.js";

export interface WatchOptions {
  readonly model: string;
  /** Requests in flight at once. */
  readonly concurrency: number;
  /** The watch ends when this version has answered as often as `answers` says. */
  readonly untilVersion: bigint;
  readonly answers: number;
  /** Called when a version answers for the first time, with how many answers came before. */
  readonly onVersion?: (version: bigint, answersBefore: number) => void;
}

export interface WatchResult {
  readonly answersByVersion: ReadonlyMap<bigint, number>;
  /** Messages of failed requests and how often each occurred. */
  readonly failures: ReadonlyMap<string, number>;
}

/** Between a request that failed and the next: a server that is away is not to be called thousands of times. */
const PAUSE_AFTER_FAILURE_MS = 50;
/** So many failures mean that there is nothing to watch. */
const MAX_FAILURES = 100;

/** Asks until the awaited version has answered often enough, or too many requests have failed. */
export async function watchVersions(client: Client, options: WatchOptions): Promise<WatchResult> {
  const answersByVersion = new Map<bigint, number>();
  const failures = new Map<string, number>();
  let [asked, answered, failed] = [0, 0, 0];
  const isDone = () =>
    failed >= MAX_FAILURES || (answersByVersion.get(options.untilVersion) ?? 0) >= options.answers;

  const ask = async (): Promise<void> => {
    while (!isDone()) {
      try {
        const version = await askOnce(client, options.model, asked++);
        if (!answersByVersion.has(version)) options.onVersion?.(version, answered);
        answersByVersion.set(version, (answersByVersion.get(version) ?? 0) + 1);
        answered++;
      } catch (reason) {
        failed++;
        const message = reason instanceof Error ? reason.message : String(reason);
        failures.set(message, (failures.get(message) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE_MS));
      }
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, ask));
  return { answersByVersion, failures };
}

const drawnDigits = Array.from({ length: CLASSES }, (_, digit) =>
  tensor("float32", [1, PIXELS], drawDigit(digit)),
);

/** The version that says what a drawn digit is. */
async function askOnce(client: Client, model: string, count: number): Promise<bigint> {
  const images = drawnDigits[count % CLASSES] as Tensor;
  const result = await client.predict({ model, signature: "predict_images", inputs: { images } });
  return result.model.version ?? 0n;
}
