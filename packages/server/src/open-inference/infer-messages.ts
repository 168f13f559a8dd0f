/** ModelInferRequest and ModelInferResponse (open_inference_grpc.proto). */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  Code,
  decodeMessage,
  decodeText,
  invalidArgument,
  type Tensor,
  WireKind,
  WireReader,
} from "@servable/formats";
import {
  InferParameterSchema,
  ModelInferResponseSchema,
} from "@servable/formats/protobuf/open_inference_grpc_pb";
import { forEachField } from "../apis/wire-fields.js";
import { type Datatype, datatypeOf, datatypeOfDtype, MAX_RANK, shapeOf } from "./datatypes.js";
import { type InferRequest, type InferResponse, inputsByName, modelSpecOf, SIGNATURE_NAME } from "./infer.js";
import { rawOf, tensorFromRaw } from "./raw-contents.js";
import { contentsOf, tensorFromContents } from "./typed-contents.js";
import { forEachVarint } from "./varint-list.js";

/** Numbers of the fields. */
const Request = { NAME: 1, VERSION: 2, ID: 3, PARAMETERS: 4, INPUTS: 5, OUTPUTS: 6, RAW: 7 } as const;
const Input = { NAME: 1, DATATYPE: 2, SHAPE: 3, CONTENTS: 5 } as const;
const OUTPUT_NAME = 1;
const KEY = 1;
const VALUE = 2;

const NOTHING = new Uint8Array(0);

export interface DecodedInferRequest extends InferRequest {
  /** Whether the inputs came as bytes, and the outputs are to go so. */
  readonly isRaw: boolean;
}

/** An input of which only the name has been read. */
interface NamedInput {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly hasContents: boolean;
}

/**
 * The tensors stay bytes until inference asks for them. INTERNAL for bytes that are no such message, as in TensorFlow
 * Serving; otherwise INVALID_ARGUMENT.
 */
export function decodeInferRequest(bytes: Uint8Array): DecodedInferRequest {
  let name = "";
  let version = "";
  let id = "";
  let signatureName = "";
  const inputs: NamedInput[] = [];
  const outputs: string[] = [];
  const raw: Uint8Array[] = [];
  forEachField(bytes, "ModelInferRequest", (field, value) => {
    if (field === Request.NAME) name = decodeText(value);
    else if (field === Request.VERSION) version = decodeText(value);
    else if (field === Request.ID) id = decodeText(value);
    else if (field === Request.PARAMETERS) signatureName = signatureNameIn(value) ?? signatureName;
    else if (field === Request.INPUTS) inputs.push(namedInput(value));
    else if (field === Request.OUTPUTS) outputs.push(outputName(value));
    else if (field === Request.RAW) raw.push(value);
  });
  if (raw.length > 0) checkRaw(name, inputs, raw.length);
  return {
    spec: modelSpecOf(name, version, signatureName),
    id,
    inputs: inputsByName(inputs.map((input, i) => [input.name, () => decodeInput(input, raw[i])] as const)),
    outputs,
    isRaw: raw.length > 0,
  };
}

/** The signature, when it is that which a parameter names. */
function signatureNameIn(entry: Uint8Array): string | undefined {
  let key = "";
  let value: Uint8Array = NOTHING;
  forEachField(entry, "ModelInferRequest.parameters", (field, part) => {
    if (field === KEY) key = decodeText(part);
    else if (field === VALUE) value = part;
  });
  if (key !== SIGNATURE_NAME) return undefined;
  const { parameterChoice } = decodeMessage(InferParameterSchema, value, `parameter ${key}`, Code.INTERNAL);
  if (parameterChoice.case === "stringParam") return parameterChoice.value;
  throw invalidArgument(`parameter ${SIGNATURE_NAME} is no string_param`);
}

function namedInput(bytes: Uint8Array): NamedInput {
  let name = "";
  let hasContents = false;
  forEachField(bytes, "ModelInferRequest.inputs", (field, value) => {
    if (field === Input.NAME) name = decodeText(value);
    else if (field === Input.CONTENTS) hasContents = true;
  });
  return { name, bytes, hasContents };
}

function outputName(bytes: Uint8Array): string {
  let name = "";
  forEachField(bytes, "ModelInferRequest.outputs", (field, value) => {
    if (field === OUTPUT_NAME) name = decodeText(value);
  });
  return name;
}

/** Either all inputs come as bytes, or none. */
function checkRaw(model: string, inputs: readonly NamedInput[], rawCount: number): void {
  if (rawCount !== inputs.length) {
    throw invalidArgument(
      `model "${model}": raw_input_contents has ${rawCount} entries for ${inputs.length} inputs`,
    );
  }
  const both = inputs.filter(({ hasContents }) => hasContents).map(({ name }) => `"${name}"`);
  if (both.length > 0) {
    throw invalidArgument(
      `model "${model}": beside raw_input_contents, there are contents in ${both.join(", ")}`,
    );
  }
}

function decodeInput({ bytes }: NamedInput, raw: Uint8Array | undefined): Tensor {
  let datatype = "";
  let contents: Uint8Array = NOTHING;
  const sizes: number[] = [];
  const reader = new WireReader(bytes);
  while (reader.next()) {
    const start = reader.at;
    const view = reader.kind === WireKind.BYTES ? reader.view() : undefined;
    if (view === undefined) reader.skip();
    // Sizes come packed, or each by itself.
    if (reader.field === Input.SHAPE) addSizes(sizes, view ?? bytes.subarray(start, reader.at));
    else if (reader.field === Input.DATATYPE && view !== undefined) datatype = decodeText(view);
    else if (reader.field === Input.CONTENTS && view !== undefined) contents = view;
  }
  const type = datatypeOf(datatype);
  const shape = shapeOf(sizes);
  return raw === undefined ? tensorFromContents(type, shape, contents) : tensorFromRaw(type, shape, raw);
}

/** More than a shape can have are not collected. */
function addSizes(sizes: number[], varints: Uint8Array): void {
  forEachVarint(varints, (low, high) => {
    if (sizes.length <= MAX_RANK) sizes.push(high * 2 ** 32 + (low >>> 0));
  });
}

/**
 * The answer, with raw_output_contents for a request that came so, and where an output has a datatype that travels in
 * no other way: a response has one form for all of its outputs.
 */
export function encodeInferResponse({ spec, id, outputs }: InferResponse, isRawWanted: boolean): Uint8Array {
  const typed = [...outputs].map(([name, tensor]): [string, Datatype, Tensor] => [
    name,
    datatypeOfDtype(tensor.dtype, name),
    tensor,
  ]);
  const isRaw = isRawWanted || typed.some(([, { contents }]) => contents === undefined);
  const message = create(ModelInferResponseSchema, {
    modelName: spec.name,
    modelVersion: String(spec.version),
    id,
    outputs: typed.map(([name, datatype, tensor]) => ({
      name,
      datatype: datatype.name,
      shape: tensor.shape.map(BigInt),
      ...(isRaw ? {} : { contents: contentsOf(datatype, tensor) }),
    })),
    rawOutputContents: isRaw ? typed.map(([, , tensor]) => rawOf(tensor)) : [],
  });
  return toBinary(ModelInferResponseSchema, message);
}
