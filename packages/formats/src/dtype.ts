/**
 * TensorFlow's element types as one table. Numbers are those of `DataType` in tensorflow/core/framework/types.proto,
 * names those of `tf.DType.name`.
 *
 * How elements lie in memory here: float16 and bfloat16 as their 16 bits; the 8-bit floats as their 8 bits; types
 * of 2 and 4 bits one a byte, signed ones sign-extended; complex numbers as (real, imaginary) pairs; bool as 0 or 1;
 * strings as byte arrays.
 */
import { invalidArgument } from "./status.js";

/** The typed array, or list of byte strings, that holds the elements of each dtype. */
export interface DTypeArrays {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  int16: Int16Array;
  int8: Int8Array;
  string: Uint8Array[];
  complex64: Float32Array;
  int64: BigInt64Array;
  bool: Uint8Array;
  qint8: Int8Array;
  quint8: Uint8Array;
  qint32: Int32Array;
  bfloat16: Uint16Array;
  qint16: Int16Array;
  quint16: Uint16Array;
  uint16: Uint16Array;
  complex128: Float64Array;
  float16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  float8_e5m2: Uint8Array;
  float8_e4m3fn: Uint8Array;
  float8_e4m3fnuz: Uint8Array;
  float8_e4m3b11fnuz: Uint8Array;
  float8_e5m2fnuz: Uint8Array;
  int4: Int8Array;
  uint4: Uint8Array;
  int2: Int8Array;
  uint2: Uint8Array;
  float4_e2m1fn: Uint8Array;
}

/** Element types of tensors with values. TensorFlow's DT_RESOURCE and DT_VARIANT hold handles and are not here. */
export type DType = keyof DTypeArrays;

/** The memory of a tensor: a typed array, or one byte string per element. */
export type TensorData = DTypeArrays[DType];
/** Typed arrays that can hold numeric elements. */
export type NumericData = Exclude<TensorData, Uint8Array[]>;

type ArrayConstructor = new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => NumericData;

/** One row: a dtype and its facts. */
export interface DTypeInfo {
  readonly name: DType;
  /** `DataType` enum value. */
  readonly number: number;
  /** Enum name without the DT_ prefix, as in TensorFlow's messages and JSON. */
  readonly enumName: string;
  /** Bytes per element in memory, in `tensor_content` and in checkpoints; 0 for strings. */
  readonly size: number;
  /** Bits of an element that mean something: 8 × size, fewer for the types of 2 and 4 bits. */
  readonly bits: number;
  /** Array entries per element: 2 for complex numbers. */
  readonly lanes: 1 | 2;
  readonly kind: "float" | "int" | "uint" | "bool" | "complex" | "string" | "quantized";
  readonly array: ArrayConstructor | undefined;
}

const row = (
  name: DType,
  number: number,
  enumName: string,
  size: number,
  kind: DTypeInfo["kind"],
  array: unknown,
  bits = 8 * size,
): DTypeInfo => ({
  name,
  number,
  enumName,
  size,
  bits,
  lanes: kind === "complex" ? 2 : 1,
  kind,
  array: array as ArrayConstructor | undefined,
});

const rows: readonly DTypeInfo[] = [
  row("float32", 1, "FLOAT", 4, "float", Float32Array),
  row("float64", 2, "DOUBLE", 8, "float", Float64Array),
  row("int32", 3, "INT32", 4, "int", Int32Array),
  row("uint8", 4, "UINT8", 1, "uint", Uint8Array),
  row("int16", 5, "INT16", 2, "int", Int16Array),
  row("int8", 6, "INT8", 1, "int", Int8Array),
  row("string", 7, "STRING", 0, "string", undefined),
  row("complex64", 8, "COMPLEX64", 8, "complex", Float32Array),
  row("int64", 9, "INT64", 8, "int", BigInt64Array),
  row("bool", 10, "BOOL", 1, "bool", Uint8Array),
  row("qint8", 11, "QINT8", 1, "quantized", Int8Array),
  row("quint8", 12, "QUINT8", 1, "quantized", Uint8Array),
  row("qint32", 13, "QINT32", 4, "quantized", Int32Array),
  row("bfloat16", 14, "BFLOAT16", 2, "float", Uint16Array),
  row("qint16", 15, "QINT16", 2, "quantized", Int16Array),
  row("quint16", 16, "QUINT16", 2, "quantized", Uint16Array),
  row("uint16", 17, "UINT16", 2, "uint", Uint16Array),
  row("complex128", 18, "COMPLEX128", 16, "complex", Float64Array),
  row("float16", 19, "HALF", 2, "float", Uint16Array),
  row("uint32", 22, "UINT32", 4, "uint", Uint32Array),
  row("uint64", 23, "UINT64", 8, "uint", BigUint64Array),
  row("float8_e5m2", 24, "FLOAT8_E5M2", 1, "float", Uint8Array),
  row("float8_e4m3fn", 25, "FLOAT8_E4M3FN", 1, "float", Uint8Array),
  row("float8_e4m3fnuz", 26, "FLOAT8_E4M3FNUZ", 1, "float", Uint8Array),
  row("float8_e4m3b11fnuz", 27, "FLOAT8_E4M3B11FNUZ", 1, "float", Uint8Array),
  row("float8_e5m2fnuz", 28, "FLOAT8_E5M2FNUZ", 1, "float", Uint8Array),
  row("int4", 29, "INT4", 1, "int", Int8Array, 4),
  row("uint4", 30, "UINT4", 1, "uint", Uint8Array, 4),
  row("int2", 31, "INT2", 1, "int", Int8Array, 2),
  row("uint2", 32, "UINT2", 1, "uint", Uint8Array, 2),
  row("float4_e2m1fn", 33, "FLOAT4_E2M1FN", 1, "float", Uint8Array, 4),
];

const byName = new Map<string, DTypeInfo>(rows.map((r) => [r.name, r]));
const byNumber = new Map<number, DTypeInfo>(rows.map((r) => [r.number, r]));
const byEnumName = new Map<string, DTypeInfo>(rows.map((r) => [r.enumName, r]));

/** `DataType` numbers of the types that hold no values, and the offset of reference types (TF1 variables). */
export const DT_INVALID = 0;
export const DT_RESOURCE = 20;
export const DT_VARIANT = 21;
const REF_OFFSET = 100;

/** All dtypes, in the order of their numbers. */
export const dtypes: readonly DTypeInfo[] = rows;

/**
 * The facts of a dtype.
 *
 * @example
 * const { size, lanes, kind } = dtypeInfo("complex64");
 * assert.deepEqual([size, lanes, kind], [8, 2, "complex"]);
 */
export function dtypeInfo(dtype: DType): DTypeInfo {
  return byName.get(dtype) as DTypeInfo;
}

/**
 * The dtype of a `DataType` number, reference types (DT_FLOAT_REF …) as their base type; undefined for
 * DT_INVALID, DT_RESOURCE, DT_VARIANT and unknown numbers.
 *
 * @example
 * assert.equal(dtypeFromNumber(1), "float32");
 * assert.equal(dtypeFromNumber(20), undefined);
 */
export function dtypeFromNumber(number: number): DType | undefined {
  return byNumber.get(number > REF_OFFSET ? number - REF_OFFSET : number)?.name;
}

/**
 * Like dtypeFromNumber, but INVALID_ARGUMENT, naming `where`, when the number has no values.
 *
 * @example
 * assert.equal(requireDtype(9, "input x"), "int64");
 * assert.throws(() => requireDtype(20, "input x"), /input x: DT_RESOURCE is not a tensor dtype/);
 */
export function requireDtype(number: number, where: string): DType {
  const dtype = dtypeFromNumber(number);
  if (dtype === undefined) throw invalidArgument(`${where}: ${dataTypeName(number)} is not a tensor dtype`);
  return dtype;
}

/**
 * "DT_FLOAT" for 1, "DT_FLOAT_REF" for 101; "DataType 77" for what nobody knows.
 *
 * @example
 * assert.equal(dataTypeName(101), "DT_FLOAT_REF");
 */
export function dataTypeName(number: number): string {
  if (number === DT_INVALID) return "DT_INVALID";
  if (number === DT_RESOURCE) return "DT_RESOURCE";
  if (number === DT_VARIANT) return "DT_VARIANT";
  const info = byNumber.get(number > REF_OFFSET ? number - REF_OFFSET : number);
  if (info === undefined) return `DataType ${number}`;
  return number > REF_OFFSET ? `DT_${info.enumName}_REF` : `DT_${info.enumName}`;
}

/**
 * The dtype with a TensorFlow name: "DT_FLOAT", "FLOAT" or "float32". Undefined when there is none.
 *
 * @example
 * assert.equal(dtypeFromName("DT_HALF"), "float16");
 */
export function dtypeFromName(name: string): DType | undefined {
  return byEnumName.get(name.startsWith("DT_") ? name.slice(3) : name)?.name ?? byName.get(name)?.name;
}

/**
 * The `DataType` number of a dtype.
 *
 * @example
 * assert.equal(dtypeNumber("string"), 7);
 */
export function dtypeNumber(dtype: DType): number {
  return dtypeInfo(dtype).number;
}
