/**
 * The worker thread of one model version, or of several small ones: loads models, runs them request by request. Ending
 * the thread is what gives a large model's memory back.
 *
 * The engine is imported as soon as the thread starts, before it is known what to load: the main thread starts one
 * worker ahead, so that this is done by the time it is needed.
 */
import { parentPort, workerData } from "node:worker_threads";
import { toBinary } from "@bufbuild/protobuf";
import { internal, type Tensor } from "@servable/formats";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import type { LoadProgress, Model } from "./engine-contract.js";
import { importEngine } from "./import-engine.js";
import { atLowPriority } from "./load-priority.js";
import { MIN_SPARE_BYTES } from "./spare-memory.js";
import { type FromWorker, packError, packTensors, type ToWorker, unpackTensors } from "./worker-protocol.js";

/** Given to the thread when it starts. */
export interface WorkerSettings {
  /** Module specifier of another engine than ours, for tests. */
  readonly engine?: string;
}

const port = parentPort;
if (port === null) throw internal("model-worker.js runs in a worker thread only");

const { engine: otherEngine } = workerData as WorkerSettings;
const engine = importEngine(otherEngine);
// Reported when the load is asked for.
engine.catch(() => {});

interface SeatedModel {
  readonly model: Model;
  /** Signatures whose runs leave everything as it was. */
  readonly traceless: ReadonlySet<string>;
}

/** By their numbers; undefined while a model is being loaded. */
const models = new Map<number, SeatedModel | undefined>();

const post = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

port.on("message", (message: ToWorker) => {
  switch (message.kind) {
    case "load":
      void load(message);
      break;
    case "run":
      run(message);
      break;
    case "close":
      close(message.model);
      break;
    case "end":
      end();
      break;
  }
});

async function load({ model, path, options, isUrgent }: Extract<ToWorker, { kind: "load" }>): Promise<void> {
  models.set(model, undefined);
  try {
    const { loadModel } = await engine;
    // Nobody wants it any more.
    if (!models.has(model)) return;
    const onProgress = (progress: LoadProgress) => post({ kind: "progress", model, progress });
    const start = () => loadModel(path, { ...options, onProgress: sparing(onProgress) });
    const loaded = atLowPriority(start, isUrgent);
    const traceless = signaturesThat((name) => loaded.leavesNoTrace(name), loaded);
    models.set(model, { model: loaded, traceless: new Set(traceless) });
    post({
      kind: "loaded",
      model,
      signatures: [...loaded.signatures.values()],
      signatureDefs: toBinary(SignatureDefMapSchema, loaded.signatureDefs),
      rowIndependent: signaturesThat((name) => loaded.rowIndependence(name).independent, loaded),
      boundedWork: signaturesThat((name) => loaded.hasBoundedWork(name), loaded),
      traceless,
      warmable: signaturesThat((name) => loaded.leavesNoTrace(name) && !loaded.hasLoops(name), loaded),
    });
  } catch (reason) {
    models.delete(model);
    post({ kind: "failed", model, error: packError(reason) });
  }
}

/** Tells no more often than this how far a load is: a small model never does. */
const PROGRESS_MS = 1000;

function sparing(tell: (progress: LoadProgress) => void): (progress: LoadProgress) => void {
  let toldMs = performance.now();
  return (progress) => {
    const now = performance.now();
    if (now - toldMs < PROGRESS_MS) return;
    toldMs = now;
    tell(progress);
  };
}

/** A signature that can't run proves nothing, and says so when it is asked to run. */
function signaturesThat(holds: (name: string) => boolean, { signatures }: Model): string[] {
  return [...signatures.keys()].filter((name) => {
    try {
      return holds(name);
    } catch {
      return false;
    }
  });
}

function run({ id, model: number, of, inputs, outputs }: Extract<ToWorker, { kind: "run" }>): void {
  try {
    const seated = models.get(number);
    if (seated === undefined) throw internal("the model is not loaded");
    const { model, traceless } = seated;
    const feeds = unpackTensors(inputs);
    const start = performance.now();
    const results =
      "signature" in of
        ? model.run(of.signature, feeds, outputs)
        : namedTensors(outputs, model.runTensors(feeds, outputs, of.targets));
    const micros = (performance.now() - start) * 1000;
    const own =
      "signature" in of && traceless.has(of.signature) ? largeBuffersOf(feeds) : new Set<ArrayBuffer>();
    // Copied, unless it is an input: an output may be a constant or a variable of the model.
    const { tensors, transfer } = packTensors(results, own);
    for (const buffer of transfer) own.delete(buffer);
    const spent = [...own];
    post({ kind: "result", id, outputs: tensors, micros, spent }, [...transfer, ...spent]);
  } catch (reason) {
    post({ kind: "error", id, error: packError(reason) });
  }
}

/** Each belongs to this run alone, as it was moved here. */
function largeBuffersOf(feeds: ReadonlyMap<string, Tensor>): Set<ArrayBuffer> {
  const buffers = new Set<ArrayBuffer>();
  for (const { dtype, data } of feeds.values()) {
    if (dtype === "string" || data.buffer.byteLength < MIN_SPARE_BYTES) continue;
    buffers.add(data.buffer as ArrayBuffer);
  }
  return buffers;
}

function namedTensors(names: readonly string[], tensors: readonly Tensor[]): Map<string, Tensor> {
  return new Map(names.map((name, i) => [name, tensors[i] as Tensor]));
}

function close(number: number): void {
  const seated = models.get(number);
  models.delete(number);
  seated?.model.close();
}

function end(): void {
  try {
    for (const number of models.keys()) close(number);
  } finally {
    port?.close();
  }
}
