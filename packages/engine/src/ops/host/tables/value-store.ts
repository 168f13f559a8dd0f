/** The values of a table, by slot: typed arrays that grow; strings one character a byte, which halves a vocabulary. */
import { allocate, type DType, dtypeInfo, type NumericData, type TensorData } from "@servable/formats";
import { bytesOfLatin1, latin1Of } from "../byte-strings.js";
import { copyEntries } from "../element-memory.js";

export interface ValueStore {
  /** Array entries per value. */
  readonly entries: number;
  write(slot: number, source: TensorData, from: number): void;
  read(slot: number, target: TensorData, at: number): void;
  /** Whether a slot's value is the one at `from` of `source`. */
  holds(slot: number, source: TensorData, from: number): boolean;
}

/** A store of values of `width` elements each. */
export function valueStore(dtype: DType, width: number): ValueStore {
  return dtype === "string"
    ? new StringStore(width)
    : new NumericStore(dtype, width * dtypeInfo(dtype).lanes);
}

class StringStore implements ValueStore {
  private readonly texts: string[] = [];

  constructor(readonly entries: number) {}

  write(slot: number, source: TensorData, from: number): void {
    for (let i = 0; i < this.entries; i++) {
      this.texts[slot * this.entries + i] = latin1Of((source as Uint8Array[])[from + i] as Uint8Array);
    }
  }

  read(slot: number, target: TensorData, at: number): void {
    for (let i = 0; i < this.entries; i++) {
      (target as Uint8Array[])[at + i] = bytesOfLatin1(this.texts[slot * this.entries + i] as string);
    }
  }

  holds(slot: number, source: TensorData, from: number): boolean {
    for (let i = 0; i < this.entries; i++) {
      const text = latin1Of((source as Uint8Array[])[from + i] as Uint8Array);
      if (text !== this.texts[slot * this.entries + i]) return false;
    }
    return true;
  }
}

const FIRST_CAPACITY = 64;

class NumericStore implements ValueStore {
  private data: NumericData;

  constructor(
    private readonly dtype: DType,
    readonly entries: number,
  ) {
    this.data = this.withCapacity(FIRST_CAPACITY * entries);
  }

  write(slot: number, source: TensorData, from: number): void {
    const at = slot * this.entries;
    if (at + this.entries > this.data.length) {
      const grown = this.withCapacity(Math.max(2 * this.data.length, at + this.entries));
      copyEntries(grown, 0, this.data, 0, this.data.length);
      this.data = grown;
    }
    copyEntries(this.data, at, source, from, this.entries);
  }

  read(slot: number, target: TensorData, at: number): void {
    copyEntries(target, at, this.data, slot * this.entries, this.entries);
  }

  holds(slot: number, source: TensorData, from: number): boolean {
    const entries = source as NumericData;
    for (let i = 0; i < this.entries; i++) {
      if (this.data[slot * this.entries + i] !== entries[from + i]) return false;
    }
    return true;
  }

  private withCapacity(entries: number): NumericData {
    const { lanes } = dtypeInfo(this.dtype);
    return allocate(this.dtype, Math.ceil(entries / lanes)) as NumericData;
  }
}
