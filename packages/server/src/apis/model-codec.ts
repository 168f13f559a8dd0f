/**
 * The messages of GetModelMetadata, GetModelStatus and HandleReloadConfigRequest. REST prints the same messages as
 * JSON.
 */
import { create } from "@bufbuild/protobuf";
import { Code, type StatusError } from "@servable/formats";
import {
  type GetModelMetadataResponse,
  GetModelMetadataResponseSchema,
  SignatureDefMapSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import {
  type GetModelStatusResponse,
  GetModelStatusResponseSchema,
  ModelVersionStatus_State,
} from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import type { ServableState, ServableStateKind } from "../core/servable-state.js";
import type { VersionState } from "../core/state-monitor.js";
import { type ModelMetadata, SIGNATURE_DEF } from "../inference/model-metadata.js";
import { modelSpecMessage } from "./model-spec-codec.js";

const states: Readonly<Record<ServableStateKind, ModelVersionStatus_State>> = {
  start: ModelVersionStatus_State.START,
  loading: ModelVersionStatus_State.LOADING,
  available: ModelVersionStatus_State.AVAILABLE,
  unloading: ModelVersionStatus_State.UNLOADING,
  end: ModelVersionStatus_State.END,
};

export function modelStatusMessage(versions: readonly VersionState[]): GetModelStatusResponse {
  return create(GetModelStatusResponseSchema, {
    modelVersionStatus: versions.map(({ version, state }) => ({
      version,
      state: states[state.kind],
      status: statusInit(errorOf(state)),
    })),
  });
}

/** What went wrong last, if anything: also while the version is still being tried. */
function errorOf(state: ServableState): StatusError | undefined {
  if (state.kind === "end") return state.error;
  return state.kind === "loading" ? state.lastError : undefined;
}

/** A StatusProto: OK without an error. */
export function statusInit(error: StatusError | undefined): { errorCode: number; errorMessage: string } {
  return { errorCode: error?.code ?? Code.OK, errorMessage: error?.message ?? "" };
}

export function modelMetadataMessage({ spec, signatureDefs }: ModelMetadata): GetModelMetadataResponse {
  return create(GetModelMetadataResponseSchema, {
    modelSpec: modelSpecMessage(spec),
    metadata: {
      [SIGNATURE_DEF]: {
        typeUrl: `type.googleapis.com/${SignatureDefMapSchema.typeName}`,
        value: signatureDefs,
      },
    },
  });
}
