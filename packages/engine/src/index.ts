/** Everything that @servable/engine offers. */
export {
  type ExplainedBody,
  type ExplainedGap,
  type ExplainedGraph,
  type ExplainedGroup,
  type ExplainedModel,
  type ExplainedNode,
  type ExplainedOnnx,
  type ExplainedSignature,
  type ExplainedTensor,
  type ExplainOptions,
  explainModel,
} from "./explain.js";
export { type FrozenGraphOptions, loadFrozenGraph } from "./frozen-graph.js";
export { compileKerasModel, loadKerasModel } from "./keras-model.js";
export type { LoadProgress, ProgressListener } from "./load-progress.js";
export { type LoadOptions, loadSavedModel, type Model } from "./model.js";
export { loadModel, MODEL_FILE_ENDINGS, type ModelKind } from "./model-folder.js";
export { loadOnnxModel } from "./onnx-model.js";
export { type ImageSize, imageSize } from "./ops/host/image-files/image-size.js";
export type { RowIndependence } from "./passes/row-independence.js";
export { type RecordedStep, recordSteps, StepRecorder } from "./plan/step-recorder.js";
export { Session } from "./session.js";
export { loadSessionBundle } from "./session-bundle.js";
export { isSupported, type OpSupport, opSupport } from "./support.js";
export { loadTfliteModel } from "./tflite-model.js";
