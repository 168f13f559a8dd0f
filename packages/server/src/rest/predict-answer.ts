/** The outputs of a Predict call in the form that the caller wants: JSON, a PredictResponse, NumPy's arrays, or bytes. */
import { invalidArgument, jsonFromTensors, type Tensor, writeNpy, writeNpz } from "@servable/formats";
import { encodePredictResponse } from "../apis/predict-codec.js";
import type { ServedSpec } from "../inference/model-spec.js";
import { bytesOfOutput } from "./bytes-body.js";
import type { HttpAnswer } from "./http-server.js";
import { type AnswerKind, acceptedKind, type BodyKind, mediaTypes } from "./media-type.js";

export interface PredictAnswer {
  readonly spec: ServedSpec;
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** Of JSON. */
  readonly layout: "row" | "columnar";
}

/** @param asked what the request's body was: the answer is of the same kind, unless the caller accepts another */
export function predictAnswer(answer: PredictAnswer, asked: BodyKind, accept: string): HttpAnswer {
  const wished = acceptedKind(accept) ?? answers[asked];
  // One array holds one output.
  const kind =
    wished === "npy" && answer.outputs.size !== 1 && acceptedKind(accept) !== "npy" ? "npz" : wished;
  return { contentType: mediaTypes[kind], ...writers[kind](answer) };
}

/** How bodies are answered when nothing is wished. Who sends a file need not know what tensors look like. */
const answers: Readonly<Record<BodyKind, AnswerKind>> = {
  json: "json",
  protobuf: "protobuf",
  npy: "npy",
  npz: "npz",
  bytes: "json",
  image: "json",
  audio: "json",
};

type Write = (answer: PredictAnswer) => Pick<HttpAnswer, "body" | "headers">;

const writers: Readonly<Record<AnswerKind, Write>> = {
  json: ({ outputs, layout }) => ({ body: jsonFromTensors(outputs, layout) }),
  protobuf: (answer) => ({ body: encodePredictResponse(answer, true) }),
  npy: ({ outputs }) => {
    const [only] = outputs.values();
    if (only !== undefined && outputs.size === 1) return { body: writeNpy(only) };
    throw invalidArgument(
      `An NPY file holds one array and the answer has {${[...outputs.keys()].join(",")}}: accept ` +
        "application/x-npz, or choose one with output_filter",
    );
  },
  npz: ({ outputs }) => ({ body: writeNpz(outputs) }),
  bytes: ({ outputs }) => bytesOfOutput(outputs),
};
