/** What the gRPC methods of the Open Inference Protocol (open_inference_grpc.proto) answer, as a table by their names. */
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
import type { UnaryHandler } from "../grpc/transport.js";
import type { OpenInferenceMethod } from "./grpc-methods.js";
import { infer, modelSpecOf, type OpenInference } from "./infer.js";
import { decodeInferRequest, encodeInferResponse } from "./infer-messages.js";
import { describeModel, describeServer, isModelReady, type TensorDescription } from "./model-description.js";

export function openInferenceAnswers(
  server: OpenInference,
): Readonly<Record<OpenInferenceMethod, UnaryHandler>> {
  const { core, isReady } = server;
  return {
    ServerLive: answering(ServerLiveRequestSchema, ServerLiveResponseSchema, () => ({ live: true })),
    ServerReady: answering(ServerReadyRequestSchema, ServerReadyResponseSchema, () => ({ ready: isReady() })),
    ModelReady: answering(ModelReadyRequestSchema, ModelReadyResponseSchema, ({ name, version }) => ({
      ready: isModelReady(core, modelSpecOf(name, version)),
    })),
    ServerMetadata: answering(ServerMetadataRequestSchema, ServerMetadataResponseSchema, () => {
      const { name, version, extensions } = describeServer();
      return { name, version, extensions: [...extensions] };
    }),
    ModelMetadata: answering(ModelMetadataRequestSchema, ModelMetadataResponseSchema, ({ name, version }) => {
      const description = describeModel(core, modelSpecOf(name, version));
      const { versions, platform, inputs, outputs, properties } = description;
      return {
        name,
        versions: [...versions],
        platform,
        inputs: inputs.map(tensorMetadata),
        outputs: outputs.map(tensorMetadata),
        properties: { ...properties },
      };
    }),
    ModelInfer: async (bytes, context) => {
      const request = decodeInferRequest(bytes);
      return await infer(server, "GRPC", request, context, (response) =>
        encodeInferResponse(response, request.isRaw),
      );
    },
  };
}

function answering<In extends DescMessage, Out extends DescMessage>(
  request: In,
  response: Out,
  answer: (message: MessageShape<In>) => MessageInitShape<Out>,
): UnaryHandler {
  return async (bytes) => {
    const message = decodeMessage(request, bytes, request.name, Code.INTERNAL);
    return toBinary(response, create(response, answer(message)));
  };
}

function tensorMetadata({ name, datatype, shape }: TensorDescription) {
  return { name, datatype, shape: shape.map(BigInt) };
}
