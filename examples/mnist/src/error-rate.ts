/** How often a model errs on images whose digits are known, asked one image a request. */
import { type Tensor, tensor } from "@servable/client";
import { type DataSet, PIXELS, putImage } from "./data-set.js";

/** Asks for the scores of one image, float32 [1,784]: one score a digit. */
export type Predict = (image: Tensor) => Promise<Tensor>;

export interface ErrorRateOptions {
  /** How many images to ask for, from the first on. */
  readonly tests: number;
  /** Requests in flight at once. */
  readonly concurrency: number;
  /** Called after each answer. */
  readonly onAnswer?: () => void;
}

export interface ErrorRate {
  /** Of all images, those that were taken for another digit and those whose request failed: from 0 to 1. */
  readonly rate: number;
  /** Messages of failed requests and how often each occurred. */
  readonly failures: ReadonlyMap<string, number>;
}

export async function measureErrorRate(
  predict: Predict,
  data: DataSet,
  { tests, concurrency, onAnswer = () => {} }: ErrorRateOptions,
): Promise<ErrorRate> {
  const failures = new Map<string, number>();
  let errors = 0;
  let next = 0;
  const ask = async (): Promise<void> => {
    while (next < tests) {
      const image = next++;
      try {
        if (digitOf(await predict(imageTensor(data, image))) !== data.labels[image]) errors++;
        onAnswer();
      } catch (reason) {
        errors++;
        const message = reason instanceof Error ? reason.message : String(reason);
        failures.set(message, (failures.get(message) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, ask));
  return { rate: errors / tests, failures };
}

function imageTensor({ images }: DataSet, image: number): Tensor {
  const pixels = new Float32Array(PIXELS);
  putImage(images, image, pixels, 0);
  return tensor("float32", [1, PIXELS], pixels);
}

/** The digit with the highest score. */
export function digitOf(scores: Tensor): number {
  const values = Array.from(scores.data, Number);
  return values.indexOf(Math.max(...values));
}
