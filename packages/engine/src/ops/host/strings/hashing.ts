/** Ops that hash strings and tensors. The hash functions: ../hashing. */
import {
  bytesOf,
  elementCount,
  invalidArgument,
  type NumericTensor,
  shapeText,
  type Tensor,
} from "@servable/formats";
import { fingerprint64 } from "@servable/formats/hashing/farm-hash";
import { fromBigInt, modulo, toBigInt, type Uint64 } from "@servable/formats/hashing/uint64";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { sipHash } from "../hashing/keyed-hash.js";
import { legacyHash64 } from "../hashing/legacy-hash.js";
import { int64Tensor } from "../index-data.js";
import { compute, type TensorFunction } from "../kernel.js";
import { stringsOf } from "./map-strings.js";

function hashBuckets(makeHash: (node: NodeFacts) => (bytes: Uint8Array) => Uint64): HostTable[string] {
  return compute((node) => {
    const hash = makeHash(node);
    const buckets = node.attrs.raw("num_buckets")?.value;
    // Past 2^53 the number itself would be rounded: such remainders are taken of bigints.
    const exact = buckets?.case === "i" ? buckets.value : 1n;
    const count = Number(exact);
    return (input) => {
      const { shape, data } = stringsOf(input);
      if (count > Number.MAX_SAFE_INTEGER) return hugeBuckets(shape, data, hash, exact);
      const numbers = new Float64Array(data.length);
      for (let i = 0; i < data.length; i++) numbers[i] = modulo(hash(data[i] as Uint8Array), count);
      return int64Tensor(shape, numbers);
    };
  });
}

function hugeBuckets(
  shape: readonly number[],
  data: readonly Uint8Array[],
  hash: (bytes: Uint8Array) => Uint64,
  buckets: bigint,
): Tensor {
  return tensorOver(
    "int64",
    shape,
    BigInt64Array.from(data, (bytes) => toBigInt(hash(bytes)) % buckets),
  );
}

function strongHash({ attrs }: NodeFacts): (bytes: Uint8Array) => Uint64 {
  const list = attrs.raw("key")?.value;
  const key = list?.case === "list" ? list.value.i : [];
  const [first, second] = key;
  if (key.length !== 2 || first === undefined || second === undefined) {
    throw invalidArgument(`Key must have 2 elements, got ${key.length}`);
  }
  const words = [fromBigInt(first), fromBigInt(second)] as const;
  return (bytes) => sipHash(words, bytes);
}

// ---- Fingerprint ---------------------------------------------------------------------------------------------

const FINGERPRINT_BYTES = 8;

/** Eight bytes for each row: the fingerprint of its bytes, or of the fingerprints of its strings. */
const fingerprint: TensorFunction = (dataInput, methodInput) => {
  const data = dataInput as Tensor;
  const method = Buffer.from(stringsOf(methodInput).data[0] ?? []).toString();
  if (method !== "farmhash64") throw invalidArgument(`Unsupported fingerprint method: ${method}`);
  const rows = data.shape[0];
  if (rows === undefined) {
    throw invalidArgument(`\`data\` should have at least one dimension: ${shapeText(data.shape)}`);
  }
  const width = elementCount(data.shape.slice(1));
  const out = new Uint8Array(rows * FINGERPRINT_BYTES);
  const bytesOfRow = data.dtype === "string" ? rowOfStrings(data.data, width) : rowOfNumbers(data, rows);
  for (let row = 0; row < rows; row++)
    writeUint64(fingerprint64(bytesOfRow(row)), out, row * FINGERPRINT_BYTES);
  return tensorOver("uint8", [rows, FINGERPRINT_BYTES], out);
};

function rowOfNumbers(data: NumericTensor, rows: number): (row: number) => Uint8Array {
  const bytes = bytesOf(data.data);
  const size = bytes.length / Math.max(1, rows);
  return (row) => bytes.subarray(row * size, (row + 1) * size);
}

function rowOfStrings(data: readonly Uint8Array[], width: number): (row: number) => Uint8Array {
  if (width === 1) return (row) => data[row] as Uint8Array;
  return (row) => {
    const joined = new Uint8Array(width * FINGERPRINT_BYTES);
    for (let i = 0; i < width; i++) {
      writeUint64(fingerprint64(data[row * width + i] as Uint8Array), joined, i * FINGERPRINT_BYTES);
    }
    return joined;
  };
}

/** Little-endian. */
function writeUint64({ high, low }: Uint64, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 4; i++) {
    bytes[at + i] = low >>> (8 * i);
    bytes[at + 4 + i] = high >>> (8 * i);
  }
}

export const hashingKernels: HostTable = {
  StringToHashBucket: hashBuckets(() => legacyHash64),
  StringToHashBucketFast: hashBuckets(() => fingerprint64),
  StringToHashBucketStrong: hashBuckets(strongHash),
  Fingerprint: compute(() => fingerprint),
};
