/** Runs an ONNX graph in ONNX Runtime for a test: writes it, loads it, feeds it, all at once and synchronously. */
import { createRequire } from "node:module";
import type { Tensor } from "@servable/formats";
import { Tensor as OrtTensor } from "onnxruntime-node";
import { writeModel } from "../model-writer.js";
import type { OnnxGraph } from "../onnx-graph.js";

/** The part of onnxruntime-node's native binding that its public interface wraps in promises. */
interface NativeSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  run(
    feeds: Record<string, OrtTensor>,
    fetches: Record<string, null>,
    options: object,
  ): Record<string, OrtTensor>;
  dispose(): void;
}
interface NativeBinding {
  readonly binding: { readonly InferenceSession: new () => NativeSession };
  initOrt(): void;
}

const native = createRequire(import.meta.url)("onnxruntime-node/dist/binding.js") as NativeBinding;

/** The graph's outputs in order. Throws what ONNX Runtime throws when it refuses the model or fails to run it. */
export function runModel(graph: OnnxGraph, feeds: readonly Tensor[]): Tensor[] {
  native.initOrt();
  const { bytes, externalFolder } = writeModel(graph);
  const session = new native.binding.InferenceSession();
  session.loadModel(bytes.buffer, bytes.byteOffset, bytes.byteLength, sessionOptions(externalFolder));
  try {
    const results = session.run(
      Object.fromEntries(graph.inputs.map(({ name }, i) => [name, toOrt(feeds[i] as Tensor)])),
      Object.fromEntries(graph.outputs.map(({ name }) => [name, null])),
      {},
    );
    return graph.outputs.map(({ name }) => fromOrt(results[name] as OrtTensor));
  } finally {
    session.dispose();
  }
}

function sessionOptions(externalFolder: string | undefined): object {
  return {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
    ...(externalFolder === undefined
      ? {}
      : { extra: { session: { model_external_initializers_file_folder_path: externalFolder } } }),
  };
}

function toOrt(tensor: Tensor): OrtTensor {
  return new OrtTensor(tensor.dtype as "float32", tensor.data as Float32Array, tensor.shape);
}

function fromOrt(tensor: OrtTensor): Tensor {
  return { dtype: tensor.type, shape: tensor.dims, data: tensor.data } as unknown as Tensor;
}
