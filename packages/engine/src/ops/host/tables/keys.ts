/** Keys of any dtype as what a JavaScript Map finds quickly: strings, numbers, and bigints past 2^53. */
import { type DType, dtypeInfo, type NumericData, type TensorData } from "@servable/formats";
import { bytesOfLatin1, latin1Of } from "../byte-strings.js";

export type Key = string | number | bigint;

/** How the keys of a table are read from a tensor's memory and written back. Positions count keys. */
export interface KeyForm {
  read(data: TensorData, position: number): Key;
  write(key: Key, data: TensorData, position: number): void;
}

/** Keys of `width` elements each; more than one in dense tables by vectors alone. */
export function keyForm(dtype: DType, width: number): KeyForm {
  if (width !== 1) return dtype === "string" ? stringVectors(width) : numericVectors(dtype, width);
  if (dtype === "string") return strings;
  return dtype === "int64" || dtype === "uint64" ? bigIntegers : numbers;
}

const strings: KeyForm = {
  read: (data, i) => latin1Of((data as Uint8Array[])[i] as Uint8Array),
  write: (key, data, i) => {
    (data as Uint8Array[])[i] = bytesOfLatin1(key as string);
  },
};

/** Small floats by their bits. */
const numbers: KeyForm = {
  read: (data, i) => (data as Float32Array)[i] as number,
  write: (key, data, i) => {
    (data as Float32Array)[i] = key as number;
  },
};

/** A Map finds numbers much quicker than bigints. */
const bigIntegers: KeyForm = {
  read(data, i) {
    const integer = (data as BigInt64Array)[i] as bigint;
    const number = Number(integer);
    return Number.isSafeInteger(number) ? number : integer;
  },
  write(key, data, i) {
    (data as BigInt64Array)[i] = BigInt(key);
  },
};

/** The bytes of the elements, one after another. */
function numericVectors(dtype: DType, width: number): KeyForm {
  const bytes = dtypeInfo(dtype).size * width;
  const view = (data: TensorData): Uint8Array => {
    const { buffer, byteOffset, byteLength } = data as NumericData;
    return new Uint8Array(buffer, byteOffset, byteLength);
  };
  return {
    read: (data, i) => latin1Of(view(data), i * bytes, (i + 1) * bytes),
    write: (key, data, i) => view(data).set(bytesOfLatin1(key as string), i * bytes),
  };
}

/** Each string behind its length. */
function stringVectors(width: number): KeyForm {
  return {
    read(data, i) {
      const texts = (data as Uint8Array[]).slice(i * width, (i + 1) * width).map((bytes) => latin1Of(bytes));
      return texts.map((text) => `${text.length}:${text}`).join("");
    },
    write(key, data, i) {
      let rest = key as string;
      for (let j = 0; j < width; j++) {
        const colon = rest.indexOf(":");
        const end = colon + 1 + Number(rest.slice(0, colon));
        (data as Uint8Array[])[i * width + j] = bytesOfLatin1(rest.slice(colon + 1, end));
        rest = rest.slice(end);
      }
    },
  };
}
