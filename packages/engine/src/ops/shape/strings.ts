/** Strings, their encodings, and the parsing of serialized records. */
import type { PartialShape } from "@servable/formats";
import type { Inferred, ShapeContext, ShapeRule, ShapeTable } from "../op-table.js";
import { scalarEntry } from "./entries.js";
import { broadcast, fixed, forAll, sameAsInput, scalars, unknown, vectors } from "./families.js";
import { joined, sizeFrom, UNKNOWN, unknownOfRank, withRank } from "./partial-shape.js";

// biome-ignore format: a list of names
const elementwise = [
  "AsString", "DecodeBase64", "DecodeCompressed", "DecodeJSONExample", "EncodeBase64", "RegexFullMatch", "RegexReplace",
  "StaticRegexFullMatch", "StaticRegexReplace", "StringLength", "StringLower", "StringStrip", "StringToHashBucket",
  "StringToHashBucketFast", "StringToHashBucketStrong", "StringToNumber", "StringUpper", "UnicodeScript",
  "UnicodeTranscode",
];

/** Indices, values and dense shape of the pieces. */
const split: ShapeRule = fixed([UNKNOWN, 2], [UNKNOWN], [2]);

/** One axis more: values of a fixed width in each string. */
const decodedRaw: ShapeRule = (node) => [joined(node.shape(0), [UNKNOWN])];

/** The same for strings padded or cut to a length in bytes, input 1. */
const decodedPaddedRaw: ShapeRule = (node) => {
  const length = scalarEntry(node, 1) ?? UNKNOWN;
  const width = widths[node.outputTypes[0] as string] ?? UNKNOWN;
  return [joined(node.shape(0), [sizeFrom([length, width], (bytes, size) => bytes / size)])];
};

const widths: Readonly<Record<string, number>> = {
  ...{ float16: 2, bfloat16: 2, float32: 4, float64: 8 },
  ...{ int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, int64: 8 },
};

/** Columns of a table of text, each with the shape of the records. */
const decodedCsv: ShapeRule = (node) => node.outputTypes.map(() => node.shape(0));

// ---- tf.Example ----------------------------------------------------------------------------------------------

/** Sparse triples of that many features, for records of this shape. */
function sparseFeatures(
  count: number,
  rank: number,
): { indices: Inferred[]; values: Inferred[]; shapes: Inferred[] } {
  const each = (shape: PartialShape) => Array.from({ length: count }, () => shape);
  return { indices: each([UNKNOWN, rank]), values: each([UNKNOWN]), shapes: each([rank]) };
}

/** A dense feature per record; one whose first size is open is padded to the longest. */
const dense = (records: PartialShape, shapes: readonly PartialShape[]) =>
  shapes.map((shape) => joined(records, shape));

const parseExample: ShapeRule = (node) => {
  const { indices, values, shapes } = sparseFeatures(node.attrs.int("Nsparse"), 2);
  const records = node.shape(0) ?? unknownOfRank(1);
  return [...indices, ...values, ...shapes, ...dense(records, node.attrs.shapes("dense_shapes"))];
};

/** Records may be one scalar, or a vector. */
const parseExampleV2: ShapeRule = (node) => {
  const records = node.shape(0);
  const ragged = node.attrs.typeNumbers("ragged_value_types").length;
  const rank = records === null ? UNKNOWN : records.length + 1;
  const { indices, values, shapes } = sparseFeatures(node.attrs.int("num_sparse"), rank);
  const splits = records?.[0] === undefined || records[0] < 0 ? UNKNOWN : records[0] + 1;
  return [
    ...indices,
    ...values,
    ...shapes,
    ...dense(records, node.attrs.shapes("dense_shapes")),
    ...Array.from({ length: ragged }, () => [UNKNOWN]),
    ...Array.from({ length: ragged }, () => [records?.length === 0 ? 0 : splits]),
  ];
};

const parseSingleExample: ShapeRule = (node) => {
  const { indices, values, shapes } = sparseFeatures(node.attrs.int("num_sparse"), 1);
  return [...indices, ...values, ...shapes, ...node.attrs.shapes("dense_shapes")];
};

// ---- tf.SequenceExample --------------------------------------------------------------------------------------

/** Context features as of examples, then feature lists, which have an axis of steps. */
const parseSequenceExample: ShapeRule = (node) => {
  const records = node.shape(0);
  const rank = records === null ? UNKNOWN : records.length;
  const sparse = (count: string, extra: number) =>
    sparseFeatures(node.attrs.int(count), rank < 0 ? UNKNOWN : rank + extra);
  const context = sparse("Ncontext_sparse", 1);
  const lists = sparse("Nfeature_list_sparse", 2);
  const listShapes = node.attrs.shapes("feature_list_dense_shapes");
  return [
    ...[...context.indices, ...context.values, ...context.shapes],
    ...dense(records, node.attrs.shapes("context_dense_shapes")),
    ...raggedContext(node, records),
    ...[...lists.indices, ...lists.values, ...lists.shapes],
    ...dense(joined(records, [UNKNOWN]), listShapes),
    ...listShapes.map(() => records),
    ...raggedLists(node, records),
  ];
};

function raggedContext(node: ShapeContext, records: PartialShape): Inferred[] {
  if (!node.attrs.has("context_ragged_value_types")) return [];
  const count = node.attrs.typeNumbers("context_ragged_value_types").length;
  return [...times(count, [UNKNOWN]), ...times(count, [splitsOf(records)])];
}

function raggedLists(node: ShapeContext, records: PartialShape): Inferred[] {
  if (!node.attrs.has("feature_list_ragged_value_types")) return [];
  const count = node.attrs.typeNumbers("feature_list_ragged_value_types").length;
  return [...times(count, [UNKNOWN]), ...times(count, [splitsOf(records)]), ...times(count, [UNKNOWN])];
}

function times(count: number, shape: PartialShape): PartialShape[] {
  return Array.from({ length: count }, () => shape);
}

/** One row split more than there are records. */
function splitsOf(records: PartialShape): number {
  const [count = UNKNOWN] = records ?? [];
  return count < 0 ? UNKNOWN : count + 1;
}

export const stringShapes: ShapeTable = {
  ...forAll(elementwise, sameAsInput),
  StringJoin: broadcastStrings,
  Substr: broadcast,
  StringFormat: scalars,
  SerializeTensor: scalars,
  ParseTensor: unknown,
  ...forAll(["StringSplit", "StringSplitV2"], split),
  StringNGrams: (node) => [[UNKNOWN], withRank(node.shape(1), 1)],
  UnicodeEncode: (node) => [[ragged(node.shape(1))]],
  UnicodeDecode: (node) => [[flatSplits(node.shape(0))], [UNKNOWN]],
  UnicodeDecodeWithOffsets: (node) => [[flatSplits(node.shape(0))], [UNKNOWN], [UNKNOWN]],
  DecodeRaw: decodedRaw,
  DecodePaddedRaw: decodedPaddedRaw,
  DecodeCSV: decodedCsv,
  Fingerprint: (node) => [[node.shape(0)?.[0] ?? UNKNOWN, 8]],
  SdcaFprint: (node) => [[node.shape(0)?.[0] ?? UNKNOWN, 2]],
  ReadFile: scalars,
  ShardedFilename: scalars,
  ShardedFilespec: scalars,
  MatchingFiles: vectors,
  ParseExample: parseExample,
  ParseExampleV2: parseExampleV2,
  ParseSingleExample: parseSingleExample,
  ...forAll(["ParseSequenceExample", "ParseSequenceExampleV2"], parseSequenceExample),
};

/** Scalars meet any shape; all others are alike. */
function broadcastStrings(node: ShapeContext): readonly Inferred[] {
  return broadcast(node);
}

function ragged(splits: PartialShape): number {
  const [count = UNKNOWN] = splits ?? [];
  return count < 0 ? UNKNOWN : count - 1;
}

function flatSplits(input: PartialShape): number {
  if (input === null || input.some((size) => size < 0)) return UNKNOWN;
  return input.reduce((product, size) => product * size, 1) + 1;
}
