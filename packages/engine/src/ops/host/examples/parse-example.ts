/**
 * ParseExample, ParseExampleV2 and ParseSingleExample: serialized tf.Examples into dense, sparse and ragged tensors.
 *
 * The three differ in where the keys come from and in whether there is a batch; the work is the same: each example is
 * read once, and every column is handed its feature.
 */
import {
  decodeText,
  invalidArgument,
  type PartialShape,
  readExample,
  StatusError,
  sameShape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { compute, type TensorFunction } from "../kernel.js";
import { stringsOf } from "../strings/map-strings.js";
import {
  type Column,
  checkDense,
  DenseColumn,
  isVariableLength,
  RaggedColumn,
  SparseColumn,
  VariableDenseColumn,
} from "./columns.js";
import type { FeatureDType } from "./feature-values.js";

/** What to read out of each example. */
interface ExampleSpec {
  readonly sparse: readonly { key: string; dtype: FeatureDType }[];
  readonly dense: readonly { key: string; dtype: FeatureDType; shape: PartialShape; fallback: Tensor }[];
  readonly ragged: readonly { key: string; dtype: FeatureDType; splits: "int32" | "int64" }[];
}

/** All strings of a tensor as text. */
export function keysOf(tensor: Tensor | undefined): string[] {
  return stringsOf(tensor).data.map(decodeText);
}

// ---- the ops -------------------------------------------------------------------------------------------------

/** The first version: one scalar for each key. */
function parseExample({ attrs }: NodeFacts): TensorFunction {
  const [sparseCount, denseCount] = [attrs.int("Nsparse"), attrs.int("Ndense")];
  const types = attributeTypes(attrs, "sparse_types");
  return (serialized, names, ...rest) => {
    const sparseKeys = rest.slice(0, sparseCount).flatMap(keysOf);
    const denseKeys = rest.slice(sparseCount, sparseCount + denseCount).flatMap(keysOf);
    const spec: ExampleSpec = {
      sparse: zipped(sparseKeys, types.sparse),
      dense: denseSpecs(denseKeys, types, rest.slice(sparseCount + denseCount)),
      ragged: [],
    };
    return parseBatch(serialized as Tensor, stringsOf(names).data, spec);
  };
}

function parseExampleV2({ attrs }: NodeFacts): TensorFunction {
  const types = attributeTypes(attrs, "sparse_types");
  const raggedTypes = attrs.types("ragged_value_types") as FeatureDType[];
  const splitTypes = attrs.types("ragged_split_types") as ("int32" | "int64")[];
  return (serialized, names, sparseKeys, denseKeys, raggedKeys, ...defaults) => {
    const ragged = zipped(keysOf(raggedKeys), raggedTypes);
    const spec: ExampleSpec = {
      sparse: zipped(keysOf(sparseKeys), types.sparse),
      dense: denseSpecs(keysOf(denseKeys), types, defaults),
      ragged: ragged.map((feature, i) => ({ ...feature, splits: splitTypes[i] as "int32" | "int64" })),
    };
    const batch = serialized as Tensor;
    return batch.shape.length === 0
      ? parseSingle(batch, spec)
      : parseBatch(batch, stringsOf(names).data, spec);
  };
}

function parseSingleExample({ attrs }: NodeFacts): TensorFunction {
  const types = attributeTypes(attrs, "sparse_types");
  const [sparseKeys, denseKeys] = [attrs.strings("sparse_keys"), attrs.strings("dense_keys")];
  return (serialized, ...defaults) => {
    const spec: ExampleSpec = {
      sparse: zipped(sparseKeys, types.sparse),
      dense: denseSpecs(denseKeys, types, defaults),
      ragged: [],
    };
    return parseSingle(serialized as Tensor, spec);
  };
}

interface FeatureTypes {
  readonly sparse: readonly FeatureDType[];
  readonly dense: readonly FeatureDType[];
  readonly denseShapes: readonly PartialShape[];
}

function attributeTypes(attrs: NodeFacts["attrs"], sparseTypes: string): FeatureTypes {
  return {
    sparse: attrs.types(sparseTypes) as FeatureDType[],
    dense: attrs.types("Tdense") as FeatureDType[],
    denseShapes: attrs.shapes("dense_shapes"),
  };
}

/** Keys with their types. INVALID_ARGUMENT when there are not as many. */
export function zipped<T>(keys: readonly string[], dtypes: readonly T[]): { key: string; dtype: T }[] {
  if (keys.length !== dtypes.length) {
    throw invalidArgument(`Expected ${dtypes.length} keys, one for each type, got ${keys.length}`);
  }
  return keys.map((key, i) => ({ key, dtype: dtypes[i] as T }));
}

function denseSpecs(
  keys: readonly string[],
  types: FeatureTypes,
  defaults: readonly Tensor[],
): ExampleSpec["dense"] {
  if (types.denseShapes.length !== keys.length) {
    throw invalidArgument(
      `Expected ${keys.length} dense_shapes, one for each key, got ${types.denseShapes.length}`,
    );
  }
  return zipped(keys, types.dense).map((feature, i) => {
    const [shape, fallback] = [types.denseShapes[i] as PartialShape, defaults[i] as Tensor];
    checkDense(feature, shape, fallback, i);
    return { ...feature, shape, fallback };
  });
}

// ---- the work ------------------------------------------------------------------------------------------------

/** The columns of a spec, and the features that an example is asked for. */
interface Columns {
  readonly sparse: readonly SparseColumn[];
  readonly dense: readonly (DenseColumn | VariableDenseColumn)[];
  readonly ragged: readonly RaggedColumn[];
}

function parseBatch(serialized: Tensor, names: readonly Uint8Array[], spec: ExampleSpec): Tensor[] {
  const examples = stringsOf(serialized);
  if (examples.shape.length !== 1) {
    throw invalidArgument(`Expected serialized to be a vector, got shape: ${shapeText(examples.shape)}`);
  }
  if (names.length > 0 && !sameShape([names.length], examples.shape)) {
    throw invalidArgument(
      `Expected names have the same shape as serialized: name.shape=[${names.length}], serialized.shape=${shapeText(examples.shape)}`,
    );
  }
  const nameOf = (row: number): string => {
    const name = names[row];
    return name === undefined ? "<unknown>" : decodeText(name);
  };
  const columns = makeColumns(spec, examples.data.length, {
    blame: (key, row) => `Name: ${nameOf(row)}, Key: ${key}, Index: ${row}.  `,
    required: (key, dtype, row) =>
      invalidArgument(
        `Name: ${nameOf(row)}, Feature: ${key} (data type: ${dtype}) is required but could not be found.`,
      ),
  });
  fill(columns, examples.data);
  return outputs(columns, true);
}

function parseSingle(serialized: Tensor, spec: ExampleSpec): Tensor[] {
  const { shape, data } = stringsOf(serialized);
  if (shape.length !== 0)
    throw invalidArgument(`Expected serialized to be a scalar, got shape: ${shapeText(shape)}`);
  const columns = makeColumns(spec, 1, {
    blame: (key) => `Key: ${key}.  `,
    required: (key, dtype) =>
      invalidArgument(`Feature: ${key} (data type: ${dtype}) is required but could not be found.`),
  });
  fill(columns, data);
  return outputs(columns, false);
}

interface Messages {
  readonly blame: (key: string, row: number) => string;
  readonly required: (key: string, dtype: FeatureDType, row: number) => Error;
}

function makeColumns(spec: ExampleSpec, rows: number, { blame, required }: Messages): Columns {
  return {
    sparse: spec.sparse.map((feature) => new SparseColumn(feature, blame)),
    dense: spec.dense.map(({ shape, fallback, ...feature }) =>
      isVariableLength(shape)
        ? new VariableDenseColumn(feature, shape as readonly number[], fallback, blame)
        : new DenseColumn(feature, shape as readonly number[], fallback, rows, blame, (key, row) =>
            required(key, feature.dtype, row),
          ),
    ),
    ragged: spec.ragged.map(({ splits, ...feature }) => new RaggedColumn(feature, splits, blame)),
  };
}

/** Reads every example once. */
function fill(columns: Columns, examples: readonly Uint8Array[]): void {
  const all: Column[] = [...columns.sparse, ...columns.dense, ...columns.ragged];
  const keys = new Set(all.map(({ key }) => key));
  const isWanted = (name: string): boolean => keys.has(name);
  for (const [row, example] of examples.entries()) {
    const features = naming(row, () => readExample(example, isWanted));
    for (const column of all) column.add(row, features.get(column.key));
  }
}

/** Errors of a reader with the number of the example that it read. */
export function naming<T>(row: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const status = StatusError.from(error);
    throw new StatusError(status.code, `${status.message} (example ${row} of the batch)`, { cause: error });
  }
}

function outputs(columns: Columns, batched: boolean): Tensor[] {
  const sparse = columns.sparse.map((column) => column.tensors(batched));
  const ragged = columns.ragged.map((column) => column.tensors(batched));
  return [
    ...sparse.map(([indices]) => indices),
    ...sparse.map(([, values]) => values),
    ...sparse.map(([, , shape]) => shape),
    ...columns.dense.map((column) => (batched ? column.tensor() : withoutBatch(column.tensor()))),
    ...ragged.map(([values]) => values),
    ...ragged.map(([, splits]) => splits),
  ];
}

/** The one row of a batch. */
export function withoutBatch(tensor: Tensor): Tensor {
  return { ...tensor, shape: tensor.shape.slice(1) };
}

export const parseExampleKernels: HostTable = {
  ParseExample: compute(parseExample),
  ParseExampleV2: compute(parseExampleV2),
  ParseSingleExample: compute(parseSingleExample),
};
