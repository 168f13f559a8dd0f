/** The gRPC methods of the Open Inference Protocol (open_inference_grpc.proto) as a table, beside those of grpc/services.ts. */
import {
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, decodeMessage } from "@servable/formats";
import {
  ModelMetadataRequestSchema,
  ModelMetadataResponseSchema,
  ModelReadyRequestSchema,
  ModelReadyResponseSchema,
  ServerLiveRequestSchema,
  ServerLiveResponseSchema,
  ServerMetadataRequestSchema,
  ServerMetadataResponseSchema,
  ServerReadyRequestSchema,
  ServerReadyResponseSchema,
} from "@servable/formats/protobuf/open_inference_grpc_pb";
import type { Method } from "../grpc/transport.js";
import { infer, modelSpecOf, type OpenInference } from "./infer.js";
import { decodeInferRequest, encodeInferResponse } from "./infer-messages.js";
import { describeModel, describeServer, isModelReady, type TensorDescription } from "./model-description.js";

export const OPEN_INFERENCE_SERVICE = "inference.GRPCInferenceService";

export function openInferenceMethods(server: OpenInference): Method[] {
  const { core, isReady } = server;
  return [
    answering("ServerLive", ServerLiveRequestSchema, ServerLiveResponseSchema, () => ({ live: true })),
    answering("ServerReady", ServerReadyRequestSchema, ServerReadyResponseSchema, () => ({
      ready: isReady(),
    })),
    answering("ModelReady", ModelReadyRequestSchema, ModelReadyResponseSchema, ({ name, version }) => ({
      ready: isModelReady(core, modelSpecOf(name, version)),
    })),
    answering("ServerMetadata", ServerMetadataRequestSchema, ServerMetadataResponseSchema, () => {
      const { name, version, extensions } = describeServer();
      return { name, version, extensions: [...extensions] };
    }),
    answering(
      "ModelMetadata",
      ModelMetadataRequestSchema,
      ModelMetadataResponseSchema,
      ({ name, version }) => {
        const { versions, platform, inputs, outputs, properties } = describeModel(
          core,
          modelSpecOf(name, version),
        );
        return {
          name,
          versions: [...versions],
          platform,
          inputs: inputs.map(tensorMetadata),
          outputs: outputs.map(tensorMetadata),
          properties: { ...properties },
        };
      },
    ),
    {
      kind: "unary",
      path: `/${OPEN_INFERENCE_SERVICE}/ModelInfer`,
      handler: async (bytes, context) => {
        const request = decodeInferRequest(bytes);
        return await infer(server, "GRPC", request, context, (response) =>
          encodeInferResponse(response, request.isRaw),
        );
      },
    },
  ];
}

function answering<In extends DescMessage, Out extends DescMessage>(
  name: string,
  request: In,
  response: Out,
  answer: (message: MessageShape<In>) => MessageInitShape<Out>,
): Method {
  return {
    kind: "unary",
    path: `/${OPEN_INFERENCE_SERVICE}/${name}`,
    handler: async (bytes) => {
      const message = decodeMessage(request, bytes, request.name, Code.INTERNAL);
      return toBinary(response, create(response, answer(message)));
    },
  };
}

function tensorMetadata({ name, datatype, shape }: TensorDescription) {
  return { name, datatype, shape: shape.map(BigInt) };
}
