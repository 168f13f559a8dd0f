/**
 * Tensors as InferTensorContents (open_inference_grpc.proto): one list per kind of element, of which the datatype says
 * which counts. Integers of 8 and 16 bits stand in the lists of 32.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  allocate,
  elementCount,
  invalidArgument,
  type Shape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type {
  InferTensorContents,
  InferTensorContentsSchema,
} from "@servable/formats/protobuf/open_inference_grpc_pb";
import type { Datatype } from "./datatypes.js";

/** INVALID_ARGUMENT when the datatype's list doesn't fit the shape, or an element its datatype. */
export function tensorFromContents(
  datatype: Datatype,
  shape: Shape,
  contents: InferTensorContents | undefined,
): Tensor {
  const { name, dtype, contents: field } = datatype;
  if (field === undefined) {
    throw invalidArgument(
      `${name} travels as raw_input_contents alone, for InferTensorContents has no list of it`,
    );
  }
  const list = contents?.[field] ?? [];
  const count = elementCount(shape);
  if (list.length !== count) {
    throw invalidArgument(
      `${name} of shape ${shapeText(shape)} takes ${count} entries of ${protoName(field)}, but ${list.length} came`,
    );
  }
  if (dtype === "string") return { dtype, shape, data: list as Uint8Array[] };
  const data = allocate(dtype, count);
  for (let i = 0; i < count; i++) data[i] = list[i] as never;
  const isNarrow = data.BYTES_PER_ELEMENT < 4 && dtype !== "bool";
  // A typed array takes an integer that is too large for what is left of it.
  const wrong = isNarrow ? list.findIndex((value, i) => value !== data[i]) : -1;
  if (wrong >= 0) throw invalidArgument(`entry ${wrong} of ${protoName(field)} is beyond ${name}`);
  return { dtype, shape, data } as Tensor;
}

function protoName(field: string): string {
  return field.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`);
}

/** The contents of a tensor whose datatype has a list. */
export function contentsOf(
  { dtype, contents: field }: Datatype,
  { data }: Tensor,
): MessageInitShape<typeof InferTensorContentsSchema> {
  if (field === undefined) return {};
  const values =
    dtype === "bool" ? Array.from(data as Uint8Array, (byte) => byte !== 0) : Array.from<unknown>(data);
  return { [field]: values };
}
