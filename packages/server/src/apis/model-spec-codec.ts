/** ModelSpec (apis/model.proto) to and from the wire. */
import { create } from "@bufbuild/protobuf";
import { Code, decodeMessage } from "@servable/formats";
import {
  type ModelSpec as ModelSpecMessage,
  ModelSpecSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import type { ModelSpec, ServedSpec } from "../inference/model-spec.js";

export function modelSpecFromBytes(bytes: Uint8Array): ModelSpec {
  return modelSpecOf(decodeMessage(ModelSpecSchema, bytes, "model_spec", Code.INTERNAL));
}

export function modelSpecOf({ name, signatureName, versionChoice }: ModelSpecMessage): ModelSpec {
  switch (versionChoice.case) {
    case "version":
      return { name, signatureName, version: versionChoice.value.value };
    case "versionLabel":
      return { name, signatureName, label: versionChoice.value };
    default:
      return { name, signatureName };
  }
}

/** The spec of a request. */
export function requestSpecMessage({ name, version, label, signatureName }: ModelSpec): ModelSpecMessage {
  const versionChoice =
    version !== undefined
      ? { case: "version" as const, value: { value: version } }
      : label !== undefined
        ? { case: "versionLabel" as const, value: label }
        : { case: undefined };
  return create(ModelSpecSchema, { name, signatureName, versionChoice });
}

/** The spec of what answered. */
export function modelSpecMessage({ name, version, signatureName }: ServedSpec): ModelSpecMessage {
  return create(ModelSpecSchema, {
    name,
    signatureName,
    versionChoice: { case: "version", value: { value: version } },
  });
}
