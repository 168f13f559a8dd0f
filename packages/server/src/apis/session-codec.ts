/** SessionRunRequest and SessionRunResponse (apis/session_service.proto). Not a hot path: generated code decodes them. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, decodeMessage, tensorFromProto, tensorToProto } from "@servable/formats";
import {
  SessionRunRequestSchema,
  SessionRunResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/session_service_pb";
import type { SessionRunRequest, SessionRunResponse } from "../inference/session-run.js";
import { modelSpecMessage, modelSpecOf } from "./model-spec-codec.js";

export function decodeSessionRunRequest(bytes: Uint8Array): SessionRunRequest {
  const message = decodeMessage(SessionRunRequestSchema, bytes, "SessionRunRequest", Code.INTERNAL);
  const { modelSpec, feed, fetch, target, tensorNameIsAlias, options } = message;
  return {
    spec: modelSpec && modelSpecOf(modelSpec),
    feeds: feed.map(({ name, tensor }) => ({
      name,
      tensor: tensor && tensorFromProto(tensor, `feed "${name}"`),
    })),
    fetches: fetch,
    targets: target,
    areNamesAliases: tensorNameIsAlias,
    timeoutMs: Number(options?.timeoutInMs ?? 0n),
  };
}

export function encodeSessionRunResponse({ spec, tensors }: SessionRunResponse): Uint8Array {
  return toBinary(
    SessionRunResponseSchema,
    create(SessionRunResponseSchema, {
      modelSpec: modelSpecMessage(spec),
      tensor: tensors.map(({ name, tensor }) => ({ name, tensor: tensorToProto(tensor) })),
    }),
  );
}
