/** The client's requests and results to and from the messages of tensorflow_serving/apis. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { internal, type Tensor, tensorFromProto, tensorToProto } from "@servable/formats";
import type { ClassificationResult } from "@servable/formats/protobuf/tensorflow_serving/apis/classification_pb";
import type {
  InferenceResult as InferenceResultMessage,
  InferenceTaskSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/inference_pb";
import type { InputSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/input_pb";
import type { ModelSpec, ModelSpecSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import type {
  PredictRequestSchema,
  PredictResponse,
} from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import type { RegressionResult } from "@servable/formats/protobuf/tensorflow_serving/apis/regression_pb";
import type { FileSystemStoragePathSourceConfig_ServableVersionPolicySchema as VersionPolicySchema } from "@servable/formats/protobuf/tensorflow_serving/config/file_system_storage_path_source_pb";
import type {
  ModelConfigSchema,
  ModelServerConfigSchema,
} from "@servable/formats/protobuf/tensorflow_serving/config/model_server_config_pb";
import type { ClassScore, InferenceResult, InferenceTask, ModelConfig } from "../client.js";
import { type ModelTarget, type ServedModel, targetSignature, targetVersion } from "../model-target.js";
import type { Examples, PredictCall } from "../transport.js";

/** Method names of the tasks of a MultiInference (servables/tensorflow/multi_inference.cc). */
const methodNames = {
  classify: "tensorflow/serving/classify",
  regress: "tensorflow/serving/regress",
} as const;

export function modelSpec(target: ModelTarget): MessageInitShape<typeof ModelSpecSchema> {
  const version = targetVersion(target);
  return {
    name: target.model,
    signatureName: target.signature ?? "",
    versionChoice:
      version !== undefined
        ? { case: "version", value: { value: version } }
        : target.label !== undefined
          ? { case: "versionLabel", value: target.label }
          : { case: undefined },
  };
}

/** What the answer says has answered; where it says nothing, what was asked for. */
export function servedModel(spec: ModelSpec | undefined, target: ModelTarget): ServedModel {
  const choice = spec?.versionChoice;
  return {
    name: spec?.name || target.model,
    version: choice?.case === "version" ? choice.value.value : targetVersion(target),
    signature: spec?.signatureName || targetSignature(target),
  };
}

export function predictMessage(call: PredictCall): MessageInitShape<typeof PredictRequestSchema> {
  return {
    modelSpec: modelSpec(call.target),
    inputs: Object.fromEntries([...call.inputs].map(([name, tensor]) => [name, inputMessage(tensor)])),
    outputFilter: [...call.outputFilter],
  };
}

/** Numbers go as bytes, which costs neither side a pass over the elements. Strings have no such form everywhere. */
function inputMessage(tensor: Tensor) {
  return tensorToProto(tensor, { asContent: tensor.dtype !== "string" });
}

export function outputsOf(response: PredictResponse): Map<string, Tensor> {
  return new Map(
    Object.entries(response.outputs).map(([name, proto]) => [
      name,
      tensorFromProto(proto, `output "${name}"`),
    ]),
  );
}

export function inputOf({ examples, context }: Examples): MessageInitShape<typeof InputSchema> {
  const list = { examples: [...examples] };
  return {
    kind:
      context === undefined
        ? { case: "exampleList", value: list }
        : { case: "exampleListWithContext", value: { ...list, context } },
  };
}

export function classScores(result: ClassificationResult | undefined): ClassScore[][] {
  const rows = result?.classifications ?? [];
  return rows.map((row) => row.classes.map(({ label, score }) => ({ label, score })));
}

export function regressionValues(result: RegressionResult | undefined): number[] {
  return (result?.regressions ?? []).map(({ value }) => value);
}

export function taskMessage(task: InferenceTask): MessageInitShape<typeof InferenceTaskSchema> {
  return { modelSpec: modelSpec(task), methodName: methodNames[task.method] };
}

/** The result of one task. INTERNAL when the server has answered with neither kind of result. */
export function inferenceResult(message: InferenceResultMessage, task: InferenceTask): InferenceResult {
  const model = servedModel(message.modelSpec, task);
  const { result } = message;
  switch (result.case) {
    case "classificationResult":
      return { method: "classify", model, classifications: classScores(result.value) };
    case "regressionResult":
      return { method: "regress", model, values: regressionValues(result.value) };
    default:
      throw internal(`The server's answer for signature "${model.signature}" holds no result`);
  }
}

export function serverConfig(
  models: readonly ModelConfig[],
): MessageInitShape<typeof ModelServerConfigSchema> {
  return { config: { case: "modelConfigList", value: { config: models.map(modelConfig) } } };
}

function modelConfig(model: ModelConfig): MessageInitShape<typeof ModelConfigSchema> {
  const policy = versionPolicy(model.versions);
  const labels = Object.entries(model.labels ?? {}).map(([label, version]) => [label, BigInt(version)]);
  return {
    name: model.name,
    basePath: model.basePath,
    modelPlatform: model.platform ?? "tensorflow",
    versionLabels: Object.fromEntries(labels),
    ...(policy === undefined ? {} : { modelVersionPolicy: policy }),
  };
}

function versionPolicy(
  versions: ModelConfig["versions"],
): MessageInitShape<typeof VersionPolicySchema> | undefined {
  if (versions === undefined) return undefined;
  if (versions === "all") return { policyChoice: { case: "all", value: {} } };
  if ("latest" in versions) {
    return { policyChoice: { case: "latest", value: { numVersions: versions.latest } } };
  }
  return { policyChoice: { case: "specific", value: { versions: versions.map(BigInt) } } };
}
