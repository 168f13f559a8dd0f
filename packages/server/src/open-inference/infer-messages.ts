/** ModelInferRequest and ModelInferResponse (open_inference_grpc.proto). */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, decodeMessage, invalidArgument, type Tensor } from "@servable/formats";
import {
  type ModelInferRequest,
  type ModelInferRequest_InferInputTensor,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from "@servable/formats/protobuf/open_inference_grpc_pb";
import type { LazyTensor } from "../inference/feeds.js";
import { type Datatype, datatypeOf, datatypeOfDtype, shapeOf } from "./datatypes.js";
import { type InferRequest, type InferResponse, inputsByName, modelSpecOf, SIGNATURE_NAME } from "./infer.js";
import { rawOf, tensorFromRaw } from "./raw-contents.js";
import { contentsOf, tensorFromContents } from "./typed-contents.js";

export interface DecodedInferRequest extends InferRequest {
  /** Whether the inputs came as bytes, and the outputs are to go so. */
  readonly isRaw: boolean;
}

/** INTERNAL for bytes that are no such message, as in TensorFlow Serving; otherwise INVALID_ARGUMENT. */
export function decodeInferRequest(bytes: Uint8Array): DecodedInferRequest {
  const message = decodeMessage(ModelInferRequestSchema, bytes, "ModelInferRequest", Code.INTERNAL);
  const { modelName, modelVersion, id, inputs, outputs, rawInputContents } = message;
  const isRaw = rawInputContents.length > 0;
  if (isRaw) checkRaw(message);
  return {
    spec: modelSpecOf(modelName, modelVersion, signatureNameOf(message)),
    id,
    inputs: inputsByName(
      inputs.map(
        (input, i) => [input.name, lazyTensor(input, isRaw ? rawInputContents[i] : undefined)] as const,
      ),
    ),
    outputs: outputs.map(({ name }) => name),
    isRaw,
  };
}

/** Either all inputs come as bytes, or none. */
function checkRaw({ modelName, inputs, rawInputContents }: ModelInferRequest): void {
  if (rawInputContents.length !== inputs.length) {
    throw invalidArgument(
      `model "${modelName}": raw_input_contents has ${rawInputContents.length} entries for ${inputs.length} inputs`,
    );
  }
  const both = inputs.filter(({ contents }) => contents !== undefined).map(({ name }) => `"${name}"`);
  if (both.length > 0) {
    throw invalidArgument(
      `model "${modelName}": beside raw_input_contents, there are contents in ${both.join(", ")}`,
    );
  }
}

function signatureNameOf({ modelName, parameters }: ModelInferRequest): string {
  const choice = parameters[SIGNATURE_NAME]?.parameterChoice;
  if (choice === undefined || choice.case === "stringParam") return choice?.value ?? "";
  throw invalidArgument(`model "${modelName}": parameter ${SIGNATURE_NAME} is no string_param`);
}

function lazyTensor(
  { datatype, shape, contents }: ModelInferRequest_InferInputTensor,
  raw: Uint8Array | undefined,
): LazyTensor {
  return () => {
    const type = datatypeOf(datatype);
    const sizes = shapeOf(shape);
    return raw === undefined ? tensorFromContents(type, sizes, contents) : tensorFromRaw(type, sizes, raw);
  };
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
