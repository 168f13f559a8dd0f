/**
 * The worker thread of one model version: loads the model, runs it request by request, and ends with it. Ending the
 * thread is what gives a model's memory back.
 *
 * The engine is imported as soon as the thread starts, before it is known what to load: the main thread starts one
 * worker ahead, so that this is done by the time it is needed.
 */
import { parentPort, workerData } from "node:worker_threads";
import { toBinary } from "@bufbuild/protobuf";
import { internal } from "@servable/formats";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import type { Engine, LoadOptions, Model } from "./engine-contract.js";
import { type FromWorker, packError, packTensors, type ToWorker, unpackTensors } from "./worker-protocol.js";

/** Given to the thread when it starts. */
export interface WorkerSettings {
  /** Module specifier of another engine than ours, for tests. */
  readonly engine?: string;
}

const port = parentPort;
if (port === null) throw internal("model-worker.js runs in a worker thread only");

const { engine: otherEngine } = workerData as WorkerSettings;
const engine: Promise<Engine> = otherEngine === undefined ? import("@servable/engine") : import(otherEngine);
// Reported when the load is asked for.
engine.catch(() => {});

let model: Model | undefined;

const post = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

port.on("message", (message: ToWorker) => {
  switch (message.kind) {
    case "load":
      void load(message.path, message.options);
      break;
    case "run":
      run(message);
      break;
    case "close":
      close();
      break;
  }
});

async function load(path: string, options: LoadOptions): Promise<void> {
  try {
    model = (await engine).loadModel(path, options);
    post({
      kind: "loaded",
      signatures: [...model.signatures.values()],
      signatureDefs: toBinary(SignatureDefMapSchema, model.signatureDefs),
      rowIndependent: rowIndependentOf(model),
    });
  } catch (reason) {
    post({ kind: "failed", error: packError(reason) });
    port?.close();
  }
}

/** A signature that can't run proves nothing, and says so when it is asked to run. */
function rowIndependentOf(model: Model): string[] {
  return [...model.signatures.keys()].filter((name) => {
    try {
      return model.rowIndependence(name).independent;
    } catch {
      return false;
    }
  });
}

function run({ id, signature, inputs, outputs }: Extract<ToWorker, { kind: "run" }>): void {
  try {
    if (model === undefined) throw internal("the model is not loaded");
    const results = model.run(signature, unpackTensors(inputs), outputs);
    // Copied, not taken over: an output may be a constant or a variable of the model.
    const { tensors, transfer } = packTensors(results, false);
    post({ kind: "result", id, outputs: tensors }, transfer);
  } catch (reason) {
    post({ kind: "error", id, error: packError(reason) });
  }
}

function close(): void {
  try {
    model?.close();
  } finally {
    port?.close();
  }
}
