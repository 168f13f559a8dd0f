/**
 * The datatypes of the Open Inference Protocol and what they are here (document: Open Inference Protocol v2, "Tensor
 * Data Types"; BF16 is in its gRPC part alone, and taken over REST too). Every other dtype has none.
 */
import {
  type DType,
  dtypeInfo,
  elementCount,
  invalidArgument,
  type Shape,
  unimplemented,
} from "@servable/formats";
import type { InferTensorContents } from "@servable/formats/protobuf/open_inference_grpc_pb";

/** A field of InferTensorContents. */
export type ContentsField = Exclude<keyof InferTensorContents, "$typeName" | "$unknown">;

export interface Datatype {
  readonly name: string;
  readonly dtype: DType;
  /** Where a message has the elements of this type; 16-bit floats have no field and travel as bytes alone. */
  readonly contents: ContentsField | undefined;
}

const rows: readonly Datatype[] = [
  { name: "BOOL", dtype: "bool", contents: "boolContents" },
  { name: "UINT8", dtype: "uint8", contents: "uintContents" },
  { name: "UINT16", dtype: "uint16", contents: "uintContents" },
  { name: "UINT32", dtype: "uint32", contents: "uintContents" },
  { name: "UINT64", dtype: "uint64", contents: "uint64Contents" },
  { name: "INT8", dtype: "int8", contents: "intContents" },
  { name: "INT16", dtype: "int16", contents: "intContents" },
  { name: "INT32", dtype: "int32", contents: "intContents" },
  { name: "INT64", dtype: "int64", contents: "int64Contents" },
  { name: "FP16", dtype: "float16", contents: undefined },
  { name: "FP32", dtype: "float32", contents: "fp32Contents" },
  { name: "FP64", dtype: "float64", contents: "fp64Contents" },
  { name: "BYTES", dtype: "string", contents: "bytesContents" },
  { name: "BF16", dtype: "bfloat16", contents: undefined },
];

const byName = new Map(rows.map((row) => [row.name, row]));
const byDtype = new Map(rows.map((row) => [row.dtype, row]));

/** Of what a request calls its datatype. */
const MAX_NAME_CHARACTERS = 16;

/** The datatype of a name. INVALID_ARGUMENT when there is none. */
export function datatypeOf(name: string): Datatype {
  const datatype = byName.get(name);
  if (datatype === undefined) {
    const given = JSON.stringify(name.slice(0, MAX_NAME_CHARACTERS));
    throw invalidArgument(`datatype ${given} is none of ${[...byName.keys()].join(", ")}`);
  }
  return datatype;
}

/** The datatype that a tensor has on the wire. UNIMPLEMENTED, naming the tensor, for dtypes that have none. */
export function datatypeOfDtype(dtype: DType, tensorName: string): Datatype {
  const datatype = byDtype.get(dtype);
  if (datatype === undefined) {
    throw unimplemented(
      `output "${tensorName}" is ${dtype}, for which the Open Inference Protocol has no datatype`,
    );
  }
  return datatype;
}

/** How metadata calls a dtype: its datatype, or TensorFlow's name where the protocol has none. */
export function datatypeText(dtype: DType): string {
  return byDtype.get(dtype)?.name ?? dtypeInfo(dtype).enumName;
}

/** Dimensions of a tensor, at most: TensorFlow's limit. */
export const MAX_RANK = 254;

/** The shape that a request gives. INVALID_ARGUMENT for one that no tensor has. */
export function shapeOf(sizes: readonly (number | bigint)[]): Shape {
  if (sizes.length > MAX_RANK) {
    throw invalidArgument(`the shape has more than ${MAX_RANK} dimensions`);
  }
  const shape = sizes.map(Number);
  elementCount(shape);
  return shape;
}
