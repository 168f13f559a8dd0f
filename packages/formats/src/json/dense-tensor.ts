/**
 * One dense tensor out of a JSON value: a scalar, or lists nested as deep as the tensor has dimensions. The dtype
 * directs how values are read; see tensor-json.ts for the rules.
 */
import { decodeBase64 } from "../base64.js";
import { type DType, dtypeInfo, type NumericData } from "../dtype.js";
import { fromFloat32, isSmallFloat } from "../float16.js";
import { elementCount, type Shape, sameShape, shapeText } from "../shape.js";
import { invalidArgument, StatusError, unimplemented } from "../status.js";
import { allocate, type Tensor } from "../tensor.js";
import {
  entryAt,
  isArray,
  isObject,
  type JsonArray,
  JsonNumber,
  type JsonObject,
  JsonString,
  type JsonValue,
  NumberKind,
  NumberRun,
  typeName,
} from "./json-document.js";

/**
 * One tensor out of `rows`, of which there is at least one, each of the shape of the first.
 *
 * @param errorOf says in which row an error occurred
 */
export function stackRows(
  rows: JsonArray | NumberRun,
  dtype: DType,
  errorOf: (index: number, status: StatusError) => StatusError,
): Tensor {
  if (rows instanceof NumberRun) return denseTensor(rows, dtype);
  const rowShape = shapeOf(entryAt(rows, 0));
  const rowSize = elementCount(rowShape);
  const forEachRow = (step: (row: JsonValue, index: number) => void) => {
    for (const [index, row] of rows.entries()) {
      try {
        step(row, index);
      } catch (reason) {
        throw reason instanceof StatusError ? errorOf(index, reason) : reason;
      }
    }
  };
  forEachRow((row) => {
    const own = shapeOf(row);
    checkSameShape(rowShape, own);
    checkRegular(row, own, 0);
  });
  // Only now is the shape more than a claim of the first row, and safe to allocate for.
  const shape = [rows.length, ...rowShape];
  const data = allocate(dtype, elementCount(shape));
  forEachRow((row, index) => fill(data, index * rowSize, row, dtype));
  return { dtype, shape, data } as Tensor;
}

function checkSameShape(expected: Shape, own: Shape): void {
  if (elementCount(expected) !== elementCount(own)) {
    throw invalidArgument(`Expecting tensor size: ${elementCount(expected)} but got: ${elementCount(own)}`);
  }
  if (!sameShape(expected, own)) {
    throw invalidArgument(`Expecting shape ${shapeText(expected)} but got: ${shapeText(own)}`);
  }
}

/** A tensor of a value or of nested lists. */
export function denseTensor(value: JsonValue, dtype: DType): Tensor {
  const shape = shapeOf(value);
  checkRegular(value, shape, 0);
  const data = allocate(dtype, elementCount(shape));
  fill(data, 0, value, dtype);
  return { dtype, shape, data } as Tensor;
}

/** The shape by the first entries; whether the others agree is for checkRegular to say. */
function shapeOf(value: JsonValue): number[] {
  const shape: number[] = [];
  let current = value;
  while (isArray(current)) {
    shape.push(current.length);
    if (current instanceof NumberRun || current.length === 0) break;
    current = entryAt(current, 0);
  }
  return shape;
}

/** Every list of the nesting has the length that the shape gives for its level, and values are at the leaves only. */
function checkRegular(value: JsonValue, shape: Shape, level: number): void {
  if (!isArray(value)) {
    if (level === shape.length) return;
    throw invalidArgument(
      `JSON Value of type ${typeName(value)} found at incorrect level: ${level + 1} in the JSON DOM. ` +
        `Expected at level: ${shape.length}`,
    );
  }
  if (level >= shape.length) {
    throw invalidArgument(`Encountered list at unexpected level: ${level} expected < ${shape.length}`);
  }
  if (value.length !== shape[level]) {
    throw invalidArgument(
      `Encountered list at unexpected size: ${value.length} at level: ${level} expected size: ${shape[level]}`,
    );
  }
  if (!(value instanceof NumberRun)) {
    for (const entry of value) checkRegular(entry, shape, level + 1);
  } else if (level + 1 !== shape.length && value.length > 0) {
    throw invalidArgument(
      `JSON Value of type Number found at incorrect level: ${level + 2} in the JSON DOM. ` +
        `Expected at level: ${shape.length}`,
    );
  }
}

/** Writes the leaves of `value` from entry `at` on and returns the entry after the last. */
function fill(data: Tensor["data"], at: number, value: JsonValue, dtype: DType): number {
  if (value instanceof NumberRun) {
    fillRun(data, at, value, dtype);
    return at + value.length;
  }
  if (isArray(value)) {
    let next = at;
    for (const entry of value as readonly JsonValue[]) next = fill(data, next, entry, dtype);
    return next;
  }
  fillOne(data, at, value, dtype);
  return at + 1;
}

function fillRun(data: Tensor["data"], at: number, run: NumberRun, dtype: DType): void {
  if (dtype === "float32" || dtype === "float64") {
    const bound = dtype === "float32" ? FLOAT32 : FLOAT64;
    const { values, kinds } = run.pool;
    const out = data as Float32Array | Float64Array;
    for (let from = run.start, to = at; from < run.end; from++, to++) {
      const value = values[from] as number;
      // Within these bounds either way of writing a number is exact enough: no need to look closer.
      if (!(Math.abs(value) <= bound.maxInteger)) checkLossless(value, kinds[from] as NumberKind, bound);
      out[to] = value;
    }
    return;
  }
  for (let index = 0; index < run.length; index++) {
    fillOne(data, at + index, run.pool.at(run.start + index), dtype);
  }
}

interface FloatBounds {
  readonly name: string;
  /** Largest integer literal that is taken: all smaller ones are exact. */
  readonly maxInteger: number;
  readonly max: number;
}

const FLOAT32: FloatBounds = { name: "float", maxInteger: 2 ** 24 - 1, max: 3.4028234663852886e38 };
const FLOAT64: FloatBounds = { name: "double", maxInteger: 2 ** 53 - 1, max: Number.MAX_VALUE };
/** The float types that JSON is read into. */
const floatBounds: Partial<Record<DType, FloatBounds>> = {
  float32: FLOAT32,
  float64: FLOAT64,
  float16: { name: "half", maxInteger: 2 ** 11 - 1, max: 65_504 },
  bfloat16: { name: "bfloat16", maxInteger: 2 ** 8 - 1, max: 3.3895313892515355e38 },
};

function checkLossless(value: number, kind: NumberKind, bounds: FloatBounds): void {
  if (!Number.isFinite(value)) return;
  const limit = kind === NumberKind.DECIMAL ? bounds.max : bounds.maxInteger;
  if (Math.abs(value) > limit) {
    throw invalidArgument(`Cannot convert JSON value to ${bounds.name} without loss of precision.`);
  }
}

/** Smallest and largest value of the integer types that JSON is read into. */
export const integerRanges: Partial<Record<DType, readonly [bigint, bigint]>> = {
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  uint8: [0n, 2n ** 8n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

function fillOne(data: Tensor["data"], at: number, value: JsonValue, dtype: DType): void {
  if (dtype === "string") {
    (data as Uint8Array[])[at] = bytesOfValue(value, dtype);
    return;
  }
  const out = data as NumericData;
  if (dtype === "bool") {
    if (typeof value !== "boolean") throw typeError(value, dtype);
    out[at] = value ? 1 : 0;
    return;
  }
  const range = integerRanges[dtype];
  if (range !== undefined) {
    if (!(value instanceof JsonNumber) || !value.isInteger) throw typeError(value, dtype);
    const exact = value.integer;
    if (exact < range[0] || exact > range[1]) throw typeError(value, dtype);
    out[at] = out instanceof BigInt64Array || out instanceof BigUint64Array ? exact : Number(exact);
    return;
  }
  fillFloat(out, at, value, dtype);
}

function fillFloat(out: NumericData, at: number, value: JsonValue, dtype: DType): void {
  const bounds = floatBounds[dtype];
  if (bounds === undefined) {
    throw unimplemented(`Conversion of JSON Value to type: ${dtypeText(dtype)} is not implemented`);
  }
  if (!(value instanceof JsonNumber)) throw typeError(value, dtype);
  checkLossless(value.value, value.kind, bounds);
  out[at] = isSmallFloat(dtype) ? (fromFloat32(dtype, [value.value])[0] as number) : value.value;
}

/** A string's bytes: of text, or of `{"b64": …}`. */
export function bytesOfValue(value: JsonValue, dtype: DType): Uint8Array {
  if (value instanceof JsonString) return value.bytes();
  if (!isObject(value)) throw typeError(value, dtype);
  const encoded = base64Of(value);
  if (encoded === undefined) {
    throw invalidArgument("JSON Value: Object not formatted correctly for base64 data");
  }
  const bytes = decodeBase64(encoded.bytes());
  if (bytes === undefined) throw invalidArgument("Unable to base64 decode");
  return bytes;
}

/** The string of `{"b64": "…"}`, undefined when the object is anything else. */
export function base64Of(value: JsonObject): JsonString | undefined {
  const encoded = value.size === 1 ? value.get("b64") : undefined;
  return encoded instanceof JsonString ? encoded : undefined;
}

function typeError(value: JsonValue, dtype: DType): StatusError {
  const written = value instanceof JsonNumber ? (value.isInteger ? " (integer)" : " (decimal)") : "";
  return invalidArgument(
    `JSON Value Type: ${typeName(value)}${written} is not of expected type: ${dtypeText(dtype)}`,
  );
}

/** "float" for DT_FLOAT: how TensorFlow's messages call dtypes. */
export function dtypeText(dtype: DType): string {
  return dtypeInfo(dtype).enumName.toLowerCase();
}
