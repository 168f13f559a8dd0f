import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseText } from "@servable/formats";
import { BatchingParametersSchema } from "@servable/formats/protobuf/tensorflow_serving/servables/tensorflow/session_bundle_config_pb";
import { batchingSettingsOf } from "./batching-parameters.js";

const settings = (text: string) => batchingSettingsOf(parseText(BatchingParametersSchema, text), "file");

describe("batching parameters", () => {
  it("are those of the file", () => {
    const text = `max_batch_size { value: 32 } batch_timeout_micros { value: 1500 }
      max_enqueued_batches { value: 4 } num_batch_threads { value: 8 } allowed_batch_sizes: [8, 32]`;
    assert.deepEqual(settings(text), {
      signatures: "all",
      maxRows: 32,
      timeoutMs: 1.5,
      maxWaitingRows: 128,
      allowedSizes: [8, 32],
    });
  });

  it("default to TensorFlow's", () => {
    const { maxRows, timeoutMs, maxWaitingRows } = batchingSettingsOf(undefined, "--enable_batching");
    assert.deepEqual([maxRows, timeoutMs, maxWaitingRows], [1000, 0, 10_000]);
  });

  const faults: [string, RegExp][] = [
    ["max_batch_size { value: 0 }", /max_batch_size must be positive/],
    ["batch_timeout_micros { value: -1 }", /batch_timeout_micros must be non-negative/],
    ["max_enqueued_batches { value: 0 }", /max_enqueued_batches must be positive/],
    ["max_batch_size { value: 8 } allowed_batch_sizes: [4, 2, 8]", /in increasing order/],
    ["max_batch_size { value: 8 } allowed_batch_sizes: [4]", /final entry .* must match max_batch_size, 8/],
  ];
  for (const [text, message] of faults) {
    it(`are refused: ${text}`, () =>
      assert.throws(() => settings(text), { codeName: "INVALID_ARGUMENT", message }));
  }
});
