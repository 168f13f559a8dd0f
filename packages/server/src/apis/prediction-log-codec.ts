/**
 * PredictionLog (apis/prediction_log.proto): one call as request logs and warm-up files keep it. Requests and
 * responses stay the bytes that they are.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Api } from "../monitoring/metrics.js";
import { forEachField } from "./wire-fields.js";

const METADATA = 1;
/** In the message of each kind of call; several of each where answers are streamed. */
const REQUEST = 1;
const RESPONSE = 2;

const kinds: readonly { readonly field: number; readonly api: Api }[] = [
  { field: 2, api: "Classify" },
  { field: 3, api: "Regress" },
  { field: 4, api: "MultiInference" },
  { field: 5, api: "SessionRun" },
  { field: 6, api: "Predict" },
  // Streamed, which no service of the model server is: its requests are those of Predict.
  { field: 7, api: "Predict" },
];

export interface LoggedRequests {
  readonly api: Api;
  /** One, or several of a stream. */
  readonly requests: readonly Uint8Array[];
}

/** @param metadata a serialized LogMetadata */
export function encodePredictionLog(
  api: Api,
  request: Uint8Array,
  response?: Uint8Array,
  metadata?: Uint8Array,
): Uint8Array {
  const call = new BinaryWriter().tag(REQUEST, WireType.LengthDelimited).bytes(request);
  if (response !== undefined) call.tag(RESPONSE, WireType.LengthDelimited).bytes(response);
  const log = new BinaryWriter();
  if (metadata !== undefined) log.tag(METADATA, WireType.LengthDelimited).bytes(metadata);
  const { field } = kinds.find((kind) => kind.api === api) as (typeof kinds)[number];
  return log.tag(field, WireType.LengthDelimited).bytes(call.finish()).finish();
}

/** The requests of a log; undefined when it has none. INTERNAL when the bytes are no PredictionLog. */
export function requestsOfPredictionLog(bytes: Uint8Array): LoggedRequests | undefined {
  let found: LoggedRequests | undefined;
  forEachField(bytes, "PredictionLog", (field, call) => {
    const kind = kinds.find((one) => one.field === field);
    if (kind === undefined) return;
    const requests: Uint8Array[] = [];
    forEachField(call, "PredictionLog", (callField, request) => {
      if (callField === REQUEST) requests.push(request);
    });
    found = { api: kind.api, requests };
  });
  return found;
}
