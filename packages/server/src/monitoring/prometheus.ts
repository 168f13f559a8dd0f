/**
 * The metrics for Prometheus, by the names under which TensorFlow Serving exports them (slashes as colons), so that
 * dashboards and alerts go on working. Defined in tensorflow_serving/servables/tensorflow/util.cc and
 * saved_model_warmup_util.cc, tensorflow_serving/batching/batching_session.cc and batching_util.h, and
 * tensorflow/cc/saved_model/metrics.cc; latencies are in microseconds. What has no counterpart there begins with
 * `servable_`; Node's own metrics come along.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Metrics } from "./metrics.js";

export interface PrometheusMetrics extends Metrics {
  readonly contentType: string;
  /** The page that Prometheus reads. */
  page(): Promise<string>;
}

/** Upper limits start × factor^i of `count` buckets. */
function exponential(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start * factor ** i);
}

/** 10 µs to about 20 minutes. */
const LATENCY_BUCKETS = exponential(10, 1.8, 33);
const SIZE_BUCKETS = exponential(1, 2, 15);

export function createPrometheusMetrics(): PrometheusMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    buckets = LATENCY_BUCKETS,
  ) => new Histogram({ name, help, labelNames, buckets, registers });

  const requestCount = counter(":tensorflow:serving:request_count", "The total number of requests.", [
    "model_name",
    "status",
  ]);
  const requestLatency = histogram(
    ":tensorflow:serving:request_latency",
    "Distribution of wall time (in microseconds) for Tensorflow Serving request.",
    ["model_name", "API", "entrypoint"],
  );
  const runtimeLatency = histogram(
    ":tensorflow:serving:runtime_latency",
    "Distribution of wall time (in microseconds) for Tensorflow runtime.",
    ["model_name", "API", "runtime"],
  );
  const exampleCounts = histogram(
    ":tensorflow:serving:request_example_counts",
    "The number of tensorflow.Examples per request.",
    ["model"],
    SIZE_BUCKETS,
  );
  const exampleTotal = counter(
    ":tensorflow:serving:request_example_count_total",
    "The total number of tensorflow.Examples.",
    ["model"],
  );
  const warmUpLatency = histogram(
    ":tensorflow:serving:model_warmup_latency",
    "Distribution of wall time (in microseconds) for warming up the model.",
    ["model_path", "status"],
  );
  const loadAttempts = counter(
    ":tensorflow:cc:saved_model:load_attempt_count",
    "The number of times a SavedModel was requested to be loaded.",
    ["model_path", "status"],
  );
  const loadLatency = counter(
    ":tensorflow:cc:saved_model:load_latency",
    "Latency in microseconds for SavedModels that were successfully loaded.",
    ["model_path"],
  );
  const queuingLatency = histogram(
    ":tensorflow:serving:batching_session:queuing_latency",
    "Distribution of wall time spent (in microseconds) in queuing",
    ["thread_pool_name"],
    exponential(100, 1.2, 52),
  );
  const inputBatchSize = histogram(
    ":tensorflow:serving:batching_session:input_batch_size",
    "Tracks the batch size distribution on the inputs.",
    [],
    SIZE_BUCKETS,
  );
  const processedBatchSize = histogram(
    ":tensorflow:serving:batching_session:processed_batch_size",
    "Tracks the batch size distribution on processing.",
    [],
    SIZE_BUCKETS,
  );
  const paddingSize = histogram(
    ":tensorflow:serving:batching_session:padding_size",
    "Tracks the padding size distribution on batches.",
    ["execution_batch_size"],
    SIZE_BUCKETS,
  );
  const batchRows = histogram(
    "servable_batch_rows",
    "Rows of the batches that requests were joined into.",
    ["model_name"],
    SIZE_BUCKETS,
  );
  const paddingRows = histogram(
    "servable_batch_padding_rows",
    "Rows that batches were filled up with, to an allowed size.",
    ["model_name"],
    SIZE_BUCKETS,
  );
  const queueTime = histogram(
    "servable_queue_time",
    "Time (in microseconds) that requests waited for the model.",
    ["model_name"],
  );
  const runTime = histogram(
    "servable_run_time",
    "Time (in microseconds) that requests spent in the model, in a batch perhaps.",
    ["model_name"],
  );
  const loadTime = histogram("servable_load_time", "Time (in microseconds) to load a version.", [
    "model_name",
    "status",
  ]);
  const versionMemory = new Gauge({
    name: "servable_version_memory_bytes",
    help: "What the process grew by while a version was loaded.",
    labelNames: ["model_name", "version"],
    registers,
  });

  return {
    contentType: registry.contentType,
    page: () => registry.metrics(),
    request: ({ model, api, entrypoint }, code, micros) => {
      requestCount.inc({ model_name: model, status: code });
      if (code === "OK") requestLatency.observe({ model_name: model, API: api, entrypoint }, micros);
    },
    run: ({ model, api }, micros, waitedMicros) => {
      runtimeLatency.observe({ model_name: model, API: api, runtime: "ONNX" }, micros);
      runTime.observe({ model_name: model }, micros - waitedMicros);
    },
    examples: (model, count) => {
      exampleCounts.observe({ model }, count);
      exampleTotal.inc({ model }, count);
    },
    queued: (model, micros, rows, pool) => {
      queueTime.observe({ model_name: model }, micros);
      if (pool === undefined) return;
      queuingLatency.observe({ thread_pool_name: pool }, micros);
      inputBatchSize.observe(rows);
    },
    batch: (model, rows, paddedRows, pool) => {
      batchRows.observe({ model_name: model }, rows);
      paddingRows.observe({ model_name: model }, paddedRows - rows);
      if (pool === undefined) return;
      processedBatchSize.observe(paddedRows);
      paddingSize.observe({ execution_batch_size: String(paddedRows) }, paddedRows - rows);
    },
    load: (model, path, code, micros) => {
      loadTime.observe({ model_name: model, status: code }, micros);
      loadAttempts.inc({ model_path: path, status: code === "OK" ? "success" : "fail" });
      if (code === "OK") loadLatency.inc({ model_path: path }, micros);
    },
    memory: (model, version, bytes) => {
      const labels = { model_name: model, version: String(version) };
      if (bytes === undefined) versionMemory.remove(labels);
      else versionMemory.set(labels, bytes);
    },
    warmUp: (path, code, micros) => warmUpLatency.observe({ model_path: path, status: code }, micros),
  };
}
