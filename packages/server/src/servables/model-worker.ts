/**
 * The worker thread of one model version: loads the model, runs it request by request, and ends with it. Ending the
 * thread is what gives a model's memory back.
 *
 * The engine is imported as soon as the thread starts, before it is known what to load: the main thread starts one
 * worker ahead, so that this is done by the time it is needed.
 */
import { parentPort, workerData } from "node:worker_threads";
import { toBinary } from "@bufbuild/protobuf";
import { internal, type Tensor } from "@servable/formats";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import type { LoadOptions, Model } from "./engine-contract.js";
import { importEngine } from "./import-engine.js";
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
    const loaded = (await engine).loadModel(path, options);
    model = loaded;
    post({
      kind: "loaded",
      signatures: [...loaded.signatures.values()],
      signatureDefs: toBinary(SignatureDefMapSchema, loaded.signatureDefs),
      rowIndependent: signaturesThat((name) => loaded.rowIndependence(name).independent, loaded),
      boundedWork: signaturesThat((name) => loaded.hasBoundedWork(name), loaded),
      traceless: signaturesThat((name) => loaded.leavesNoTrace(name), loaded),
      warmable: signaturesThat((name) => loaded.leavesNoTrace(name) && !loaded.hasLoops(name), loaded),
    });
  } catch (reason) {
    post({ kind: "failed", error: packError(reason) });
    port?.close();
  }
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

function run({ id, of, inputs, outputs }: Extract<ToWorker, { kind: "run" }>): void {
  try {
    if (model === undefined) throw internal("the model is not loaded");
    const feeds = unpackTensors(inputs);
    const start = performance.now();
    const results =
      "signature" in of
        ? model.run(of.signature, feeds, outputs)
        : namedTensors(outputs, model.runTensors(feeds, outputs, of.targets));
    const micros = (performance.now() - start) * 1000;
    // Copied, not taken over: an output may be a constant or a variable of the model.
    const { tensors, transfer } = packTensors(results, false);
    post({ kind: "result", id, outputs: tensors, micros }, transfer);
  } catch (reason) {
    post({ kind: "error", id, error: packError(reason) });
  }
}

function namedTensors(names: readonly string[], tensors: readonly Tensor[]): Map<string, Tensor> {
  return new Map(names.map((name, i) => [name, tensors[i] as Tensor]));
}

function close(): void {
  try {
    model?.close();
  } finally {
    port?.close();
  }
}
