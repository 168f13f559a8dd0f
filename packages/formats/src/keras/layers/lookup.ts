/** Vocabularies (keras/src/layers/preprocessing): StringLookup, IntegerLookup, TextVectorization. */
import type { Output } from "../../graph-builder/operation.js";
import { invalidArgument } from "../../status.js";
import { decodeText, stringTensor, type Tensor } from "../../tensor.js";
import type { Json } from "../config.js";
import type { Layer } from "../layer.js";
import { int, ints, type Nodes, numbersOf, rankOf } from "../nodes.js";
import { encoded, flatNumbers, hashed, outputDtype, scalarOf } from "./preprocessing.js";
import type { LayerRow, LayerTable } from "./row.js";

type Token = string | number;

/** What a lookup layer knows. */
interface Vocabulary {
  readonly tokens: readonly Token[];
  readonly isText: boolean;
  /** Stands for nothing: index 0. Null for none. */
  readonly mask: Token | null;
  readonly unknown: Token;
  readonly unknownCount: number;
  /** Index of the first unknown, and of the first token. */
  readonly unknownStart: number;
  readonly start: number;
}

interface VocabularySettings {
  readonly layer: Layer;
  readonly isText: boolean;
  readonly mode: string;
  readonly mask: Token | null;
  readonly unknown: Token;
  readonly unknownCount: number;
  readonly invert: boolean;
}

const VOCABULARY_FILE = "vocabulary.txt";
/** Places for unknown tokens, entries of a vocabulary with its padding, and widths of n-grams. */
const MAX_UNKNOWN = 1_000_000;
const MAX_DEPTH = 2 ** 24;
const MAX_NGRAMS = 100;

function vocabularyOf(settings: VocabularySettings): Vocabulary {
  const { layer, isText, mode, mask, unknown, unknownCount } = settings;
  const all = storedTokens(layer, isText);
  const unknownStart = mask !== null && mode === "int" ? 1 : 0;
  const special = [
    ...(unknownStart === 1 ? [mask as Token] : []),
    ...new Array<Token>(unknownCount).fill(unknown),
  ];
  const hasSpecial = special.length > 0 && special.every((token, i) => all[i] === token);
  const tokens = hasSpecial ? all.slice(special.length) : all;
  if (new Set(tokens).size !== tokens.length) {
    throw invalidArgument(`${layer.where}: the vocabulary has the same entry more than once`);
  }
  return { tokens, isText, mask, unknown, unknownCount, unknownStart, start: unknownStart + unknownCount };
}

/** From the configuration, else from the archive's files. */
function storedTokens(layer: Layer, isText: boolean): Token[] {
  const value = layer.config.get("vocabulary");
  if (Array.isArray(value)) return value.map((token) => asToken(token, isText));
  const file = layer.build.asset(layer.path, VOCABULARY_FILE);
  if (file !== undefined) {
    const lines = decodeText(file).split("\n");
    return lines.map((line) => (isText ? line : Number(line)));
  }
  if (typeof value === "string") {
    layer.refuse(`its vocabulary is the file "${value}", which the model does not contain`);
  }
  layer.refuse(
    "it has no vocabulary: the file was saved before the layer was adapted, or in a format without it",
  );
}

function asToken(token: Json, isText: boolean): Token {
  return isText ? String(token) : Number(token);
}

function tokenTensor(vocabulary: Vocabulary, tokens: readonly Token[]): Tensor {
  if (vocabulary.isText) return stringTensor([tokens.length], tokens.map(String));
  return numbersOf("int64", [tokens.length], tokens.map(Number));
}

/** int64 indices of tokens. */
function indicesOf(layer: Layer, input: Output, vocabulary: Vocabulary): Output {
  const { n } = layer;
  const x = vocabulary.isText || input.dtype === "int64" ? input : n.cast(input, "int64");
  const { tokens, mask, unknownCount, unknownStart, start } = vocabulary;
  const indices = numbersOf(
    "int64",
    [tokens.length],
    tokens.map((_, i) => i + start),
  );
  const defaultValue = numbersOf("int64", [], [unknownCount === 1 ? unknownStart : -1]);
  const table = n.g.hashTable({ keys: tokenTensor(vocabulary, tokens), values: indices, defaultValue });
  const found = table.find(x);
  const zero = numbersOf("int64", [], [0]);
  const kept = mask === null ? found : n.where(n.op("Equal", [x, scalarOf(x.dtype, mask)]), zero, found);
  if (unknownCount <= 1) return unknownCount === 1 ? kept : checked(layer, kept);
  const bucket = unknownBucket(layer, x, unknownCount);
  const isUnknown = n.op("Equal", [kept, numbersOf("int64", [], [-1])]);
  return n.where(isUnknown, n.shifted(bucket, unknownStart), kept);
}

/** Without a place for them, unknown tokens are an error. */
function checked(layer: Layer, indices: Output): Output {
  const { n } = layer;
  const known = n.op("All", [n.op("GreaterEqual", [indices, numbersOf("int64", [], [0])]), allAxes(indices)]);
  const message = stringTensor(
    [],
    [`${layer.name}: all inputs should be in vocabulary (num_oov_indices is 0)`],
  );
  const assertion = n.g.op("Assert", [known, [message]]);
  return n.g.compute("Identity", [indices], {}, { controlInputs: [assertion] });
}

function allAxes(x: Output): Tensor {
  return ints(...Array.from({ length: rankOf(x) }, (_, i) => i));
}

function unknownBucket(layer: Layer, x: Output, count: number): Output {
  const { n, config } = layer;
  const salt = config.get("salt");
  const isPlain = x.dtype === "int64" && config.string("oov_method", "floormod") !== "farmhash";
  if (isPlain) return n.op("FloorMod", [x, numbersOf("int64", [], [count])]);
  const key = salt === null ? undefined : flatNumbers(salt);
  return hashed(n, x, count, key?.length === 1 ? [key[0] as number, key[0] as number] : key);
}

/** Tokens of indices. */
function tokensOfIndices(layer: Layer, input: Output, vocabulary: Vocabulary): Output {
  const { n } = layer;
  const { tokens, mask, unknown, start } = vocabulary;
  const x = input.dtype === "int64" ? input : n.cast(input, "int64");
  const table = n.g.hashTable({
    keys: numbersOf(
      "int64",
      [tokens.length],
      tokens.map((_, i) => i + start),
    ),
    values: tokenTensor(vocabulary, tokens),
    defaultValue: vocabulary.isText
      ? stringTensor([], [String(unknown)])
      : numbersOf("int64", [], [Number(unknown)]),
  });
  const found = table.find(x);
  if (mask === null) return found;
  return n.where(n.op("Equal", [x, numbersOf("int64", [], [0])]), scalarOf(found.dtype, mask), found);
}

function lookup(isText: boolean): LayerRow {
  return {
    takesAnyDtype: true,
    call: (layer, args) => {
      const { config } = layer;
      if (config.boolean("sparse", false)) layer.refuse("sparse outputs are not supported");
      const invert = config.boolean("invert", false);
      const mode = config.string("output_mode", "int");
      const vocabulary = vocabularyOf({
        layer,
        isText,
        mode,
        invert,
        mask: tokenOf(config.get("mask_token"), isText),
        unknown: tokenOf(config.get("oov_token"), isText) ?? (isText ? "[UNK]" : -1),
        unknownCount: layer.bounded("num_oov_indices", config.number("num_oov_indices", 1), MAX_UNKNOWN),
      });
      const { output } = args.input;
      if (invert) return [{ output: tokensOfIndices(layer, output, vocabulary) }];
      return [{ output: encodedIndices(layer, indicesOf(layer, output, vocabulary), vocabulary, mode) }];
    },
  };
}

function tokenOf(value: Json, isText: boolean): Token | null {
  return value === null ? null : asToken(value, isText);
}

function encodedIndices(layer: Layer, indices: Output, vocabulary: Vocabulary, mode: string): Output {
  const { n, config } = layer;
  const size = vocabulary.tokens.length + vocabulary.start;
  const depth = config.boolean("pad_to_max_tokens", false) ? config.number("max_tokens", size) : size;
  layer.bounded("max_tokens", depth, MAX_DEPTH);
  const isWeighted = mode === "tf_idf" || mode === "tf-idf";
  const dtype = isWeighted || layer.build.isKeras2 ? outputDtype(layer, mode) : "int64";
  const counted = encoded(layer, indices, { mode: isWeighted ? "count" : mode, depth, dtype });
  return isWeighted ? n.mul(counted, inverseFrequencies(layer, vocabulary, depth)) : counted;
}

/** One weight for each entry of the vocabulary; unknown tokens have the average. */
function inverseFrequencies(layer: Layer, vocabulary: Vocabulary, depth: number): Tensor | Output {
  const given = flatNumbers(layer.config.get("idf_weights"));
  const { tokens, start } = vocabulary;
  // Keras 2 counts them among the weights; so does a file of Keras 3 where the layer has learned them.
  if (layer.build.isKeras2 || given.length === 0) {
    return layer.weight("idf_weights", [tokens.length + start], { trainable: false });
  }
  const own = given.length === tokens.length + start ? given.slice(start) : given;
  const average = own.reduce((sum, weight) => sum + weight, 0) / Math.max(1, own.length);
  const front =
    given.length === tokens.length + start ? given.slice(0, start) : new Array<number>(start).fill(average);
  const all = [...front, ...own];
  layer.given("idf_weights", numbersOf("float32", [all.length], all));
  return numbersOf(
    "float32",
    [depth],
    [...all, ...new Array<number>(Math.max(0, depth - all.length)).fill(0)],
  );
}

// ---- text ----------------------------------------------------------------------------------------------------

const PUNCTUATION = "[!\"#$%&()\\*\\+,-\\./:;<=>?@\\[\\\\\\]^_`{|}~\\']";

function standardized(layer: Layer, x: Output): Output {
  const { n, config } = layer;
  const how = config.get("standardize");
  const lower = (text: Output) => n.op("StringLower", [text]);
  const strip = (text: Output) => n.op("StaticRegexReplace", [text], { pattern: PUNCTUATION, rewrite: "" });
  switch (how) {
    case null:
      return x;
    case "lower":
      return lower(x);
    case "strip_punctuation":
      return strip(x);
    case "lower_and_strip_punctuation":
      return strip(lower(x));
    default:
      return layer.refuse("a custom standardization can't be served");
  }
}

interface Ragged {
  readonly values: Output;
  /** int64: where each row begins, and the end. */
  readonly splits: Output;
  readonly rows: ReturnType<Nodes["size"]>;
}

function splitTexts(layer: Layer, x: Output): Ragged {
  const { n, config } = layer;
  const rows = n.size(x, 0);
  const how = config.get("split");
  if (how === "character") {
    const decoded = n.ops("UnicodeDecode", [x], { input_encoding: "UTF-8", Tsplits: "int64" });
    const [splits, characters] = decoded.outputs as [Output, Output];
    const one = numbersOf("int64", [], [1]);
    const count = n.cast(n.op("Size", [characters]), "int64");
    const bounds = n.op("Range", [numbersOf("int64", [], [0]), n.add(count, one), one]);
    const values = n.op("UnicodeEncode", [characters, bounds], {
      output_encoding: "UTF-8",
      Tsplits: "int64",
    });
    return { values, splits, rows };
  }
  if (how !== "whitespace") return layer.refuse("a custom split can't be served");
  const split = n.ops("StringSplitV2", [x, stringTensor([], [""])]);
  const [indices, values] = split.outputs as [Output, Output];
  const rowOf = n.op("StridedSlice", [indices, ints(0, 0), ints(0, 1), ints(1, 1)], {
    begin_mask: 1,
    end_mask: 1,
    shrink_axis_mask: 2,
  });
  const count = typeof rows === "number" ? int(rows) : rows;
  const ones = n.op("OnesLike", [rowOf]);
  const lengths = n.op("UnsortedSegmentSum", [ones, rowOf, count]);
  const zero = numbersOf("int64", [1], [0]);
  const splits = n.op("ConcatV2", [[n.g.constant(zero), n.op("Cumsum", [lengths, int(0)])], int(0)]);
  return { values, splits, rows };
}

function withNgrams(layer: Layer, ragged: Ragged): Ragged {
  const { n, config } = layer;
  const value = config.get("ngrams");
  if (value === null) return ragged;
  const widths =
    typeof value === "number"
      ? Array.from({ length: layer.bounded("ngrams", value, MAX_NGRAMS) }, (_, i) => i + 1)
      : flatNumbers(value);
  const made = n.ops("StringNGrams", [ragged.values, ragged.splits], {
    separator: " ",
    ngram_widths: widths,
    left_pad: "",
    right_pad: "",
    pad_width: 0,
    preserve_short_sequences: false,
  });
  const [values, splits] = made.outputs as [Output, Output];
  return { ...ragged, values, splits };
}

/** Rows of different lengths as a matrix, filled up with `padding`. */
function padded(
  n: Nodes,
  values: Output,
  { splits, rows }: Ragged,
  length: number | undefined,
  padding: number,
): Output {
  const starts = n.slice1(splits, 0, -1);
  const lengths = n.sub(n.slice1(splits, 1), starts);
  const count = typeof rows === "number" ? int(rows) : rows;
  const longest = n.op("Maximum", [
    n.op("Max", [n.op("ConcatV2", [[lengths, n.g.constant(numbersOf("int64", [1], [0]))], int(0)]), ints(0)]),
    numbersOf("int64", [], [0]),
  ]);
  const width = length === undefined ? n.cast(longest, "int32") : n.g.constant(int(length));
  const columns = n.expand(n.op("Range", [int(0), width, int(1)]), 0);
  const inRow = n.op("Less", [n.cast(columns, "int64"), n.expand(lengths, 1)]);
  const places = n.add(n.expand(starts, 1), n.cast(columns, "int64"));
  const filled = n.op("ConcatV2", [[values, n.g.constant(numbersOf("int64", [1], [padding]))], int(0)]);
  const last = n.sub(n.cast(n.op("Size", [filled]), "int64"), numbersOf("int64", [], [1]));
  const table = n.op("GatherV2", [filled, n.where(inRow, places, last), int(0)]);
  return n.op("Reshape", [table, n.op("Pack", [[count, width]])]);
}

const textVectorization: LayerRow = {
  takesAnyDtype: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const input = args.input.output;
    const mode = config.string("output_mode", "int");
    if (config.boolean("ragged", false) || config.boolean("sparse", false)) {
      layer.refuse("ragged and sparse outputs are not supported");
    }
    const vocabulary = vocabularyOf({
      layer,
      isText: true,
      mode,
      invert: false,
      mask: mode === "int" ? "" : null,
      unknown: "[UNK]",
      unknownCount: 1,
    });
    const clean = standardized(layer, input);
    if (config.get("split") === null) {
      const indices = indicesOf(layer, clean, vocabulary);
      return [{ output: encodedIndices(layer, indices, vocabulary, mode) }];
    }
    const texts = rankOf(clean) > 1 ? n.squeeze(clean, -1) : clean;
    const ragged = withNgrams(layer, splitTexts(layer, texts));
    const indices = indicesOf(layer, ragged.values, vocabulary);
    if (mode === "int") {
      const length = config.has("output_sequence_length")
        ? config.number("output_sequence_length")
        : undefined;
      return [{ output: n.cast(padded(n, indices, ragged, length, 0), outputDtype(layer, mode)) }];
    }
    return [{ output: encodedIndices(layer, padded(n, indices, ragged, undefined, -1), vocabulary, mode) }];
  },
};

export const lookupRows: LayerTable = {
  StringLookup: lookup(true),
  IntegerLookup: lookup(false),
  TextVectorization: textVectorization,
};
