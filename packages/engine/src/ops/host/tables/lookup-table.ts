/**
 * A lookup table: from keys to values of any dtype, in memory.
 *
 * One class stands for all of TensorFlow's, which differ in rules alone: HashTable is filled once and then fixed;
 * MutableHashTable and the tables of tensors change at will; MutableDenseHashTable reserves two keys. Errors are
 * those of tensorflow/core/kernels/lookup_table_op.cc and core/framework/lookup_interface.cc.
 */
import {
  allocate,
  type DType,
  elementCount,
  failedPrecondition,
  invalidArgument,
  type Shape,
  sameShape,
  shapeText,
  type Tensor,
  unimplemented,
} from "@servable/formats";
import type { Resource } from "../../../values.js";
import { copyEntries, tensorOver } from "../element-memory.js";
import { type Key, type KeyForm, keyForm } from "./keys.js";
import { type ValueStore, valueStore } from "./value-store.js";

/** What the entries of a table look like, and what may be done to it. */
export interface TableForm {
  readonly keyDtype: DType;
  readonly valueDtype: DType;
  /** Of one key: a vector in dense tables alone. */
  readonly keyShape: Shape;
  readonly valueShape: Shape;
  /** Filled once, then fixed. */
  readonly isStatic: boolean;
  /** Of a dense table: the keys that it keeps for itself. */
  readonly reserved?: { readonly empty: Tensor; readonly deleted: Tensor };
}

export class LookupTable implements Resource {
  readonly kind = "LookupTable";
  private readonly keys: KeyForm;
  private readonly values: ValueStore;
  /** The empty key and the deleted key of a dense table. */
  private readonly reserved: readonly Key[];
  private slots = new Map<Key, number>();
  /** Slots of removed entries, to be used again. */
  private free: number[] = [];
  private initialized: boolean;

  constructor(
    readonly name: string,
    readonly form: TableForm,
  ) {
    this.keys = keyForm(form.keyDtype, elementCount(form.keyShape));
    this.values = valueStore(form.valueDtype, elementCount(form.valueShape));
    const { empty, deleted } = form.reserved ?? {};
    this.reserved = [empty, deleted].flatMap((key) =>
      key === undefined ? [] : [this.keys.read(key.data, 0)],
    );
    this.initialized = !form.isStatic;
  }

  get size(): number {
    if (!this.initialized) throw failedPrecondition(`Table "${this.name}" not initialized.`);
    return this.slots.size;
  }

  /** The values of keys; `fallback`, one value or one for each key, for the keys that are not there. */
  find(keys: Tensor, fallback: Tensor): Tensor {
    const { valueDtype, valueShape } = this.form;
    if (!this.initialized) throw failedPrecondition(`Table "${this.name}" not initialized.`);
    this.checkKeys(keys);
    const shape = [...this.batchShape(keys), ...valueShape];
    this.checkFallback(fallback, shape);
    const width = this.values.entries;
    const count = elementCount(this.batchShape(keys));
    const found = allocate(valueDtype, elementCount(shape));
    const step = fallback.data.length === found.length ? width : 0;
    for (let i = 0; i < count; i++) {
      const slot = this.slots.get(this.keys.read(keys.data, i));
      if (slot === undefined) copyEntries(found, i * width, fallback.data, i * step, width);
      else this.values.read(slot, found, i * width);
    }
    return tensorOver(valueDtype, shape, found);
  }

  /** Adds entries or replaces their values. */
  insert(keys: Tensor, values: Tensor): void {
    if (this.form.isStatic) {
      throw unimplemented("Insert not supported by InitializableLookupTable implementations");
    }
    this.checkKeys(keys);
    this.checkValues(keys, values);
    this.put(keys, values);
  }

  remove(keys: Tensor): void {
    if (this.form.isStatic) {
      throw unimplemented("Remove not supported by InitializableLookupTable implementations");
    }
    this.checkKeys(keys);
    const count = elementCount(this.batchShape(keys));
    for (let i = 0; i < count; i++) {
      const key = this.keys.read(keys.data, i);
      const slot = this.slots.get(key);
      if (slot === undefined) continue;
      this.slots.delete(key);
      this.free.push(slot);
    }
  }

  /**
   * Replaces all entries; fills a static table. What dense tables save are their buckets: the keys that they keep for
   * themselves stand for empty ones.
   */
  import(keys: Tensor, values: Tensor): void {
    this.checkKeyType(keys);
    this.checkValues(keys, values);
    if (this.form.isStatic) {
      this.fill(keys, values);
      return;
    }
    this.slots = new Map();
    this.free = [];
    this.put(keys, values, this.reserved);
  }

  /**
   * Fills a static table. Filling it again with as many entries changes nothing, as in TensorFlow, which compares
   * no more than their number.
   */
  fill(keys: Tensor, values: Tensor): void {
    const count = elementCount(this.batchShape(keys));
    if (this.initialized) {
      if (this.slots.size === count) return;
      throw failedPrecondition(`Table "${this.name}" was already initialized with different data.`);
    }
    for (let i = 0; i < count; i++) this.addOnce(keys, values, i);
    this.initialized = true;
  }

  /** All entries, in the order of their insertion. */
  export(): [keys: Tensor, values: Tensor] {
    const { keyDtype, valueDtype, keyShape, valueShape } = this.form;
    const count = this.slots.size;
    const keys = allocate(keyDtype, count * elementCount(keyShape));
    const values = allocate(valueDtype, count * elementCount(valueShape));
    let i = 0;
    for (const [key, slot] of this.slots) {
      this.keys.write(key, keys, i);
      this.values.read(slot, values, i * this.values.entries);
      i++;
    }
    return [
      tensorOver(keyDtype, [count, ...keyShape], keys),
      tensorOver(valueDtype, [count, ...valueShape], values),
    ];
  }

  /** Adds or replaces the entries whose keys are not in `without`. */
  private put(keys: Tensor, values: Tensor, without: readonly Key[] = []): void {
    const count = elementCount(this.batchShape(keys));
    for (let i = 0; i < count; i++) {
      const key = this.keys.read(keys.data, i);
      if (without.includes(key)) continue;
      let slot = this.slots.get(key);
      if (slot === undefined) {
        slot = this.free.pop() ?? this.slots.size;
        this.slots.set(key, slot);
      }
      this.values.write(slot, values.data, i * this.values.entries);
    }
  }

  /** A static table takes a key again only with the value that it has. */
  private addOnce(keys: Tensor, values: Tensor, i: number): void {
    const key = this.keys.read(keys.data, i);
    const slot = this.slots.get(key);
    if (slot === undefined) {
      this.values.write(this.slots.size, values.data, i * this.values.entries);
      this.slots.set(key, this.slots.size);
    } else if (!this.values.holds(slot, values.data, i * this.values.entries)) {
      throw failedPrecondition(
        `HashTable has different value for same key: entry ${i} of table "${this.name}" repeats an earlier key`,
      );
    }
  }

  // ---- checks ------------------------------------------------------------------------------------------------

  private batchShape(keys: Tensor): Shape {
    return keys.shape.slice(0, keys.shape.length - this.form.keyShape.length);
  }

  private checkKeys(keys: Tensor): void {
    this.checkKeyType(keys);
    if (this.reserved.length > 0) this.checkReserved(keys);
  }

  private checkKeyType(keys: Tensor): void {
    const { keyDtype, keyShape } = this.form;
    if (keys.dtype !== keyDtype) {
      throw invalidArgument(
        `Key must be type ${keyDtype} but got ${keys.dtype} (table "${this.name}", ${keyDtype}->${this.form.valueDtype})`,
      );
    }
    const trailing = keys.shape.slice(keys.shape.length - keyShape.length);
    if (!sameShape(trailing, keyShape)) {
      throw invalidArgument(
        `Input key shape ${shapeText(keys.shape)} must end with the table's ${shapeText(keyShape)}`,
      );
    }
  }

  /** Dense tables take lists of keys only, and neither of their own two. */
  private checkReserved(keys: Tensor): void {
    const batch = this.batchShape(keys);
    if (batch.length !== 1) {
      const expected = shapeText([batch[0] ?? 1, ...this.form.keyShape]);
      throw invalidArgument(`Expected key shape ${expected} got ${shapeText(keys.shape)}`);
    }
    const [empty, deleted] = this.reserved;
    for (let i = 0; i < (batch[0] as number); i++) {
      const key = this.keys.read(keys.data, i);
      if (key === empty) throw invalidArgument("Using the empty_key as a table key is not allowed");
      if (key === deleted) throw invalidArgument("Using the deleted_key as a table key is not allowed");
    }
  }

  private checkValues(keys: Tensor, values: Tensor): void {
    const { valueDtype, valueShape } = this.form;
    if (values.dtype !== valueDtype) {
      throw invalidArgument(`Expected value dtype ${valueDtype}, got ${values.dtype} (table "${this.name}")`);
    }
    const expected = [...this.batchShape(keys), ...valueShape];
    if (!sameShape(values.shape, expected)) {
      throw invalidArgument(
        `Expected shape ${shapeText(expected)} for value, got ${shapeText(values.shape)}`,
      );
    }
  }

  private checkFallback(fallback: Tensor, full: Shape): void {
    const { valueDtype, valueShape } = this.form;
    if (fallback.dtype !== valueDtype) {
      throw invalidArgument(
        `Expected default value dtype ${valueDtype}, got ${fallback.dtype} (table "${this.name}")`,
      );
    }
    if (!sameShape(fallback.shape, valueShape) && !sameShape(fallback.shape, full)) {
      throw invalidArgument(
        `Expected shape ${shapeText(valueShape)} or ${shapeText(full)} for default value, got ${shapeText(fallback.shape)}`,
      );
    }
  }
}
