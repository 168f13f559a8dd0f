import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseText } from "@servable/formats";
import { BatchingParametersSchema } from "@servable/formats/protobuf/tensorflow_serving/servables/tensorflow/session_bundle_config_pb";
import { batchingSettingsOf } from "./batching-parameters.js";

const settings = (text: string) => batchingSettingsOf(parseText(BatchingParametersSchema, text), "file");

describe("batching parameters", () => {
  it("are those of the file", () => {
    const text = `max_batch_size { value: 32 } batch_timeout_micros { value: 1500 }
      max_enqueued_batches { value: 4 } num_batch_threads { value: 8 } allowed_batch_sizes: [8, 32]
      pad_variable_length_inputs: true thread_pool_name { value: "pool" }`;
    assert.deepEqual(settings(text), {
      signatures: "all",
      maxRows: 32,
      maxRequestRows: 32,
      splitsLarge: false,
      timeoutMs: 1.5,
      maxWaitingBatches: 4,
      allowedSizes: [8, 32],
      padsRows: true,
      maxParallel: 8,
      threadPoolName: "pool",
    });
  });

  it("have a size for execution of their own where large requests are split, and only there", () => {
    const sizes = "max_batch_size { value: 32 } max_execution_batch_size { value: 8 }";
    const split = settings(`${sizes} enable_large_batch_splitting { value: true }`);
    assert.deepEqual([split.maxRequestRows, split.maxRows, split.splitsLarge], [32, 8, true]);
    const whole = settings(sizes);
    assert.deepEqual([whole.maxRequestRows, whole.maxRows, whole.splitsLarge], [32, 32, false]);
  });

  it("default to TensorFlow's", () => {
    const { maxRows, timeoutMs, maxWaitingBatches } = batchingSettingsOf(undefined, "--enable_batching");
    assert.deepEqual([maxRows, timeoutMs, maxWaitingBatches], [1000, 0, 10]);
  });

  const faults: [string, RegExp][] = [
    ["max_batch_size { value: 0 }", /max_batch_size must be positive/],
    ["batch_timeout_micros { value: -1 }", /batch_timeout_micros must be non-negative/],
    ["max_enqueued_batches { value: 0 }", /max_enqueued_batches must be positive/],
    ["num_batch_threads { value: 0 }", /num_batch_threads must be positive/],
    [
      "max_batch_size { value: 8 } max_execution_batch_size { value: 9 } enable_large_batch_splitting { value: true }",
      /max_execution_batch_size should be less than or equal to max_batch_size, 8; was 9/,
    ],
    [
      "max_execution_batch_size { value: 9 } enable_large_batch_splitting { value: true } allowed_batch_sizes: [8]",
      /final entry .* must match max_execution_batch_size, 9/,
    ],
    ["max_batch_size { value: 8 } allowed_batch_sizes: [4, 2, 8]", /in increasing order/],
    ["max_batch_size { value: 8 } allowed_batch_sizes: [4]", /final entry .* must match max_batch_size, 8/],
  ];
  for (const [text, message] of faults) {
    it(`are refused: ${text}`, () =>
      assert.throws(() => settings(text), { codeName: "INVALID_ARGUMENT", message }));
  }
});
