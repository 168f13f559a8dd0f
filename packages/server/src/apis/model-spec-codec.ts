/** ModelSpec (apis/model.proto) to and from the wire. */
import { create } from "@bufbuild/protobuf";
import { Int64ValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, decodeMessage, decodeText, WireWriter } from "@servable/formats";
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
export function modelSpecToBytes(spec: ServedSpec): Uint8Array {
  const writer = new WireWriter(MODEL_SPEC_BYTES);
  writeModelSpec(writer, spec);
  return writer.finish();
}

/** Enough for names of common length. */
const MODEL_SPEC_BYTES = 128;

/** Writes the fields of a ModelSpec of what answered. */
export function writeModelSpec(writer: WireWriter, { name, version, signatureName }: ServedSpec): void {
  if (signatureName !== "") writer.textField(SIGNATURE_NAME, signatureName);
  const before = writer.size;
  if (version !== 0n) writer.int64Field(VALUE, version);
  writer.endField(VERSION, before);
  if (name !== "") writer.textField(NAME, name);
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
