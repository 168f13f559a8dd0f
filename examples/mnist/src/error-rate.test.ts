import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Tensor, tensor } from "@servable/client";
import type { DataSet } from "./data-set.js";
import { measureErrorRate, type Predict } from "./error-rate.js";

/** Images whose first pixel is their digit. */
const digits = [3, 1, 4, 1, 5, 9, 2, 6];
const images = new Uint8Array(digits.length * 784);
for (const [i, digit] of digits.entries()) images[i * 784] = digit;
const data: DataSet = { count: digits.length, images, labels: Uint8Array.from(digits) };

/** Scores that are highest for one digit. */
function scoresFor(digit: number): Tensor {
  const scores = new Float32Array(10).fill(0.05);
  scores[digit] = 0.55;
  return tensor("float32", [1, 10], scores);
}

const firstPixel = ({ data }: Tensor): number => Math.round(255 * Number(data[0]));

/** Reads digits right, but takes 1 for 7. */
const shortSighted: Predict = async (image) => scoresFor(firstPixel(image) === 1 ? 7 : firstPixel(image));

describe("the error rate", () => {
  it("is the share of images taken for another digit", async () => {
    const { rate, failures } = await measureErrorRate(shortSighted, data, { tests: 8, concurrency: 1 });
    assert.equal(rate, 2 / 8);
    assert.equal(failures.size, 0);
  });

  it("counts failed requests as errors and collects their messages", async () => {
    const failing: Predict = async (image) => {
      if (firstPixel(image) >= 5) throw new Error(`no ${firstPixel(image) === 9 ? "nine" : "answer"}`);
      return scoresFor(firstPixel(image));
    };
    const { rate, failures } = await measureErrorRate(failing, data, { tests: 8, concurrency: 2 });
    assert.equal(rate, 3 / 8);
    assert.deepEqual(
      [...failures],
      [
        ["no answer", 2],
        ["no nine", 1],
      ],
    );
  });

  it("asks for each image once, with as many requests at once as allowed", async () => {
    let active = 0;
    let most = 0;
    let answers = 0;
    const slow: Predict = async (image) => {
      most = Math.max(most, ++active);
      await new Promise((resolve) => setTimeout(resolve, 1));
      active--;
      return shortSighted(image);
    };
    await measureErrorRate(slow, data, { tests: 7, concurrency: 3, onAnswer: () => answers++ });
    assert.deepEqual([most, answers], [3, 7]);
  });
});
