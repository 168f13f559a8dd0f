/**
 * Lookup tables with fixed content: from values in the graph (LookupTableImportV2), or from a text file that goes
 * with the model (InitializeTableFromTextFileV2; tensorflow/core/kernels/lookup_util.cc reads the file).
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { DType } from "../dtype.js";
import { bytesOf, type Tensor } from "../tensor.js";
import type { Asset } from "./asset.js";
import type { GraphBuilder, OpInput, OpOptions } from "./graph-builder.js";
import type { Operation, Output } from "./operation.js";

/** A table of values known now. */
export interface HashTableOfValues {
  /** Vector. */
  readonly keys: Tensor;
  /** Vector of the same length. */
  readonly values: Tensor;
  /** Scalar: what a missing key has. */
  readonly defaultValue: Tensor;
}

/** What a line of a text file gives: the whole line, its number from 0 (int64), or a column counted from 0. */
export type LinePart = "line" | "line number" | number;

/** A table that is read from a file when the model is loaded. */
export interface HashTableOfFile {
  readonly file: Asset;
  readonly keyDtype: DType;
  readonly keyPart: LinePart;
  readonly valueDtype: DType;
  readonly valuePart: LinePart;
  readonly defaultValue: Tensor;
  /** Parts a line into columns; tab by default. */
  readonly delimiter?: string;
}

export type HashTableInit = HashTableOfValues | HashTableOfFile;

/**
 * A lookup table of a graph; GraphBuilder.hashTable makes them.
 *
 * @example
 * const graph = new GraphBuilder();
 * const table = graph.hashTable({
 *   keys: stringTensor([2], ["cat", "dog"]),
 *   values: tensor("int64", [2], BigInt64Array.of(0n, 1n)),
 *   defaultValue: tensor("int64", [], BigInt64Array.of(-1n)),
 * });
 * const ids = table.find(graph.placeholder("string", [-1]));
 * assert.deepEqual([ids.dtype, ids.shape], ["int64", [-1]]);
 */
export class HashTable {
  constructor(
    private readonly graph: GraphBuilder,
    readonly handle: Output,
    /** Fills the table. */
    readonly initializer: Operation,
    private readonly defaultValue: Tensor,
  ) {}

  /** The value of each key, of the shape of the keys. */
  find(keys: OpInput, options: OpOptions = {}): Output {
    return this.graph.compute("LookupTableFindV2", [this.handle, keys, this.defaultValue], {}, options);
  }
}

/** Adds a table and the operation that fills it. */
export function createHashTable(graph: GraphBuilder, init: HashTableInit, options: OpOptions): HashTable {
  const types = tableTypes(init);
  const attrs = (name: string) => ({ ...types, shared_name: sharedName(name, init) });
  const handle = graph.compute("HashTableV2", [], attrs, { name: "hash_table", ...options });
  const initializer = graph.scope(handle.operation, () =>
    "file" in init
      ? initializeFromFile(graph, handle, init)
      : graph.op("LookupTableImportV2", [handle, init.keys, init.values], {}, { name: "table_init" }),
  );
  return new HashTable(graph, handle, initializer, init.defaultValue);
}

function tableTypes(init: HashTableInit): { key_dtype: DType; value_dtype: DType } {
  return "file" in init
    ? { key_dtype: init.keyDtype, value_dtype: init.valueDtype }
    : { key_dtype: init.keys.dtype, value_dtype: init.values.dtype };
}

/**
 * Tables of the same name are one table in all graphs of a process. The content is part of the name, so that those
 * of different models stay apart, and a model comes out the same each time it is built.
 */
function sharedName(name: string, init: HashTableInit): string {
  const hash = createHash("sha256");
  const parts = "file" in init ? [readFileSync(init.file.path)] : [init.keys, init.values].flatMap(bytesIn);
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return `${name}_${hash.digest("hex").slice(0, 16)}`;
}

function bytesIn(tensor: Tensor): Uint8Array[] {
  return tensor.dtype === "string" ? tensor.data : [bytesOf(tensor.data)];
}

const lineParts: Readonly<Record<string, number>> = { line: -2, "line number": -1 };

function initializeFromFile(graph: GraphBuilder, handle: Output, init: HashTableOfFile): Operation {
  const index = (part: LinePart): number => (typeof part === "number" ? part : (lineParts[part] as number));
  return graph.op(
    "InitializeTableFromTextFileV2",
    [handle, init.file.tensor],
    {
      key_index: index(init.keyPart),
      value_index: index(init.valuePart),
      ...(init.delimiter !== undefined && { delimiter: init.delimiter }),
    },
    { name: "table_init" },
  );
}
