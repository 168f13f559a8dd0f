/** ModelSpec (apis/model.proto) to and from the wire. */
import { create } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Int64ValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, decodeMessage, decodeText } from "@servable/formats";
import {
  type ModelSpec as ModelSpecMessage,
  ModelSpecSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import type { ModelSpec, ServedSpec } from "../inference/model-spec.js";
import { forEachField } from "./wire-fields.js";

const NAME = 1;
const VERSION = 2;
const SIGNATURE_NAME = 3;
const VERSION_LABEL = 4;
/** In google.protobuf.Int64Value. */
const VALUE = 1;

export function modelSpecFromBytes(bytes: Uint8Array): ModelSpec {
  let name = "";
  let signatureName = "";
  let choice: { version?: bigint; label?: string } = {};
  forEachField(bytes, "model_spec", (field, value) => {
    if (field === NAME) name = decodeText(value);
    else if (field === SIGNATURE_NAME) signatureName = decodeText(value);
    else if (field === VERSION) choice = { version: int64Of(value) };
    else if (field === VERSION_LABEL) choice = { label: decodeText(value) };
  });
  return { name, signatureName, ...choice };
}

function int64Of(bytes: Uint8Array): bigint {
  return decodeMessage(Int64ValueSchema, bytes, "model_spec.version", Code.INTERNAL).value;
}

/** A serialized ModelSpec of what answered. */
export function modelSpecToBytes({ name, version, signatureName }: ServedSpec): Uint8Array {
  const writer = new BinaryWriter();
  if (name !== "") writer.tag(NAME, WireType.LengthDelimited).string(name);
  writer.tag(VERSION, WireType.LengthDelimited).fork();
  if (version !== 0n) writer.tag(VALUE, WireType.Varint).int64(version);
  writer.join();
  if (signatureName !== "") writer.tag(SIGNATURE_NAME, WireType.LengthDelimited).string(signatureName);
  return writer.finish();
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
