/**
 * GetModelMetadata: what a model says of itself. Follows servables/tensorflow/get_model_metadata_impl.cc.
 */
import { invalidArgument } from "@servable/formats";
import { type ModelSpec, type Models, requireSpec, type ServedSpec } from "./model-spec.js";

/** The one kind of metadata there is. */
export const SIGNATURE_DEF = "signature_def";

export interface ModelMetadata {
  readonly spec: ServedSpec;
  /** A serialized SignatureDefMap. */
  readonly signatureDefs: Uint8Array;
}

export function modelMetadata(
  models: Models,
  spec: ModelSpec | undefined,
  fields: readonly string[],
): ModelMetadata {
  const required = requireSpec(spec);
  if (fields.length === 0) {
    throw invalidArgument("GetModelMetadataRequest must specify at least one metadata_field");
  }
  const unknown = fields.filter((field) => field !== SIGNATURE_DEF);
  if (unknown.length > 0) throw invalidArgument(`Metadata field ${unknown.join(", ")} is not supported`);
  const handle = models.handle(required);
  try {
    const { name, version } = handle.id;
    return { spec: { name, version, signatureName: "" }, signatureDefs: handle.servable.signatureDefs };
  } finally {
    handle.release();
  }
}
