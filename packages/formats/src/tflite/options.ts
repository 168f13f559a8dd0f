/**
 * Options of TensorFlow Lite's operators: one table a kind, in the order of its fields in
 * tensorflow/compiler/mlir/lite/schema/schema.fbs. What a field is by default is what it was before it was added.
 */
import type { DType } from "../dtype.js";
import { unimplemented } from "../status.js";
import type { FlatTable } from "./flatbuffer.js";
import { activations, paddings, type TfliteActivation, type TflitePadding, tensorTypes } from "./schema.js";

/** Reads one field; `table` is undefined where an operator has no options at all. */
type Field<T> = (table: FlatTable | undefined, field: number) => T;

const int =
  (absent = 0): Field<number> =>
  (table, field) =>
    table?.int32(field, absent) ?? absent;
const float: Field<number> = (table, field) => table?.float32(field) ?? 0;
const bool =
  (absent = false): Field<boolean> =>
  (table, field) =>
    table?.bool(field, absent) ?? absent;
const text: Field<string> = (table, field) => table?.string(field) ?? "";
/** Undefined when absent, which is not the same as empty. */
const ints: Field<readonly number[] | undefined> = (table, field) => table?.int32s(field);
const floats: Field<readonly number[] | undefined> = (table, field) => table?.float32s(field);

const padding: Field<TflitePadding> = (table, field) => named(paddings, table, field, "padding");
const activation: Field<TfliteActivation> = (table, field) =>
  named(activations, table, field, "activation function");

const type =
  (absent: DType): Field<DType> =>
  (table, field) => {
    const number = table?.int8(field, tensorTypes.indexOf(absent)) ?? tensorTypes.indexOf(absent);
    const dtype = tensorTypes[number];
    if (dtype === undefined || dtype === "resource" || dtype === "variant")
      throw unimplemented(`tensor type ${dtype ?? number} in options`);
    return dtype;
  };

/** A field whose meaning is gone, or that only says how fast a kernel may be. */
const unused: Field<undefined> = () => undefined;

function named<T>(names: readonly T[], table: FlatTable | undefined, field: number, what: string): T {
  const number = table?.int8(field) ?? 0;
  const name = names[number];
  if (name === undefined) throw unimplemented(`${what} ${number} is not known`);
  return name;
}

const fused = { activation };
const branches = { first: int(), second: int() };
const oneSubgraph = { subgraph: int() };
const resized = { alignCorners: bool(), halfPixelCenters: bool() };

export const optionTables = {
  NONE: {},
  AddOptions: fused,
  ArgMaxOptions: { outputType: type("float32") },
  ArgMinOptions: { outputType: type("float32") },
  BatchMatMulOptions: { adjX: bool(), adjY: bool() },
  BidirectionalSequenceLSTMOptions: {
    activation,
    cellClip: float,
    projClip: float,
    mergeOutputs: bool(),
    timeMajor: bool(true),
  },
  BidirectionalSequenceRNNOptions: { timeMajor: bool(), activation, mergeOutputs: bool() },
  BucketizeOptions: { boundaries: floats },
  CallOnceOptions: oneSubgraph,
  CallOptions: oneSubgraph,
  ConcatenationOptions: { axis: int(), activation },
  Conv2DOptions: {
    padding,
    strideW: int(),
    strideH: int(),
    activation,
    dilationW: int(1),
    dilationH: int(1),
  },
  Conv3DOptions: {
    padding,
    strideD: int(),
    strideW: int(),
    strideH: int(),
    activation,
    dilationD: int(1),
    dilationW: int(1),
    dilationH: int(1),
  },
  CumsumOptions: { exclusive: bool(), reverse: bool() },
  DepthToSpaceOptions: { blockSize: int() },
  DepthwiseConv2DOptions: {
    padding,
    strideW: int(),
    strideH: int(),
    depthMultiplier: int(),
    activation,
    dilationW: int(1),
    dilationH: int(1),
  },
  DivOptions: fused,
  EmbeddingLookupSparseOptions: {},
  FakeQuantOptions: { min: float, max: float, numBits: int(), narrowRange: bool() },
  FullyConnectedOptions: { activation, weightsFormat: int8(), keepNumDims: bool() },
  GatherOptions: { axis: int(), batchDims: int() },
  GeluOptions: { approximate: bool() },
  HashtableOptions: { tableId: int(), keyDtype: type("float32"), valueDtype: type("float32") },
  IfOptions: branches,
  L2NormOptions: fused,
  LeakyReluOptions: { alpha: float },
  LocalResponseNormalizationOptions: { radius: int(), bias: float, alpha: float, beta: float },
  MirrorPadOptions: { mode: int8() },
  MulOptions: fused,
  OneHotOptions: { axis: int() },
  PackOptions: { valuesCount: int(), axis: int() },
  Pool2DOptions: {
    padding,
    strideW: int(),
    strideH: int(),
    filterWidth: int(),
    filterHeight: int(),
    activation,
  },
  RandomOptions: { seed: long, seed2: long },
  ReducerOptions: { keepDims: bool() },
  ReshapeOptions: { newShape: ints },
  ResizeBilinearOptions: { newHeight: unused, newWidth: unused, ...resized },
  ResizeNearestNeighborOptions: resized,
  ReverseSequenceOptions: { seqDim: int(), batchDim: int() },
  SequenceRNNOptions: { timeMajor: bool(), activation },
  ShapeOptions: { outType: type("float32") },
  SoftmaxOptions: { beta: float },
  SpaceToDepthOptions: { blockSize: int() },
  SparseToDenseOptions: { validateIndices: bool() },
  SplitOptions: { numSplits: int() },
  SplitVOptions: { numSplits: int() },
  SqueezeOptions: { squeezeDims: ints },
  StableHLOCompositeOptions: { name: text, decompositionSubgraph: int() },
  StridedSliceOptions: {
    beginMask: int(),
    endMask: int(),
    ellipsisMask: int(),
    newAxisMask: int(),
    shrinkAxisMask: int(),
    offset: bool(),
  },
  SubOptions: fused,
  TransposeConvOptions: { padding, strideW: int(), strideH: int(), activation },
  UnidirectionalSequenceLSTMOptions: {
    activation,
    cellClip: float,
    projClip: float,
    timeMajor: bool(),
    asymmetricQuantizeInputs: unused,
    diagonalRecurrentTensors: bool(),
  },
  UniqueOptions: { idxOutType: type("int32") },
  UnpackOptions: { num: int(), axis: int() },
  VarHandleOptions: { container: text, sharedName: text },
  WhileOptions: branches,
};

/** A field of one byte that is a small number. */
function int8(): Field<number> {
  return (table, field) => table?.int8(field) ?? 0;
}

function long(table: FlatTable | undefined, field: number): number {
  return table?.uint64(field) ?? 0;
}

export type OptionsKind = keyof typeof optionTables;
type FieldsOf<K extends OptionsKind> = (typeof optionTables)[K];
/** The options of a kind, by name. */
export type TfliteOptions<K extends OptionsKind> = {
  readonly [Name in keyof FieldsOf<K>]: FieldsOf<K>[Name] extends Field<infer T> ? T : never;
};

/** The options in a table; all at their defaults when it is undefined. UNIMPLEMENTED for enum values we don't know. */
export function readOptions<K extends OptionsKind>(kind: K, table: FlatTable | undefined): TfliteOptions<K> {
  const fields: [string, Field<unknown>][] = Object.entries(optionTables[kind]);
  const values = fields.map(([name, read], field) => [name, read(table, field)]);
  return Object.fromEntries(values) as TfliteOptions<K>;
}
