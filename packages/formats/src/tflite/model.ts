/**
 * A TensorFlow Lite model as plain data, read from its FlatBuffer (tensorflow/compiler/mlir/lite/schema/schema.fbs).
 * Indices are checked here, so that whoever walks the model need not: those of buffers, tensors, subgraphs and
 * operator codes. Buffers are views on the file's bytes.
 */
import type { DType } from "../dtype.js";
import type { PartialShape, Shape } from "../shape.js";
import { dataLoss, unimplemented } from "../status.js";
import { FlatBuffer, type FlatTable } from "./flatbuffer.js";
import { type OptionsKind, readOptions, type TfliteOptions } from "./options.js";
import {
  builtinOperators,
  builtinOptions,
  builtinOptions2,
  FILE_IDENTIFIER,
  PLACEHOLDER_FOR_GREATER_OP_CODES,
  SCHEMA_VERSION,
  tensorTypes,
} from "./schema.js";
import { readSparsity, type TfliteSparsity } from "./sparsity.js";

export interface TfliteModel {
  /** The first is what a model without signatures computes. */
  readonly subgraphs: readonly TfliteSubgraph[];
  readonly signatures: readonly TfliteSignature[];
  /** Further data by name. */
  readonly metadata: ReadonlyMap<string, Uint8Array>;
}

export interface TfliteSubgraph {
  readonly name: string;
  readonly tensors: readonly TfliteTensor[];
  /** Of tensors. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** In the order in which they run. */
  readonly operators: readonly TfliteOperator[];
}

export interface TfliteTensor {
  readonly name: string;
  readonly type: DType | "resource" | "variant";
  /** Sizes as they were when the model was converted: those that may change are 1. */
  readonly shape: Shape;
  /** What is known of the shape: -1 for sizes that may change; null when the file says that the rank may, too. */
  readonly declaredShape: PartialShape;
  /** The value of a constant, little-endian; undefined for others. */
  readonly buffer?: Uint8Array;
  readonly quantization?: TfliteQuantization;
  /** State that the interpreter keeps from run to run. */
  readonly isVariable: boolean;
  /** Of a constant that stores only some of its elements. */
  readonly sparsity?: TfliteSparsity;
}

/** Real number = scale × (stored number − zero point). */
export interface TfliteQuantization {
  /** One, or one for each index along `axis`. */
  readonly scales: readonly number[];
  /** As many as scales. */
  readonly zeroPoints: readonly number[];
  readonly axis: number;
}

export interface TfliteOperator {
  /** BuiltinOperator's name; of custom operators their code. */
  readonly name: string;
  readonly isCustom: boolean;
  readonly version: number;
  /** Of tensors; -1 for optional ones that are absent. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Tensors that only say how values inside of the operator are quantized. */
  readonly intermediates: readonly number[];
  /** Of custom operators; empty for others. */
  readonly customOptions: Uint8Array;
  /**
   * The options, which must be of this kind; their defaults when there are none.
   * DATA_LOSS for another kind; UNIMPLEMENTED for enum values that are not known.
   */
  options<K extends OptionsKind>(kind: K): TfliteOptions<K>;
}

/** What a model offers, by name. */
export interface TfliteSignature {
  readonly key: string;
  readonly subgraph: number;
  /** Name → tensor of the subgraph. */
  readonly inputs: ReadonlyMap<string, number>;
  readonly outputs: ReadonlyMap<string, number>;
}

/**
 * The model in a file's bytes.
 *
 * @param what names the bytes in errors
 * @throws DATA_LOSS, with the place, for bytes that are no such model; UNIMPLEMENTED for weights in other files and for
 *   blockwise quantization; RESOURCE_EXHAUSTED for tables that are shared without measure
 *
 * @example
 * assert.throws(() => parseTfliteModel(new Uint8Array(8), "model.tflite"), { codeName: "DATA_LOSS" });
 */
export function parseTfliteModel(bytes: Uint8Array, what: string): TfliteModel {
  const buffer = new FlatBuffer(bytes, what);
  if (buffer.identifier !== FILE_IDENTIFIER) {
    throw dataLoss(
      `${what} is no TensorFlow Lite model: its identifier is ${JSON.stringify(buffer.identifier)}, expected "${FILE_IDENTIFIER}"`,
    );
  }
  return new ModelReader(buffer.root(), what).model();
}

class ModelReader {
  private readonly buffers: readonly (Uint8Array | undefined)[];
  private readonly operatorCodes: readonly OperatorCode[];
  private readonly subgraphCount: number;
  private readonly subgraphTables: readonly FlatTable[];

  constructor(
    private readonly root: FlatTable,
    private readonly what: string,
  ) {
    const version = root.uint32(0);
    if (version !== SCHEMA_VERSION)
      throw unimplemented(`${what} has schema version ${version}, expected ${SCHEMA_VERSION}`);
    this.operatorCodes = root.tables(1).map(operatorCode);
    this.subgraphTables = root.tables(2);
    this.subgraphCount = this.subgraphTables.length;
    if (this.subgraphCount === 0) throw dataLoss(`${what} has no subgraph`);
    this.buffers = root.tables(4).map((table) => this.bufferData(table));
  }

  model(): TfliteModel {
    const subgraphs = this.subgraphTables.map((table, i) => this.subgraph(table, i));
    return {
      subgraphs,
      signatures: this.root.tables(7).map((table) => this.signature(table, subgraphs)),
      metadata: new Map(
        this.root
          .tables(6)
          .map((table) => [
            table.string(0) ?? "",
            this.buffers[this.index(table.uint32(1), this.buffers.length, "buffer", "metadata")] ??
              new Uint8Array(0),
          ]),
      ),
    };
  }

  /** Buffers of 2 GiB and more lie behind the FlatBuffer, at a place in the file. */
  private bufferData(table: FlatTable): Uint8Array | undefined {
    const [offset, size] = [table.uint64(1), table.uint64(2)];
    if (offset > 1) {
      table.buffer.require(offset, size);
      return table.buffer.bytes.subarray(offset, offset + size);
    }
    const data = table.bytes(0);
    return data === undefined || data.length === 0 ? undefined : data;
  }

  private subgraph(table: FlatTable, number: number): TfliteSubgraph {
    const name = table.string(4) ?? `subgraph ${number}`;
    const tensors = table.tables(0).map((each) => this.tensor(each, name));
    const tensorIndices = (indices: readonly number[] | undefined, where: string) =>
      (indices ?? []).map((index) => this.index(index, tensors.length, "tensor", where));
    return {
      name,
      tensors,
      inputs: tensorIndices(table.int32s(1), `inputs of "${name}"`),
      outputs: tensorIndices(table.int32s(2), `outputs of "${name}"`),
      operators: table.tables(3).map((each, i) => {
        const where = `operator ${i} of "${name}"`;
        return this.operator(each, where, tensorIndices);
      }),
    };
  }

  private tensor(table: FlatTable, subgraph: string): TfliteTensor {
    const name = table.string(3) ?? "";
    const where = `tensor "${name}" of "${subgraph}"`;
    const type = tensorTypes[table.int8(1)];
    if (type === undefined) throw dataLoss(`${this.what}: ${where} has type ${table.int8(1)}`);
    if (table.uint32(10) !== 0)
      throw unimplemented(`${this.what}: ${where} has its value in another file, which is not supported`);
    const shape = this.sizes(table.int32s(0) ?? [], 0, where);
    const signature = table.int32s(7);
    const buffer = this.buffers[this.index(table.uint32(2), this.buffers.length, "buffer", where)];
    const quantization = this.quantization(table.table(4), where);
    const sparsity = table.table(6);
    return {
      name,
      type,
      shape,
      declaredShape: this.declaredShape(shape, signature, table.bool(8), where),
      isVariable: table.bool(5),
      ...(buffer !== undefined && { buffer }),
      ...(quantization !== undefined && { quantization }),
      ...(sparsity !== undefined && { sparsity: readSparsity(sparsity, `${this.what}: ${where}`) }),
    };
  }

  /** Old files don't say whether a tensor without sizes is a scalar or of unknown rank. */
  private declaredShape(
    shape: Shape,
    signature: readonly number[] | undefined,
    hasRank: boolean,
    where: string,
  ): PartialShape {
    const declared = signature === undefined ? shape : this.sizes(signature, -1, where);
    return declared.length === 0 && !hasRank ? null : declared;
  }

  private sizes(sizes: readonly number[], least: number, where: string): readonly number[] {
    if (sizes.some((size) => size < least))
      throw dataLoss(`${this.what}: ${where} has shape [${sizes}], with a negative size`);
    return sizes;
  }

  private quantization(table: FlatTable | undefined, where: string): TfliteQuantization | undefined {
    if (table === undefined) return undefined;
    if (table.uint8(4) > 1)
      throw unimplemented(`${this.what}: ${where} is quantized in blocks, which is not supported`);
    const scales = table.float32s(2) ?? [];
    if (scales.length === 0) return undefined;
    const stored = table.int64s(3) ?? [];
    const zeroPoints = stored.length === 0 ? scales.map(() => 0) : stored;
    if (zeroPoints.length !== scales.length && zeroPoints.length !== 1)
      throw dataLoss(`${this.what}: ${where} has ${scales.length} scales, ${zeroPoints.length} zero points`);
    return {
      scales,
      zeroPoints: scales.map((_, i) => zeroPoints[zeroPoints.length === 1 ? 0 : i] as number),
      axis: table.int32(6),
    };
  }

  private operator(
    table: FlatTable,
    where: string,
    tensorIndices: (indices: readonly number[] | undefined, where: string) => number[],
  ): TfliteOperator {
    const code = this.operatorCodes[
      this.index(table.uint32(0), this.operatorCodes.length, "operator code", where)
    ] as OperatorCode;
    const inputs = table.int32s(1) ?? [];
    tensorIndices(
      inputs.filter((index) => index !== -1),
      where,
    );
    return {
      ...code,
      inputs,
      outputs: tensorIndices(table.int32s(2), where),
      intermediates: tensorIndices(table.int32s(8), where),
      customOptions: this.customOptions(table),
      options: (kind) => readOptions(kind, optionsTable(table, kind, where)),
    };
  }

  private customOptions(table: FlatTable): Uint8Array {
    const [offset, size] = [table.uint64(9), table.uint64(10)];
    if (offset <= 1) return table.bytes(5) ?? new Uint8Array(0);
    table.buffer.require(offset, size);
    return table.buffer.bytes.subarray(offset, offset + size);
  }

  private signature(table: FlatTable, subgraphs: readonly TfliteSubgraph[]): TfliteSignature {
    const key = table.string(2) ?? "";
    const where = `signature "${key}"`;
    const subgraph = this.index(table.uint32(4), this.subgraphCount, "subgraph", where);
    const { tensors } = subgraphs[subgraph] as TfliteSubgraph;
    const named = (maps: readonly FlatTable[]) =>
      new Map(
        maps.map((map) => [map.string(0) ?? "", this.index(map.uint32(1), tensors.length, "tensor", where)]),
      );
    return { key, subgraph, inputs: named(table.tables(0)), outputs: named(table.tables(1)) };
  }

  private index(index: number, count: number, what: string, where: string): number {
    if (index >= 0 && index < count) return index;
    throw dataLoss(`${this.what}: ${where} refers to ${what} ${index}, but there are ${count}`);
  }
}

type OperatorCode = Pick<TfliteOperator, "name" | "isCustom" | "version">;

function operatorCode(table: FlatTable): OperatorCode {
  const [byte, code] = [table.int8(0), table.int32(3)];
  // Old files have the byte alone; new ones have both, and a byte that says so for codes it can't hold.
  const number = byte === PLACEHOLDER_FOR_GREATER_OP_CODES ? code : Math.max(byte, code);
  const name = builtinOperators[number] ?? `BuiltinOperator ${number}`;
  const version = table.int32(2, 1);
  return name === "CUSTOM"
    ? { name: table.string(1) ?? "", isCustom: true, version }
    : { name, isCustom: false, version };
}

/** The table of an operator's options, in one of two unions. */
function optionsTable(table: FlatTable, wanted: OptionsKind, where: string): FlatTable | undefined {
  for (const [kinds, field] of [
    [builtinOptions, 3],
    [builtinOptions2, 11],
  ] as const) {
    const number = table.uint8(field);
    if (number === 0) continue;
    const kind = kinds[number] ?? `kind ${number}`;
    if (kind === wanted) return table.table(field + 1);
    throw dataLoss(`${where} has ${kind}, expected ${wanted}`);
  }
  return undefined;
}
