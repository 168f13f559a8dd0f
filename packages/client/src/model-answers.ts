/**
 * What a server says of a model: signatures and version states, from the messages that both transports carry (REST
 * as protobuf's JSON form of them).
 */
import { Code, codeName, type Signature, StatusError, signatureFromDef } from "@servable/formats";
import type { SignatureDefMap } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import {
  type GetModelStatusResponse,
  type ModelVersionStatus,
  ModelVersionStatus_State,
} from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import type { VersionState, VersionStatus } from "./client.js";

/**
 * The signatures that can be called. One with a tensor that can't cross the API (a handle, a composite) is left out,
 * as the server would refuse it, and must not hide the others.
 */
export function signaturesFromMap(map: SignatureDefMap): Map<string, Signature> {
  const signatures = new Map<string, Signature>();
  for (const [name, def] of Object.entries(map.signatureDef)) {
    try {
      signatures.set(name, signatureFromDef(name, def));
    } catch (reason) {
      if (!(reason instanceof StatusError)) throw reason;
    }
  }
  return signatures;
}

/** The state of each version, in the server's order. */
export function versionStatusesOf(response: GetModelStatusResponse): VersionStatus[] {
  return response.modelVersionStatus.map(versionStatusOf);
}

function versionStatusOf({ version, state, status }: ModelVersionStatus): VersionStatus {
  return {
    version,
    state: (ModelVersionStatus_State[state] ?? "UNKNOWN") as VersionState,
    code: Code[codeName(status?.errorCode ?? Code.OK)],
    message: status?.errorMessage ?? "",
  };
}
