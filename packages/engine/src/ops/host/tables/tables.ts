/** Ops that make, fill and query lookup tables. The tables themselves: lookup-table.ts. */
import {
  decodeText,
  elementCount,
  invalidArgument,
  type Shape,
  sameShape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import { resourceName } from "../../../runtime/variable.js";
import { asTensor, type ResourceValue, type Value } from "../../../values.js";
import type { HostRow, HostTable, Kernel, NodeFacts } from "../../op-table.js";
import { sameBytes } from "../byte-strings.js";
import { int64Tensor } from "../index-data.js";
import { stateful } from "../stateful.js";
import { LookupTable, type TableForm } from "./lookup-table.js";
import { checkIndexDtype, readVocabulary, type VocabularyFormat } from "./vocabulary-file.js";

// ---- handles -------------------------------------------------------------------------------------------------

/** What a node and its inputs say of the table. */
type FormOf = (node: NodeFacts, inputs: readonly Value[]) => TableForm;

const scalars =
  (isStatic: boolean): FormOf =>
  ({ attrs }) => ({
    keyDtype: attrs.type("key_dtype"),
    valueDtype: attrs.type("value_dtype"),
    keyShape: [],
    valueShape: [],
    isStatic,
  });

const ofTensors: FormOf = ({ attrs }) => ({
  keyDtype: attrs.type("key_dtype"),
  valueDtype: attrs.type("value_dtype"),
  keyShape: [],
  valueShape: knownShape(attrs.shape("value_shape")),
  isStatic: false,
});

const dense: FormOf = (node, inputs) => {
  const empty = asTensor(inputs[0]);
  // The first version of the op reserves one key only.
  const deleted = inputs.length > 1 ? asTensor(inputs[1]) : empty;
  if (!sameShape(empty.shape, deleted.shape)) {
    throw invalidArgument(
      `Empty and deleted keys must have same shape, got shapes: ${shapeText(empty.shape)} and ${shapeText(deleted.shape)}`,
    );
  }
  if (empty.shape.length > 1)
    throw invalidArgument(`Empty key must be a scalar or a vector, got ${shapeText(empty.shape)}`);
  if (inputs.length > 1 && sameElements(empty, deleted)) {
    throw invalidArgument("Empty and deleted keys cannot be equal");
  }
  return {
    ...ofTensors(node, inputs),
    keyDtype: empty.dtype,
    keyShape: empty.shape,
    reserved: { empty, deleted },
  };
};

function sameElements(a: Tensor, b: Tensor): boolean {
  const others = b.data as unknown as unknown[];
  return Array.from(a.data as ArrayLike<unknown>).every((element, i) => {
    const other = others[i];
    return element instanceof Uint8Array ? sameBytes(element, other as Uint8Array) : element === other;
  });
}

function knownShape(shape: readonly number[] | null): Shape {
  if (shape === null || shape.some((size) => size < 0)) {
    throw invalidArgument(`value_shape must be fully known, got ${shapeText(shape)}`);
  }
  return shape;
}

/** A table of the model, found by name again on each run. */
function named(formOf: FormOf): HostRow {
  return stateful((node) => {
    const name = resourceName(node);
    return (inputs, { resources }) => {
      const form = formOf(node, inputs);
      const table = resources.lookupOrCreate<LookupTable>(
        "LookupTable",
        name,
        () => new LookupTable(name, form),
      );
      checkSameForm(table, form);
      return [handleOf(table)];
    };
  });
}

/** A table of its own on each run, gone with the last handle. */
function anonymous(formOf: FormOf): HostRow {
  return stateful((node) => (inputs) => [handleOf(new LookupTable(node.name, formOf(node, inputs)))]);
}

function handleOf(resource: LookupTable): ResourceValue {
  return { dtype: "resource", shape: [], resource };
}

function checkSameForm(table: LookupTable, { keyDtype, valueDtype }: TableForm): void {
  const { form } = table;
  if (form.keyDtype === keyDtype && form.valueDtype === valueDtype) return;
  throw invalidArgument(
    `Conflicting key/value dtypes ${keyDtype}->${valueDtype} with ${form.keyDtype}-${form.valueDtype} for table ${table.name}`,
  );
}

/** The table that a handle refers to. INVALID_ARGUMENT for handles of other resources. */
function tableOf(value: Value | undefined): LookupTable {
  if (value?.dtype === "resource" && value.resource instanceof LookupTable) return value.resource;
  throw invalidArgument(
    `table_handle must refer to a lookup table, got ${value?.dtype === "resource" ? value.resource.kind : value?.dtype}`,
  );
}

// ---- use -----------------------------------------------------------------------------------------------------

const find: Kernel = ([table, keys, fallback]) => [tableOf(table).find(asTensor(keys), asTensor(fallback))];

const insert: Kernel = ([table, keys, values]) => {
  tableOf(table).insert(asTensor(keys), asTensor(values));
  return [];
};

const remove: Kernel = ([table, keys]) => {
  tableOf(table).remove(asTensor(keys));
  return [];
};

const importEntries: Kernel = ([table, keys, values]) => {
  tableOf(table).import(asTensor(keys), asTensor(values));
  return [];
};

const exportEntries: Kernel = ([table]) => tableOf(table).export();

const size: Kernel = ([table]) => [int64Tensor([], [tableOf(table).size])];

const initialize: Kernel = ([table, keysInput, valuesInput]) => {
  const [keys, values] = [asTensor(keysInput), asTensor(valuesInput)];
  if (keys.shape.length !== 1) {
    throw invalidArgument(`Keys must be a vector, but received shape ${shapeText(keys.shape)}`);
  }
  const [keyCount, valueCount] = [elementCount(keys.shape), elementCount(values.shape)];
  if (keyCount !== valueCount) {
    throw invalidArgument(`Keys and values must have the same size ${keyCount} vs ${valueCount}`);
  }
  tableOf(table).import(keys, values);
  return [];
};

function initializeFromFile({ attrs }: NodeFacts): Kernel {
  const format: VocabularyFormat = {
    keyIndex: attrs.int("key_index"),
    valueIndex: attrs.int("value_index"),
    size: attrs.int("vocab_size"),
    delimiter: attrs.bytes("delimiter"),
    offset: attrs.int("offset"),
  };
  return ([tableInput, filename]) => {
    const table = tableOf(tableInput);
    const { keyDtype, valueDtype } = table.form;
    checkIndexDtype("Key", format.keyIndex, keyDtype);
    checkIndexDtype("Value", format.valueIndex, valueDtype);
    const path = asTensor(filename);
    if (path.dtype !== "string" || path.data.length !== 1) {
      throw invalidArgument(`filename should be a single string, but got ${shapeText(path.shape)}`);
    }
    const [keys, values] = readVocabulary(
      decodeText(path.data[0] as Uint8Array),
      format,
      keyDtype,
      valueDtype,
    );
    table.fill(keys, values);
    return [];
  };
}

const plain = (kernel: Kernel): HostRow => stateful(() => kernel);

export const tableKernels: HostTable = {
  HashTable: named(scalars(true)),
  HashTableV2: named(scalars(true)),
  AnonymousHashTable: anonymous(scalars(true)),
  MutableHashTable: named(scalars(false)),
  MutableHashTableV2: named(scalars(false)),
  AnonymousMutableHashTable: anonymous(scalars(false)),
  MutableHashTableOfTensors: named(ofTensors),
  MutableHashTableOfTensorsV2: named(ofTensors),
  AnonymousMutableHashTableOfTensors: anonymous(ofTensors),
  MutableDenseHashTable: named(dense),
  MutableDenseHashTableV2: named(dense),
  AnonymousMutableDenseHashTable: anonymous(dense),
  LookupTableFind: plain(find),
  LookupTableFindV2: plain(find),
  LookupTableInsert: plain(insert),
  LookupTableInsertV2: plain(insert),
  LookupTableRemoveV2: plain(remove),
  LookupTableImport: plain(importEntries),
  LookupTableImportV2: plain(importEntries),
  LookupTableExport: plain(exportEntries),
  LookupTableExportV2: plain(exportEntries),
  LookupTableSize: plain(size),
  LookupTableSizeV2: plain(size),
  InitializeTable: plain(initialize),
  InitializeTableV2: plain(initialize),
  InitializeTableFromTextFile: stateful(initializeFromFile),
  InitializeTableFromTextFileV2: stateful(initializeFromFile),
};
