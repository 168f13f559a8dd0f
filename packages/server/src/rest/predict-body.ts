/**
 * What a Predict call of the REST API asks for, whichever form its body has: JSON, a PredictRequest, NumPy's arrays, or
 * the bytes of the only input. Of the latter two, the query says which signature is meant and which outputs are wanted.
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
import type { BodyKind } from "./media-type.js";

export interface PredictBody {
  /** As the request has it; empty for the default. */
  readonly signatureName: string;
  /** How JSON would answer. */
  readonly layout: "row" | "columnar";
  readonly inputs: RequestInputs;
  readonly outputFilter: readonly string[];
}

type Read = (model: ServedModel, spec: ModelSpec, body: Uint8Array, query: string) => PredictBody;

const readers: Readonly<Record<BodyKind, Read>> = {
  json: (model, spec, body) => {
    const { signatureName, layout, tensors } = tensorsFromJson(body, (name) =>
      jsonSpecs(signatureOf(model, signatureNameOf({ ...spec, signatureName: name }))),
    );
    return { signatureName, layout, inputs: lazily(tensors), outputFilter: [] };
  },
  protobuf: (_model, { name }, body) => {
    const request = decodePredictRequest(body);
    const named = request.spec?.name ?? "";
    if (named !== "" && named !== name) {
      throw invalidArgument(`The request's model_spec names the model ${named}, the path ${name}`);
    }
    const { inputs, outputFilter } = request;
    return { signatureName: request.spec?.signatureName ?? "", layout: "columnar", inputs, outputFilter };
  },
  npy: (model, spec, body, query) => {
    const [name] = onlyInput(signatureIn(model, spec, query));
    return columns(query, new Map([[name, () => readNpy(body, "The body")]]));
  },
  npz: (_model, _spec, body, query) => {
    const arrays = new NpzFile(body, "The body");
    const inputs = arrays.names().map((name) => [name, () => arrays.read(name) as Tensor] as const);
    return columns(query, new Map(inputs));
  },
  raw: (model, spec, body, query) => {
    const [name, { dtype, shape }] = onlyInput(signatureIn(model, spec, query));
    if (dtype !== "string") {
      throw invalidArgument(
        `A body of bytes is for a signature whose input is a string; "${name}" is ${dtype}: ` +
          "send it as application/x-npy, application/x-protobuf or JSON",
      );
    }
    const isScalar = shape?.length === 0;
    return {
      ...columns(query, new Map([[name, () => stringTensor(isScalar ? [] : [1], [body])]])),
      layout: isScalar ? "columnar" : "row",
    };
  },
};

/** The call that a body is. INVALID_ARGUMENT, or DATA_LOSS for damaged files, when it is none. */
export function readPredictBody(
  kind: BodyKind,
  model: ServedModel,
  spec: ModelSpec,
  body: Uint8Array,
  query: string,
): PredictBody {
  const request = blamingBody(() => readers[kind](model, spec, body, query));
  if (kind === "json" || kind === "raw") return request;
  const inputs = [...request.inputs].map(([name, read]) => [name, () => blamingBody(read)] as const);
  return { ...request, inputs: new Map(inputs) };
}

/** What is wrong with a body is the caller's fault, whatever a reader of files would call it. */
export function blamingBody<T>(read: () => T): T {
  try {
    return read();
  } catch (reason) {
    const { code, message } = StatusError.from(reason);
    const isOfReader = code === Code.DATA_LOSS || code === Code.INTERNAL || code === Code.UNIMPLEMENTED;
    throw isOfReader ? invalidArgument(message, { cause: reason }) : reason;
  }
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

function signatureIn(model: ServedModel, spec: ModelSpec, text: string): Signature {
  const query = new URLSearchParams(text);
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
