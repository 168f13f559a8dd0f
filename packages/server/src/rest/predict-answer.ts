/** The outputs of a Predict call in the form that the caller wants: JSON, a PredictResponse, or NumPy's arrays. */
import { invalidArgument, jsonFromTensors, type Tensor, writeNpy, writeNpz } from "@servable/formats";
import { encodePredictResponse } from "../apis/predict-codec.js";
import type { ServedSpec } from "../inference/model-spec.js";
import type { HttpAnswer } from "./http-server.js";
import { acceptedKind, type BodyKind, mediaTypes } from "./media-type.js";

export interface PredictAnswer {
  readonly spec: ServedSpec;
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** Of JSON. */
  readonly layout: "row" | "columnar";
}

/** @param asked what the request's body was: the answer is of the same kind, unless the caller accepts another */
export function predictAnswer(answer: PredictAnswer, asked: BodyKind, accept: string): HttpAnswer {
  const wished = acceptedKind(accept) ?? (asked === "raw" ? "json" : asked);
  // One array holds one output.
  const kind =
    wished === "npy" && answer.outputs.size !== 1 && acceptedKind(accept) !== "npy" ? "npz" : wished;
  return { contentType: mediaTypes[kind], body: writers[kind](answer) };
}

const writers: Readonly<Record<Exclude<BodyKind, "raw">, (answer: PredictAnswer) => string | Uint8Array>> = {
  json: ({ outputs, layout }) => jsonFromTensors(outputs, layout),
  protobuf: (answer) => encodePredictResponse(answer, true),
  npy: ({ outputs }) => {
    const [only] = outputs.values();
    if (only !== undefined && outputs.size === 1) return writeNpy(only);
    throw invalidArgument(
      `An NPY file holds one array and the answer has {${[...outputs.keys()].join(",")}}: accept ` +
        "application/x-npz, or choose one with output_filter",
    );
  },
  npz: ({ outputs }) => writeNpz(outputs),
};
