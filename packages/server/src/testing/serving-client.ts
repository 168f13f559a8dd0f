/** TensorFlow Serving's gRPC calls as tests make them: by model, signature and tensors. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Tensor, tensorFromProto, tensorToProto } from "@servable/formats";
import {
  ClassificationResponseSchema,
  type ClassificationResult,
} from "@servable/formats/protobuf/tensorflow_serving/apis/classification_pb";
import {
  GetModelStatusRequestSchema,
  type GetModelStatusResponse,
  GetModelStatusResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import {
  InferenceTaskSchema,
  MultiInferenceResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/inference_pb";
import { type ModelSpec, ModelSpecSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import {
  PredictRequestSchema,
  PredictResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import {
  RegressionResponseSchema,
  type RegressionResult,
} from "@servable/formats/protobuf/tensorflow_serving/apis/regression_pb";
import type { GrpcTestClient } from "./grpc-test-client.js";

const PREDICTION = "tensorflow.serving.PredictionService";
const MODEL = "tensorflow.serving.ModelService";

export interface Target {
  readonly name: string;
  readonly signature?: string | undefined;
  readonly version?: bigint;
  readonly label?: string;
}

function specOf({ name, signature = "", version, label }: Target): ModelSpec {
  return create(ModelSpecSchema, {
    name,
    signatureName: signature,
    versionChoice:
      version !== undefined
        ? { case: "version", value: { value: version } }
        : label !== undefined
          ? { case: "versionLabel", value: label }
          : { case: undefined },
  });
}

export interface PredictOptions {
  readonly outputFilter?: readonly string[];
  readonly asContent?: boolean;
  readonly deadlineMs?: number;
}

export async function predict(
  client: GrpcTestClient,
  target: Target,
  inputs: ReadonlyMap<string, Tensor>,
  { outputFilter = [], asContent = false, deadlineMs }: PredictOptions = {},
): Promise<{ spec: ModelSpec | undefined; outputs: Map<string, Tensor> }> {
  const { modelSpec, outputs } = await client.call(
    `${PREDICTION}/Predict`,
    PredictRequestSchema,
    PredictResponseSchema,
    {
      modelSpec: specOf(target),
      inputs: Object.fromEntries([...inputs].map(([name, one]) => [name, tensorToProto(one, { asContent })])),
      outputFilter: [...outputFilter],
    },
    deadlineMs,
  );
  const tensors = Object.entries(outputs).map(([name, one]): [string, Tensor] => [
    name,
    tensorFromProto(one, name),
  ]);
  return { spec: modelSpec, outputs: new Map(tensors) };
}

/** Examples are put in as bytes, whatever they hold: a client's own code could not make all that servers receive. */
export interface Examples {
  readonly examples: readonly Uint8Array[];
  readonly context?: Uint8Array | undefined;
}

function inputOf({ examples, context }: Examples): Uint8Array {
  const list = new BinaryWriter();
  for (const example of examples) list.tag(1, WireType.LengthDelimited).bytes(example);
  if (context !== undefined) list.tag(2, WireType.LengthDelimited).bytes(context);
  return new BinaryWriter()
    .tag(context === undefined ? 1 : 2, WireType.LengthDelimited)
    .bytes(list.finish())
    .finish();
}

function examplesRequest(target: Target, examples: Examples): Uint8Array {
  return new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .bytes(toBinary(ModelSpecSchema, specOf(target)))
    .tag(2, WireType.LengthDelimited)
    .bytes(inputOf(examples))
    .finish();
}

export async function classify(
  client: GrpcTestClient,
  target: Target,
  examples: Examples,
): Promise<{ spec: ModelSpec | undefined; result: ClassificationResult | undefined }> {
  const bytes = await client.callBytes(`${PREDICTION}/Classify`, examplesRequest(target, examples));
  const { modelSpec, result } = fromBinary(ClassificationResponseSchema, bytes);
  return { spec: modelSpec, result };
}

export async function regress(
  client: GrpcTestClient,
  target: Target,
  examples: Examples,
): Promise<{ spec: ModelSpec | undefined; result: RegressionResult | undefined }> {
  const bytes = await client.callBytes(`${PREDICTION}/Regress`, examplesRequest(target, examples));
  const { modelSpec, result } = fromBinary(RegressionResponseSchema, bytes);
  return { spec: modelSpec, result };
}

export async function multiInference(
  client: GrpcTestClient,
  tasks: readonly { readonly target: Target; readonly methodName: string }[],
  examples: Examples,
) {
  const request = new BinaryWriter();
  for (const { target, methodName } of tasks) {
    const task = create(InferenceTaskSchema, { modelSpec: specOf(target), methodName });
    request.tag(1, WireType.LengthDelimited).bytes(toBinary(InferenceTaskSchema, task));
  }
  request.tag(2, WireType.LengthDelimited).bytes(inputOf(examples));
  const bytes = await client.callBytes(`${PREDICTION}/MultiInference`, request.finish());
  return fromBinary(MultiInferenceResponseSchema, bytes).results;
}

export async function modelStatus(client: GrpcTestClient, target: Target): Promise<GetModelStatusResponse> {
  return await client.call(
    `${MODEL}/GetModelStatus`,
    GetModelStatusRequestSchema,
    GetModelStatusResponseSchema,
    { modelSpec: specOf(target) },
  );
}
