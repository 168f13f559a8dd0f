/** Which model, version and signature a call is for, and which one answered. */
import { DEFAULT_SERVING_SIGNATURE, invalidArgument } from "@servable/formats";

/** Names a model and, unless the newest version is meant, a version of it by number or by label. */
export interface ModelTarget {
  readonly model: string;
  /** An int64; beyond 2^53 as bigint. */
  readonly version?: number | bigint | undefined;
  /** A label of the server's configuration, such as "stable". Not together with `version`. */
  readonly label?: string | undefined;
  /** Default: "serving_default". */
  readonly signature?: string | undefined;
}

/** The servable that answered. REST answers don't say which version that was, so it is what was asked for there. */
export interface ServedModel {
  readonly name: string;
  readonly version: bigint | undefined;
  readonly signature: string;
}

/** INVALID_ARGUMENT when the target can't be meant. */
export function checkTarget(target: ModelTarget): void {
  const { model, version, label } = target;
  if (model === "") throw invalidArgument("The call names no model");
  if (version !== undefined && label !== undefined) {
    throw invalidArgument(`Model "${model}": give a version or a label, not both (${version}, "${label}")`);
  }
  if (typeof version === "number" && !(Number.isSafeInteger(version) && version >= 0)) {
    throw invalidArgument(`Model "${model}": version ${version} is not a natural number`);
  }
}

/** The version asked for, if by number. */
export function targetVersion(target: ModelTarget): bigint | undefined {
  return target.version === undefined ? undefined : BigInt(target.version);
}

/** The signature asked for. */
export function targetSignature(target: ModelTarget): string {
  return target.signature || DEFAULT_SERVING_SIGNATURE;
}
