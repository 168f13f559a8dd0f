/**
 * Writes FlatBuffers for tests, as a tree of values: what is said is what is written, whether it makes sense or not.
 * Parents come before their children, for offsets lead forwards.
 */

/** A scalar of so many bytes, or something that lies elsewhere. */
export type FlatField =
  | { readonly bytes: Uint8Array }
  | { readonly string: string }
  | { readonly vector: Uint8Array; readonly size: number }
  | { readonly tables: readonly FlatFields[] }
  | { readonly table: FlatFields };

/** Fields of a table by number. */
export type FlatFields = Readonly<Record<number, FlatField>>;

const little = (length: number, write: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(length);
  write(new DataView(bytes.buffer));
  return bytes;
};

export const int8 = (value: number): FlatField => ({ bytes: Uint8Array.of(value) });
export const int32 = (value: number): FlatField => ({
  bytes: little(4, (view) => view.setInt32(0, value, true)),
});
export const uint64 = (value: bigint): FlatField => ({
  bytes: little(8, (view) => view.setBigUint64(0, value, true)),
});
export const float32 = (value: number): FlatField => ({
  bytes: little(4, (view) => view.setFloat32(0, value, true)),
});
export const text = (string: string): FlatField => ({ string });
export const bytes = (...values: number[]): FlatField => ({ vector: Uint8Array.from(values), size: 1 });
export const int32s = (...values: number[]): FlatField => ({
  vector: new Uint8Array(Int32Array.from(values).buffer),
  size: 4,
});
export const float32s = (...values: number[]): FlatField => ({
  vector: new Uint8Array(Float32Array.from(values).buffer),
  size: 4,
});
export const int64s = (...values: bigint[]): FlatField => ({
  vector: new Uint8Array(BigInt64Array.from(values).buffer),
  size: 8,
});
export const table = (fields: FlatFields): FlatField => ({ table: fields });
export const tables = (...fields: FlatFields[]): FlatField => ({ tables: fields });

/** The bytes of a FlatBuffer with this root. */
export function writeFlatBuffer(root: FlatFields, identifier = "TFL3"): Uint8Array {
  const writer = new FlatWriter();
  const offset = writer.reserve(4);
  writer.append(new TextEncoder().encode(identifier));
  writer.point(offset, writer.table(root));
  return writer.bytes();
}

class FlatWriter {
  private readonly content: number[] = [];

  bytes(): Uint8Array {
    return Uint8Array.from(this.content);
  }

  append(bytes: Uint8Array): number {
    const at = this.content.length;
    for (const byte of bytes) this.content.push(byte);
    return at;
  }

  reserve(length: number): number {
    return this.append(new Uint8Array(length));
  }

  /** Writes the offset that leads from `at` to `target`. */
  point(at: number, target: number): void {
    little(4, (view) => view.setUint32(0, target - at, true)).forEach((byte, i) => {
      this.content[at + i] = byte;
    });
  }

  /** A vtable, the table, then all that its fields refer to. */
  table(fields: FlatFields): number {
    const numbers = Object.keys(fields).map(Number);
    const count = Math.max(-1, ...numbers) + 1;
    let size = 4;
    const places = new Map<number, number>();
    for (const number of numbers) {
      places.set(number, size);
      const field = fields[number] as FlatField;
      size += "bytes" in field ? field.bytes.length : 4;
    }
    const vtable = this.reserve(0);
    this.append(shorts(4 + 2 * count, size, ...Array.from({ length: count }, (_, i) => places.get(i) ?? 0)));
    const at = this.append(little(4, (view) => view.setInt32(0, this.content.length - vtable, true)));
    this.reserve(size - 4);
    for (const [number, place] of places) this.field(at + place, fields[number] as FlatField);
    return at;
  }

  private field(at: number, field: FlatField): void {
    if ("bytes" in field) {
      field.bytes.forEach((byte, i) => {
        this.content[at + i] = byte;
      });
    } else if ("table" in field) this.point(at, this.table(field.table));
    else if ("string" in field) this.vector(at, new TextEncoder().encode(field.string), 1);
    else if ("vector" in field) this.vector(at, field.vector, field.size);
    else this.vectorOfTables(at, field.tables);
  }

  private vector(at: number, elements: Uint8Array, size: number): void {
    this.point(at, this.append(little(4, (view) => view.setUint32(0, elements.length / size, true))));
    this.append(elements);
  }

  private vectorOfTables(at: number, elements: readonly FlatFields[]): void {
    this.point(at, this.append(little(4, (view) => view.setUint32(0, elements.length, true))));
    const offsets = this.reserve(4 * elements.length);
    elements.forEach((fields, i) => {
      this.point(offsets + 4 * i, this.table(fields));
    });
  }
}

function shorts(...values: number[]): Uint8Array {
  return new Uint8Array(Uint16Array.from(values).buffer);
}
