/**
 * What a Predict call of the REST API asks for, whichever form its body has: JSON, a PredictRequest, NumPy's arrays, or
 * the only input as bytes or as a file. Of the latter, the query says which signature is meant and which outputs are
 * wanted.
 */
import {
  Code,
  invalidArgument,
  type JsonTensorSpecs,
  NpzFile,
  readNpy,
  type Signature,
  StatusError,
  stringTensor,
  type Tensor,
  type TensorSpec,
  tensorsFromJson,
} from "@servable/formats";
import { decodePredictRequest } from "../apis/predict-codec.js";
import type { RequestInputs } from "../inference/feeds.js";
import { type ModelSpec, signatureNameOf } from "../inference/model-spec.js";
import type { ServedModel } from "../servables/served-model.js";
import { tensorOfBytes } from "./bytes-body.js";
import type { HttpRequest } from "./http-server.js";
import { tensorOfImage } from "./images/image-body.js";
import type { BodyKind } from "./media-type.js";

export interface PredictBody {
  /** As the request has it; empty for the default. */
  readonly signatureName: string;
  /** How JSON would answer. */
  readonly layout: "row" | "columnar";
  readonly inputs: RequestInputs;
  readonly outputFilter: readonly string[];
}

/** Of a request, what its body's readers look at. */
export type BodyRequest = Pick<HttpRequest, "body" | "query" | "header" | "signal">;

interface Call {
  readonly model: ServedModel;
  readonly spec: ModelSpec;
  readonly request: BodyRequest;
}

/** A picture is decoded elsewhere, and waited for. */
type Read = (call: Call) => PredictBody | Promise<PredictBody>;

const readers: Readonly<Record<BodyKind, Read>> = {
  json: ({ model, spec, request }) => {
    const { signatureName, layout, tensors } = tensorsFromJson(request.body, (name) =>
      jsonSpecs(signatureOf(model, signatureNameOf({ ...spec, signatureName: name }))),
    );
    return { signatureName, layout, inputs: lazily(tensors), outputFilter: [] };
  },
  protobuf: ({ spec: { name }, request }) => {
    const message = decodePredictRequest(request.body);
    const named = message.spec?.name ?? "";
    if (named !== "" && named !== name) {
      throw invalidArgument(`The request's model_spec names the model ${named}, the path ${name}`);
    }
    const { inputs, outputFilter } = message;
    const signatureName = message.spec?.signatureName ?? "";
    return { signatureName, layout: "columnar", inputs: blamed(inputs), outputFilter };
  },
  npy: (call) => {
    const { query, body } = call.request;
    const [name] = onlyInput(signatureIn(call));
    return columns(query, blamed(new Map([[name, () => readNpy(body, "The body")]])));
  },
  npz: ({ request: { query, body } }) => {
    const arrays = new NpzFile(body, "The body");
    const inputs = arrays.names().map((name) => [name, () => arrays.read(name) as Tensor] as const);
    return columns(query, blamed(new Map(inputs)));
  },
  bytes: (call) => {
    const [name, input] = onlyInput(signatureIn(call));
    if (input.dtype === "string") return withString(call, name, input);
    const { request } = call;
    const header = (field: string) => request.header(field);
    return withTensor(call, name, input, tensorOfBytes(name, input, request.body, header));
  },
  image: async (call) => {
    const [name, input] = onlyInput(signatureIn(call));
    if (input.dtype === "string") return withString(call, name, input);
    const { body, query, signal } = call.request;
    const resize = new URLSearchParams(query).get("resize") ?? undefined;
    return withTensor(call, name, input, await tensorOfImage(name, input, body, { resize, signal }));
  },
  audio: (call) => {
    const [name, input] = onlyInput(signatureIn(call));
    if (input.dtype === "string") return withString(call, name, input);
    throw invalidArgument(
      `A sound file is for a signature whose input is a string; "${name}" is ${input.dtype}: ` +
        "send it as application/octet-stream, application/x-npy, application/x-protobuf or JSON",
    );
  },
};

/** The call that a body is. INVALID_ARGUMENT, or DATA_LOSS for damaged files, when it is none. */
export async function readPredictBody(
  kind: BodyKind,
  model: ServedModel,
  spec: ModelSpec,
  request: BodyRequest,
): Promise<PredictBody> {
  try {
    return await readers[kind]({ model, spec, request });
  } catch (reason) {
    throw blameOnBody(reason);
  }
}

/** What is wrong with a body is the caller's fault, whatever a reader of files would call it. */
export function blamingBody<T>(read: () => T): T {
  try {
    return read();
  } catch (reason) {
    throw blameOnBody(reason);
  }
}

function blameOnBody(reason: unknown): unknown {
  const { code, message } = StatusError.from(reason);
  const isOfReader = code === Code.DATA_LOSS || code === Code.INTERNAL || code === Code.UNIMPLEMENTED;
  return isOfReader ? invalidArgument(message, { cause: reason }) : reason;
}

function blamed(inputs: RequestInputs): RequestInputs {
  return new Map([...inputs].map(([name, read]) => [name, () => blamingBody(read)]));
}

/** The only input's value is the body as it is: a row of a batch, unless the input is a scalar. */
function withString({ request }: Call, name: string, { shape }: TensorSpec): PredictBody {
  const isScalar = shape?.length === 0;
  const inputs = lazily(new Map([[name, stringTensor(isScalar ? [] : [1], [request.body])]]));
  return { ...columns(request.query, inputs), layout: isScalar ? "columnar" : "row" };
}

/** Answered by rows where the input's first size is open, for then it counts rows. */
function withTensor({ request }: Call, name: string, { shape }: TensorSpec, value: Tensor): PredictBody {
  const hasRows = shape !== null && shape.length > 0 && (shape[0] as number) < 0;
  const call = columns(request.query, lazily(new Map([[name, value]])));
  return { ...call, layout: hasRows ? "row" : "columnar" };
}

function columns(text: string, inputs: RequestInputs): PredictBody {
  const query = new URLSearchParams(text);
  return {
    signatureName: query.get("signature_name") ?? "",
    layout: "columnar",
    inputs,
    outputFilter: query.getAll("output_filter"),
  };
}

function lazily(tensors: ReadonlyMap<string, Tensor>): RequestInputs {
  return new Map([...tensors].map(([name, tensor]) => [name, () => tensor]));
}

function signatureIn({ model, spec, request }: Call): Signature {
  const query = new URLSearchParams(request.query);
  return signatureOf(model, signatureNameOf({ ...spec, signatureName: query.get("signature_name") ?? "" }));
}

function signatureOf(model: ServedModel, name: string): Signature {
  const signature = model.signatures.get(name);
  if (signature !== undefined) return signature;
  throw invalidArgument(`Serving signature name: "${name}" not found in signature def`);
}

function jsonSpecs({ inputs, defaults }: Signature): JsonTensorSpecs {
  return new Map([...inputs].map(([input, { dtype }]) => [input, { dtype, optional: defaults.has(input) }]));
}

/** The one input that a request must have. */
function onlyInput({ name, inputs, defaults }: Signature): readonly [string, TensorSpec] {
  const required = [...inputs].filter(([input]) => !defaults.has(input));
  const [only] = required;
  if (only !== undefined && required.length === 1) return only;
  throw invalidArgument(
    `A body of this type is for a signature with one input; "${name}" has {${[...inputs.keys()].join(",")}}`,
  );
}
