/**
 * Reads FlatBuffers (flatbuffers.dev, "FlatBuffer internals"): tables whose fields are found through vtables, in a
 * buffer that is never copied.
 *
 * The bytes come from anywhere. Every position is checked before it is read, and what may be read in total is bounded:
 * offsets may point at one place from many, so that a small file could stand for an endless amount of tables.
 */
import { dataLoss, resourceExhausted } from "../status.js";
import { decodeText } from "../tensor.js";

const OFFSET_BYTES = 4;
const IDENTIFIER_BYTES = 4;
/** Honest files read each byte about once; parts may be shared. */
const READS_PER_BYTE = 4;
const READ_ALLOWANCE = 2 ** 16;

/** The bytes of one FlatBuffer. */
export class FlatBuffer {
  readonly view: DataView;
  private budget: number;

  /** @param what names the bytes in errors: a file */
  constructor(
    readonly bytes: Uint8Array,
    readonly what: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.budget = READS_PER_BYTE * bytes.byteLength + READ_ALLOWANCE;
  }

  /** The four letters that say what kind of FlatBuffer it is; empty in one that is too short. */
  get identifier(): string {
    return this.bytes.length < OFFSET_BYTES + IDENTIFIER_BYTES
      ? ""
      : String.fromCharCode(...this.bytes.subarray(OFFSET_BYTES, OFFSET_BYTES + IDENTIFIER_BYTES));
  }

  /** The table that the buffer is about. DATA_LOSS when there is none. */
  root(): FlatTable {
    return new FlatTable(this, this.target(0));
  }

  /** Where the offset at `at` leads. */
  target(at: number): number {
    this.require(at, OFFSET_BYTES);
    const target = at + this.view.getUint32(at, true);
    this.require(target, OFFSET_BYTES);
    return target;
  }

  /** DATA_LOSS when the bytes [at, at + length) are not all there. */
  require(at: number, length: number): void {
    if (at >= 0 && at + length <= this.bytes.byteLength) return;
    throw this.damaged(at, `${length} bytes are not inside of the ${this.bytes.byteLength} that there are`);
  }

  /** RESOURCE_EXHAUSTED when far more is read than the buffer has bytes. */
  spend(bytes: number): void {
    this.budget -= bytes;
    if (this.budget < 0)
      throw resourceExhausted(`${this.what}: its tables stand for far more than its bytes`);
  }

  damaged(at: number, problem: string): Error {
    return dataLoss(`${this.what}, byte ${at}: ${problem}`);
  }
}

/** One table. Fields have numbers, in the order of the schema; those that are missing have the schema's default. */
export class FlatTable {
  private readonly vtable: number;
  private readonly vtableBytes: number;

  constructor(
    readonly buffer: FlatBuffer,
    private readonly position: number,
  ) {
    const { view } = buffer;
    buffer.spend(OFFSET_BYTES);
    buffer.require(position, OFFSET_BYTES);
    this.vtable = position - view.getInt32(position, true);
    buffer.require(this.vtable, 4);
    this.vtableBytes = view.getUint16(this.vtable, true);
    if (this.vtableBytes < 4 || this.vtableBytes % 2 !== 0)
      throw buffer.damaged(this.vtable, `a vtable of ${this.vtableBytes} bytes`);
    buffer.require(this.vtable, this.vtableBytes);
  }

  has(field: number): boolean {
    return this.offset(field) !== 0;
  }

  bool(field: number, absent = false): boolean {
    return this.scalar(field, 1, Number(absent), (view, at) => view.getUint8(at)) !== 0;
  }

  int8(field: number, absent = 0): number {
    return this.scalar(field, 1, absent, (view, at) => view.getInt8(at));
  }

  uint8(field: number, absent = 0): number {
    return this.scalar(field, 1, absent, (view, at) => view.getUint8(at));
  }

  int32(field: number, absent = 0): number {
    return this.scalar(field, 4, absent, (view, at) => view.getInt32(at, true));
  }

  uint32(field: number, absent = 0): number {
    return this.scalar(field, 4, absent, (view, at) => view.getUint32(at, true));
  }

  /** As a number: positions and sizes. DATA_LOSS for what is no safe integer. */
  uint64(field: number): number {
    return this.scalar(field, 8, 0, (view, at) => {
      const value = Number(view.getBigUint64(at, true));
      if (!Number.isSafeInteger(value)) throw this.buffer.damaged(at, `${value} is no size`);
      return value;
    });
  }

  float32(field: number, absent = 0): number {
    return this.scalar(field, 4, absent, (view, at) => view.getFloat32(at, true));
  }

  /** Undefined when absent. */
  string(field: number): string | undefined {
    const bytes = this.bytes(field);
    if (bytes === undefined) return undefined;
    this.buffer.spend(bytes.length);
    return decodeText(bytes);
  }

  /** A vector of bytes, as a view; undefined when absent. */
  bytes(field: number): Uint8Array | undefined {
    const vector = this.vector(field, 1);
    return vector && this.buffer.bytes.subarray(vector.start, vector.start + vector.length);
  }

  int32s(field: number): number[] | undefined {
    return this.numbers(field, 4, (view, at) => view.getInt32(at, true));
  }

  float32s(field: number): number[] | undefined {
    return this.numbers(field, 4, (view, at) => view.getFloat32(at, true));
  }

  /** As numbers; DATA_LOSS where one is no safe integer. */
  int64s(field: number): number[] | undefined {
    return this.numbers(field, 8, (view, at) => {
      const value = Number(view.getBigInt64(at, true));
      if (!Number.isSafeInteger(value)) throw this.buffer.damaged(at, `${value} is out of range`);
      return value;
    });
  }

  uint8s(field: number): number[] | undefined {
    return this.numbers(field, 1, (view, at) => view.getUint8(at));
  }

  uint16s(field: number): number[] | undefined {
    return this.numbers(field, 2, (view, at) => view.getUint16(at, true));
  }

  /** Undefined when absent. Tables of a union are read in the same way. */
  table(field: number): FlatTable | undefined {
    const offset = this.offset(field);
    return offset === 0 ? undefined : new FlatTable(this.buffer, this.buffer.target(this.position + offset));
  }

  /** A vector of tables, none when absent. */
  tables(field: number): FlatTable[] {
    const vector = this.vector(field, OFFSET_BYTES);
    if (vector === undefined) return [];
    this.buffer.spend(OFFSET_BYTES * vector.length);
    return Array.from(
      { length: vector.length },
      (_, i) => new FlatTable(this.buffer, this.buffer.target(vector.start + OFFSET_BYTES * i)),
    );
  }

  private numbers(
    field: number,
    size: number,
    read: (view: DataView, at: number) => number,
  ): number[] | undefined {
    const vector = this.vector(field, size);
    if (vector === undefined) return undefined;
    this.buffer.spend(size * vector.length);
    return Array.from({ length: vector.length }, (_, i) => read(this.buffer.view, vector.start + size * i));
  }

  private vector(field: number, size: number): { start: number; length: number } | undefined {
    const offset = this.offset(field);
    if (offset === 0) return undefined;
    const at = this.buffer.target(this.position + offset);
    const length = this.buffer.view.getUint32(at, true);
    this.buffer.require(at + OFFSET_BYTES, size * length);
    return { start: at + OFFSET_BYTES, length };
  }

  private scalar(
    field: number,
    size: number,
    absent: number,
    read: (view: DataView, at: number) => number,
  ): number {
    const offset = this.offset(field);
    if (offset === 0) return absent;
    const at = this.position + offset;
    this.buffer.require(at, size);
    return read(this.buffer.view, at);
  }

  /** Of a field from the table's beginning; 0 when it is absent. */
  private offset(field: number): number {
    const at = 4 + 2 * field;
    return at + 2 > this.vtableBytes ? 0 : this.buffer.view.getUint16(this.vtable + at, true);
  }
}
