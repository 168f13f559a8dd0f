/**
 * ParseSequenceExample, ParseSequenceExampleV2 and ParseSingleSequenceExample: serialized tf.SequenceExamples into
 * tensors of the whole (context) and of each step (feature lists).
 */
import {
  decodeText,
  invalidArgument,
  type PartialShape,
  readSequenceExample,
  type Shape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { indexTensor } from "../index-data.js";
import { compute, type TensorFunction } from "../kernel.js";
import { stringsOf } from "../strings/map-strings.js";
import { type Blame, checkDense, DenseColumn, RaggedColumn, SparseColumn } from "./columns.js";
import type { FeatureDType } from "./feature-values.js";
import { keysOf, naming, withoutBatch, zipped } from "./parse-example.js";
import { DenseStepColumn, RaggedStepColumn, SparseStepColumn } from "./step-columns.js";

type SplitsDType = "int32" | "int64";

interface Feature {
  readonly key: string;
  readonly dtype: FeatureDType;
}

/** What to read out of each sequence. */
interface SequenceSpec {
  readonly context: {
    readonly sparse: readonly Feature[];
    readonly dense: readonly (Feature & { readonly shape: Shape; readonly fallback: Tensor })[];
    readonly ragged: readonly (Feature & { readonly splits: SplitsDType })[];
  };
  readonly steps: {
    readonly sparse: readonly Feature[];
    readonly dense: readonly (Feature & { readonly shape: Shape; readonly mayMiss: boolean })[];
    readonly ragged: readonly (Feature & { readonly splits: SplitsDType })[];
  };
}

// ---- the ops -------------------------------------------------------------------------------------------------

/** The types and shapes that all three ops have among their attributes. */
function attributesOf({ attrs }: NodeFacts) {
  return {
    contextSparse: attrs.types("context_sparse_types") as FeatureDType[],
    contextDense: attrs.types("Tcontext_dense") as FeatureDType[],
    contextShapes: attrs.shapes("context_dense_shapes"),
    stepSparse: attrs.types("feature_list_sparse_types") as FeatureDType[],
    stepDense: attrs.types("feature_list_dense_types") as FeatureDType[],
    stepShapes: attrs.shapes("feature_list_dense_shapes"),
  };
}

/** The keys that an op was given, wherever it has them. */
interface Keys {
  readonly contextSparse: readonly string[];
  readonly contextDense: readonly string[];
  readonly stepSparse: readonly string[];
  readonly stepDense: readonly string[];
  /** Whether the feature list with this key may be missing. */
  readonly mayMiss: (key: string, index: number) => boolean;
}

function specOf(
  types: ReturnType<typeof attributesOf>,
  keys: Keys,
  contextDefaults: readonly Tensor[],
): SequenceSpec {
  return {
    context: {
      sparse: zipped(keys.contextSparse, types.contextSparse),
      dense: zipped(keys.contextDense, types.contextDense).map((feature, i) => {
        const fallback = contextDefaults[i] as Tensor;
        const shape = checkDense(feature, types.contextShapes[i] ?? null, fallback, i);
        return { ...feature, shape, fallback };
      }),
      ragged: [],
    },
    steps: {
      sparse: zipped(keys.stepSparse, types.stepSparse),
      dense: zipped(keys.stepDense, types.stepDense).map((feature, i) => ({
        ...feature,
        shape: knownShape(types.stepShapes[i] ?? null, feature.key),
        mayMiss: keys.mayMiss(feature.key, i),
      })),
      ragged: [],
    },
  };
}

function knownShape(shape: PartialShape, key: string): Shape {
  if (shape === null || shape.some((size) => size < 0)) {
    throw invalidArgument(`feature_list_dense_shapes of "${key}" is not fully defined: ${shapeText(shape)}`);
  }
  return shape;
}

/** The first version has its keys as attributes. */
function parseSequenceExample(node: NodeFacts): TensorFunction {
  const types = attributesOf(node);
  const { attrs } = node;
  const mayMiss = new Set(attrs.strings("feature_list_dense_missing_assumed_empty"));
  const keys: Keys = {
    contextSparse: attrs.strings("context_sparse_keys"),
    contextDense: attrs.strings("context_dense_keys"),
    stepSparse: attrs.strings("feature_list_sparse_keys"),
    stepDense: attrs.strings("feature_list_dense_keys"),
    mayMiss: (key) => mayMiss.has(key),
  };
  return (serialized, names, ...defaults) =>
    parseSequences(serialized as Tensor, names as Tensor, specOf(types, keys, defaults));
}

function parseSequenceExampleV2(node: NodeFacts): TensorFunction {
  const types = attributesOf(node);
  const { attrs } = node;
  const withSplits = (features: Feature[], splits: string) =>
    features.map((feature, i) => ({ ...feature, splits: attrs.types(splits)[i] as SplitsDType }));
  const contextRagged = attrs.types("context_ragged_value_types") as FeatureDType[];
  const stepRagged = attrs.types("feature_list_ragged_value_types") as FeatureDType[];
  return (serialized, names, ...inputs) => {
    const [contextSparse, contextDense, contextKeys, stepSparse, stepDense, stepKeys] = inputs
      .slice(0, 6)
      .map(keysOf);
    const mayMiss = inputs[6]?.data as Uint8Array;
    const spec = specOf(
      types,
      {
        contextSparse: contextSparse as string[],
        contextDense: contextDense as string[],
        stepSparse: stepSparse as string[],
        stepDense: stepDense as string[],
        mayMiss: (_, i) => mayMiss[i] === 1,
      },
      inputs.slice(7),
    );
    return parseSequences(serialized as Tensor, names as Tensor, {
      context: {
        ...spec.context,
        ragged: withSplits(zipped(contextKeys as string[], contextRagged), "context_ragged_split_types"),
      },
      steps: {
        ...spec.steps,
        ragged: withSplits(zipped(stepKeys as string[], stepRagged), "feature_list_ragged_split_types"),
      },
    });
  };
}

/** One scalar for each key; the outputs have no lengths. */
function parseSingleSequenceExample(node: NodeFacts): TensorFunction {
  const types = attributesOf(node);
  const counts = ["Ncontext_sparse", "Ncontext_dense", "Nfeature_list_sparse", "Nfeature_list_dense"];
  const ends = counts.map((name) => node.attrs.int(name));
  return (serialized, mayMissInput, ...inputs) => {
    let at = 0;
    const [contextSparse, contextDense, stepSparse, stepDense] = ends.map((count) => {
      at += count;
      return inputs.slice(at - count, at).flatMap(keysOf);
    });
    const mayMiss = new Set(keysOf(mayMissInput));
    const keys: Keys = {
      contextSparse: contextSparse as string[],
      contextDense: contextDense as string[],
      stepSparse: stepSparse as string[],
      stepDense: stepDense as string[],
      mayMiss: (key) => mayMiss.has(key),
    };
    const spec = specOf(types, keys, inputs.slice(at, -1));
    const outputs = parseSequences(serialized as Tensor, inputs.at(-1) as Tensor, spec);
    return outputs.slice(0, outputs.length - (stepDense as string[]).length);
  };
}

// ---- the work ------------------------------------------------------------------------------------------------

function parseSequences(serialized: Tensor, names: Tensor, spec: SequenceSpec): Tensor[] {
  const { shape, data } = stringsOf(serialized);
  if (shape.length > 1) {
    throw invalidArgument(`Expected serialized to be a scalar or vector, got shape: ${shapeText(shape)}`);
  }
  const columns = makeColumns(spec, data.length, stringsOf(names).data);
  fill(columns, data);
  return outputsOf(columns, shape.length === 1);
}

type Columns = ReturnType<typeof makeColumns>;

function makeColumns({ context, steps }: SequenceSpec, rows: number, names: readonly Uint8Array[]) {
  const nameOf = (row: number): string => `Name: ${decodeText(names[row] ?? UNKNOWN)}, `;
  const contextBlame: Blame = (key, row) => `${nameOf(row)}Context feature: ${key}.  `;
  const stepBlame: Blame = (key, row) => `${nameOf(row)}Feature list: ${key}, Index: ${row}.  `;
  const contextRequired = (key: string, row: number): Error =>
    invalidArgument(`${nameOf(row)}Context feature '${key}' is required but could not be found.`);
  const stepRequired = (key: string, row: number): Error =>
    invalidArgument(
      `${nameOf(row)}Feature list '${key}' is required but could not be found.  Did you mean to include it in ` +
        "feature_list_dense_missing_assumed_empty or feature_list_dense_defaults?",
    );
  return {
    contextSparse: context.sparse.map((feature) => new SparseColumn(feature, contextBlame)),
    contextDense: context.dense.map(
      ({ shape, fallback, ...feature }) =>
        new DenseColumn(feature, shape, fallback, rows, contextBlame, contextRequired),
    ),
    contextRagged: context.ragged.map(
      ({ splits, ...feature }) => new RaggedColumn(feature, splits, contextBlame),
    ),
    stepSparse: steps.sparse.map((feature) => new SparseStepColumn(feature, stepBlame)),
    stepDense: steps.dense.map(
      ({ shape, mayMiss, ...feature }) =>
        new DenseStepColumn(feature, shape, stepBlame, mayMiss ? undefined : stepRequired),
    ),
    stepRagged: steps.ragged.map(
      ({ splits, ...feature }) => new RaggedStepColumn(feature, splits, stepBlame),
    ),
  };
}

const UNKNOWN = Buffer.from("<unknown>");

/** Reads every sequence once. */
function fill(columns: Columns, sequences: readonly Uint8Array[]): void {
  const context = [...columns.contextSparse, ...columns.contextDense, ...columns.contextRagged];
  const steps = [...columns.stepSparse, ...columns.stepDense, ...columns.stepRagged];
  const keys = new Set([...context, ...steps].map(({ key }) => key));
  const isWanted = (name: string): boolean => keys.has(name);
  for (const [row, sequence] of sequences.entries()) {
    const features = naming(row, () => readSequenceExample(sequence, isWanted));
    for (const column of context) column.add(row, features.context.get(column.key));
    for (const column of steps) column.add(row, features.featureLists.get(column.key));
  }
}

function outputsOf(columns: Columns, batched: boolean): Tensor[] {
  const unbatched = (tensor: Tensor): Tensor => (batched ? tensor : withoutBatch(tensor));
  // Of a single sequence TensorFlow leaves these splits as they come: a scalar that means nothing.
  const splitsOf = (splits: Tensor): Tensor =>
    batched ? splits : indexTensor(splits.dtype as SplitsDType, [], [0]);
  const contextSparse = columns.contextSparse.map((column) => column.tensors(batched));
  const contextRagged = columns.contextRagged.map((column) => column.tensors(true));
  const stepSparse = columns.stepSparse.map((column) => column.tensors(batched));
  const stepDense = columns.stepDense.map((column) => column.tensors());
  const stepRagged = columns.stepRagged.map((column) => column.tensors());
  return [
    ...transposed(contextSparse, 3),
    ...columns.contextDense.map((column) => unbatched(column.tensor())),
    ...contextRagged.map(([values]) => values),
    ...contextRagged.map(([, splits]) => splitsOf(splits)),
    ...transposed(stepSparse, 3),
    ...stepDense.map(([values]) => unbatched(values)),
    ...stepDense.map(([, lengths]) => unbatched(lengths)),
    ...stepRagged.map(([values]) => values),
    ...stepRagged.map(([, outer]) => splitsOf(outer)),
    ...stepRagged.map(([, , inner]) => inner),
  ];
}

/** First the first tensors of all columns, then the second ones. */
function transposed(columns: readonly (readonly Tensor[])[], count: number): Tensor[] {
  return Array.from({ length: count }, (_, i) => columns.map((tensors) => tensors[i] as Tensor)).flat();
}

export const parseSequenceExampleKernels: HostTable = {
  ParseSequenceExample: compute(parseSequenceExample),
  ParseSequenceExampleV2: compute(parseSequenceExampleV2),
  ParseSingleSequenceExample: compute(parseSingleSequenceExample),
};
