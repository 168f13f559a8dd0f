/** Bytes in strings as tensors: DecodeRaw, DecodePaddedRaw, DecodeCompressed, base64. CSV: csv.ts. */
import { constants, gunzipSync, inflateSync, type ZlibOptions } from "node:zlib";
import {
  type DType,
  dataFromBytes,
  dataLoss,
  dtypeInfo,
  invalidArgument,
  resourceExhausted,
  type Tensor,
  unimplemented,
} from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { bytesOfLatin1, latin1Of } from "../byte-strings.js";
import { tensorOver } from "../element-memory.js";
import { compute, countOf, integerOf, outputDtype, type TensorFunction } from "../kernel.js";
import { mapStrings, stringsOf } from "./map-strings.js";

// ---- raw -----------------------------------------------------------------------------------------------------

type FixedDType = Exclude<DType, "string">;

/** The elements of one row of bytes after another, swapped where the machine's order is another. */
function fromBytes(dtype: FixedDType, bytes: Uint8Array, littleEndian: boolean): Tensor["data"] {
  const { size, lanes, kind } = dtypeInfo(dtype);
  const unit = size / lanes;
  if (!littleEndian && unit > 1) {
    for (let at = 0; at < bytes.length; at += unit) bytes.subarray(at, at + unit).reverse();
  }
  // Any other byte than 0 is true.
  if (kind === "bool") return bytes.map((byte) => (byte === 0 ? 0 : 1));
  return dataFromBytes(dtype, bytes);
}

function decodeRaw(node: NodeFacts): TensorFunction {
  const dtype = outputDtype(node) as FixedDType;
  const littleEndian = node.attrs.bool("little_endian");
  const { size } = dtypeInfo(dtype);
  if (size === 0) throw unimplemented("DecodeRaw to strings");
  return (input) => {
    const { shape, data } = stringsOf(input);
    const length = data[0]?.length ?? 0;
    const other = data.findIndex((row) => row.length !== length);
    if (other >= 0) {
      throw invalidArgument(
        `DecodeRaw requires input strings to all be the same size, but element ${other} has size ${data[other]?.length} != ${length}`,
      );
    }
    if (length % size !== 0) {
      throw invalidArgument(
        `Input to DecodeRaw has length ${length} that is not a multiple of ${size}, the size of ${dtype}`,
      );
    }
    const bytes = new Uint8Array(data.length * length);
    for (const [i, row] of data.entries()) bytes.set(row, i * length);
    return tensorOver(dtype, [...shape, length / size], fromBytes(dtype, bytes, littleEndian));
  };
}

/** Each row cut or filled with zeros to one length. */
function decodePaddedRaw(node: NodeFacts): TensorFunction {
  const dtype = outputDtype(node) as FixedDType;
  const littleEndian = node.attrs.bool("little_endian");
  const { size } = dtypeInfo(dtype);
  return (input, lengthInput) => {
    const { shape, data } = stringsOf(input);
    const length = integerOf(lengthInput, "fixed_length");
    if (length <= 0) throw invalidArgument(`fixed_length (${length}) must be greater than zero.`);
    if (length % size !== 0) {
      throw invalidArgument(`fixed_length (${length}) must be a multiple of the size of out_type (${size})`);
    }
    const bytes = new Uint8Array(countOf([data.length, length]));
    for (const [i, row] of data.entries()) bytes.set(row.subarray(0, length), i * length);
    return tensorOver(dtype, [...shape, length / size], fromBytes(dtype, bytes, littleEndian));
  };
}

// ---- compression ---------------------------------------------------------------------------------------------

/** No string that one request may make by decompressing is longer. */
const MAX_DECOMPRESSED = 1 << 28;

/** What was there of a stream that ends early is given, as TensorFlow does. */
const inflateOptions: ZlibOptions = {
  maxOutputLength: MAX_DECOMPRESSED,
  finishFlush: constants.Z_SYNC_FLUSH,
};

function decodeCompressed({ attrs }: NodeFacts): (bytes: Uint8Array) => Uint8Array {
  const method = attrs.string("compression_type");
  switch (method) {
    case "":
      return (bytes) => bytes;
    case "ZLIB":
      return (bytes) => inflated(() => inflateSync(bytes, inflateOptions));
    case "GZIP":
      return (bytes) => inflated(() => gunzipSync(bytes, inflateOptions));
    case "ZSTD":
      throw unimplemented("compression_type ZSTD");
    default:
      throw invalidArgument(`Only ZLIB, ZSTD, GZIP or NONE are supported compressions, got "${method}"`);
  }
}

function inflated(inflate: () => Uint8Array): Uint8Array {
  try {
    return Uint8Array.from(inflate());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw resourceExhausted(`A string would decompress to more than ${MAX_DECOMPRESSED} bytes`);
    }
    throw dataLoss(`inflate() failed: ${(error as Error).message}`);
  }
}

// ---- base64 --------------------------------------------------------------------------------------------------

const base64Form = /^[A-Za-z0-9_-]*$/;

/** The web-safe alphabet; padding is optional, but complete where it is there. */
function decodeBase64(bytes: Uint8Array): Uint8Array {
  const text = latin1Of(bytes);
  if (text.length % 4 === 1) throw invalidArgument("Base64 string length cannot be 1 modulo 4.");
  const digits = text.length % 4 === 0 ? text.replace(/={1,2}$/, "") : text;
  if (!base64Form.test(digits)) throw invalidArgument("Invalid character found in base64.");
  return Uint8Array.from(Buffer.from(digits, "base64url"));
}

function encodeBase64({ attrs }: NodeFacts): (bytes: Uint8Array) => Uint8Array {
  const pad = attrs.bool("pad");
  return (bytes) => {
    const digits = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");
    return bytesOfLatin1(pad ? digits.padEnd(Math.ceil(digits.length / 4) * 4, "=") : digits);
  };
}

export const decodingKernels: HostTable = {
  DecodeRaw: compute(decodeRaw),
  DecodePaddedRaw: compute(decodePaddedRaw),
  DecodeCompressed: mapStrings(decodeCompressed),
  DecodeBase64: mapStrings(() => decodeBase64),
  EncodeBase64: mapStrings(encodeBase64),
};
