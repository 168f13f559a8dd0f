/** Which model a request is for, and which one answered: ModelSpec of apis/model.proto without the wire. */
import { DEFAULT_SERVING_SIGNATURE, invalidArgument } from "@servable/formats";
import type { ServableHandle } from "../core/servable-handle.js";
import type { ServedModel } from "../servables/served-model.js";

export interface ModelSpec {
  readonly name: string;
  /** At most one of `version` and `label` is there; without either the newest version is meant. */
  readonly version?: bigint;
  readonly label?: string;
  /** Empty when the request names none. */
  readonly signatureName: string;
}

/** The servable that answered. */
export interface ServedSpec {
  readonly name: string;
  readonly version: bigint;
  /** Empty where an answer names no signature. */
  readonly signatureName: string;
}

/** Where loaded models are had from. */
export interface Models {
  /**
   * A handle on the version that the spec means. INVALID_ARGUMENT for a spec without a name or with an unknown label,
   * NOT_FOUND when no such version is available.
   */
  handle(spec: ModelSpec): ServableHandle<ServedModel>;
}

/** The spec, which every request must have. */
export function requireSpec(spec: ModelSpec | undefined): ModelSpec {
  if (spec === undefined) throw invalidArgument("Missing ModelSpec");
  return spec;
}

/** The signature that a spec means; the default one where there is no spec. */
export function signatureNameOf(spec: ModelSpec | undefined): string {
  return spec?.signatureName || DEFAULT_SERVING_SIGNATURE;
}

/** Runs `use` on the model that the spec means, which stays loaded until `use` is done. */
export async function withModel<R>(
  models: Models,
  spec: ModelSpec,
  use: (model: ServedModel, version: bigint) => Promise<R>,
): Promise<R> {
  const handle = models.handle(spec);
  try {
    return await use(handle.servable, handle.id.version);
  } finally {
    handle.release();
  }
}
