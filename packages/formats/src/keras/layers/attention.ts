/** Attention (keras/src/layers/attention). */
import type { Output } from "../../graph-builder/operation.js";
import { invalidArgument } from "../../status.js";
import type { JsonObject } from "../config.js";
import { kerasObject } from "../config.js";
import { type Layer, type LayerArgs, type LayerResult, type LayerTensor, tensorsOf } from "../layer.js";
import { dimsOf, frontAxis, int, knownSize, type Nodes, rankOf } from "../nodes.js";
import { repeated } from "./reshaping.js";
import type { LayerRow, LayerTable } from "./row.js";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** A projection of the last axis, or last axes, onto others: EinsumDense inside the layer. */
function projection(
  layer: Layer,
  place: string,
  options: {
    readonly rank: number;
    readonly bound: number;
    readonly shape: readonly number[];
    readonly name: string;
    readonly activation?: string;
  },
): Layer {
  const free = options.rank - options.bound;
  const batch = LETTERS.slice(0, free);
  const bound = LETTERS.slice(free, options.rank);
  const made = LETTERS.slice(options.rank, options.rank + options.shape.length);
  const config: JsonObject = {
    name: options.name,
    dtype: layer.config.get("dtype"),
    trainable: layer.isTrainable,
    equation: `${batch}${bound},${bound}${made}->${batch}${made}`,
    output_shape: [...new Array<null>(free - 1).fill(null), ...options.shape],
    bias_axes: layer.config.boolean("use_bias", true) ? made : null,
    activation: options.activation ?? null,
  };
  return layer.part(place, () => kerasObject({ class_name: "EinsumDense", config }, layer.where));
}

// ---- masks ---------------------------------------------------------------------------------------------------

/** What is left out becomes so small that it weighs nothing. */
function masked(n: Nodes, scores: Output, mask: Output | undefined): Output {
  if (mask === undefined) return scores;
  const small = scores.dtype === "float16" ? -4.5e4 : -2.3e38;
  return n.where(mask, scores, n.number(scores, small));
}

function both(n: Nodes, a: Output | undefined, b: Output | undefined): Output | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return n.op("LogicalAnd", [a, b]);
}

/** [1, T, S]: which keys come no later than a query; with a window, not much earlier or later either. */
function causalMask(n: Nodes, query: Output, value: Output): Output {
  const { rows, columns } = positions(n, query, value);
  return n.expand(n.op("GreaterEqual", [rows, columns]), 0);
}

function positions(n: Nodes, query: Output, value: Output): { rows: Output; columns: Output } {
  const range = (size: ReturnType<Nodes["size"]>) =>
    n.op("Range", [int(0), typeof size === "number" ? int(size) : size, int(1)]);
  return { rows: n.expand(range(n.size(query, 1)), 1), columns: n.expand(range(n.size(value, 1)), 0) };
}

function windowMask(n: Nodes, query: Output, value: Output, width: number): Output {
  const { rows, columns } = positions(n, query, value);
  return n.expand(n.op("Less", [n.op("Abs", [n.sub(rows, columns)]), int(width)]), 0);
}

interface AttentionInputs {
  readonly query: LayerTensor;
  readonly value: LayerTensor;
  readonly key: LayerTensor;
}

function attentionInputs(layer: Layer, args: LayerArgs): AttentionInputs {
  const query = args.tensor(0, "query");
  const value = args.tensor(1, "value");
  if (query === undefined || value === undefined)
    throw invalidArgument(`${layer.where} needs a query and a value`);
  return { query, value, key: args.tensor(2, "key") ?? value };
}

/** bool [B, T, S] of all that says which pairs count; undefined when nothing does. */
function pairMask(layer: Layer, args: LayerArgs, { query, value, key }: AttentionInputs): Output | undefined {
  const { n, config } = layer;
  const maskOf = (name: string, tensor: LayerTensor) => args.tensor(99, name)?.output ?? tensor.mask;
  const [q, v] = [maskOf("query_mask", query), maskOf("value_mask", value)];
  const k = key === value ? undefined : maskOf("key_mask", key);
  const given = args.tensor(99, "attention_mask")?.output;
  let mask = q && n.expand(n.cast(q, "bool"), 2);
  if (v !== undefined) mask = both(n, mask, n.expand(n.cast(v, "bool"), 1));
  if (k !== undefined) mask = both(n, mask, n.expand(n.cast(k, "bool"), 1));
  if (args.named.use_causal_mask === true) mask = both(n, mask, causalMask(n, query.output, value.output));
  if (config.has("sliding_window")) {
    mask = both(n, mask, windowMask(n, query.output, value.output, config.number("sliding_window")));
  }
  return both(n, mask, given && n.cast(given, "bool"));
}

// ---- many heads ----------------------------------------------------------------------------------------------

const multiHead: LayerRow = {
  call: (layer, args) => {
    const { n, config } = layer;
    const inputs = attentionInputs(layer, args);
    const heads = config.number("num_heads");
    const keySize = config.number("key_dim");
    const valueSize = config.number("value_dim", keySize);
    const project = (place: string, name: string, input: LayerTensor, size: number, activation?: string) => {
      const rank = rankOf(input.output);
      const options = { rank, bound: 1, shape: [heads, size], name, ...(activation && { activation }) };
      return single(layer, projection(layer, place, options), input.output);
    };
    const query = project("query_dense", "query", inputs.query, keySize);
    const key = project("key_dense", "key", inputs.key, keySize);
    const gate = config.boolean("use_gate", false)
      ? project("_gate_dense", "gate", inputs.query, valueSize, "sigmoid")
      : undefined;
    const value = project("value_dense", "value", inputs.value, valueSize);
    const mask = pairMask(layer, args, inputs);
    const { output, scores } = headedAttention(layer, { query, key, value, mask });
    const gated = gate === undefined ? output : n.mul(output, gate);
    const result = outputProjection(layer, "output_dense", inputs.query.output, gated);
    return withScores(args, inputs, result, scores);
  },
};

function single(layer: Layer, part: Layer, x: Output): Output {
  return (layer.callPart(part, [{ output: x }])[0] as LayerTensor).output;
}

function outputProjection(layer: Layer, place: string, query: Output, x: Output): Output {
  const declared = layer.config.get("output_shape");
  const shape = Array.isArray(declared)
    ? declared.map(Number)
    : [typeof declared === "number" ? declared : knownSize(query, -1, layer.where)];
  const options = { rank: rankOf(x), bound: 2, shape, name: "attention_output" };
  return single(layer, projection(layer, place, options), x);
}

/** The query's mask goes on. */
function withScores(
  args: LayerArgs,
  { query }: AttentionInputs,
  output: Output,
  scores: Output,
): LayerResult {
  const first = query.mask === undefined ? { output } : { output, mask: query.mask };
  return args.named.return_attention_scores === true ? [first, { output: scores }] : [first];
}

interface Headed {
  /** [B, …, N, H] */
  readonly query: Output;
  readonly key: Output;
  readonly value: Output;
  readonly mask: Output | undefined;
}

/** Attention over any axes between batch and heads; all others are as further batches. */
function headedAttention(
  layer: Layer,
  { query, key, value, mask }: Headed,
): { output: Output; scores: Output } {
  const { n, config } = layer;
  const rank = rankOf(query);
  const axes = attendedAxes(layer, rank);
  const head = rank - 2;
  const letters = [...LETTERS.slice(0, rank)];
  const keyLetters = letters.map((letter, axis) => (axes.includes(axis) ? LETTERS[axis + rank] : letter));
  const valueLetters = [...keyLetters.slice(0, -1), "z"];
  const batch = letters.filter((_, axis) => axis < head && !axes.includes(axis));
  const [attending, attended] = [axes.map((axis) => letters[axis]), axes.map((axis) => keyLetters[axis])];
  const product = [...batch, letters[head], ...attending, ...attended].join("");
  const keySize = config.number("key_dim", config.number("head_dim", knownSize(query, -1, layer.where)));
  const scaled = n.scaled(query, 1 / Math.sqrt(keySize));
  const logits = n.einsum(`${keyLetters.join("")},${letters.join("")}->${product}`, key, scaled);
  const scores = softmaxOver(
    n,
    masked(n, logits, widenedMask(n, mask, rankOf(logits), axes.length)),
    axes.length,
  );
  const target = [...letters.slice(0, -1), "z"].join("");
  return { output: n.einsum(`${product},${valueLetters.join("")}->${target}`, scores, value), scores };
}

function attendedAxes(layer: Layer, rank: number): number[] {
  const value = layer.config.get("attention_axes");
  if (value === null) return Array.from({ length: rank - 3 }, (_, i) => i + 1);
  return layer.config.numbers("attention_axes").map((axis) => frontAxis(axis, rank - 1));
}

/** [batch…, queries…, keys…] gets an axis for the heads. */
function widenedMask(n: Nodes, mask: Output | undefined, rank: number, axes: number): Output | undefined {
  let wide = mask;
  while (wide !== undefined && rankOf(wide) < rank) wide = n.expand(wide, rankOf(wide) - 2 * axes);
  return wide;
}

/** Over the last axes together. */
function softmaxOver(n: Nodes, x: Output, count: number): Output {
  if (count === 1) return n.op("Softmax", [x]);
  const sizes = n.sizes(x);
  const flat = n.reshape(x, [...sizes.slice(0, -count), -1]);
  return n.reshape(n.op("Softmax", [flat]), sizes);
}

/** Groups of query heads share the heads of keys and values. */
const groupedQuery: LayerRow = {
  call: (layer, args) => {
    const { n, config } = layer;
    const inputs = attentionInputs(layer, args);
    const size = config.number("head_dim");
    const [heads, groups] = [config.number("num_query_heads"), config.number("num_key_value_heads")];
    const project = (place: string, name: string, input: LayerTensor, count: number, activation?: string) => {
      const options = { rank: 3, bound: 1, shape: [count, size], name, ...(activation && { activation }) };
      return single(layer, projection(layer, place, options), input.output);
    };
    const query = project("_query_dense", "query", inputs.query, heads);
    const key = project("_key_dense", "key", inputs.key, groups);
    const value = project("_value_dense", "value", inputs.value, groups);
    const gate = config.boolean("use_gate", false)
      ? project("_gate_dense", "gate", inputs.query, heads, "sigmoid")
      : undefined;
    const wide = (x: Output) => repeated(n, x, 2, heads / groups);
    const mask = pairMask(layer, args, inputs);
    const { output, scores } = headedAttention(layer, { query, key: wide(key), value: wide(value), mask });
    const result = outputProjection(
      layer,
      "_output_dense",
      inputs.query.output,
      gate === undefined ? output : n.mul(output, gate),
    );
    return withScores(args, inputs, result, scores);
  },
};

// ---- one head ------------------------------------------------------------------------------------------------

type Score = (layer: Layer, query: Output, key: Output) => Output;

/** Layers that take a list: query, value, perhaps key; masks by `mask`, or those that the tensors carry. */
function plainAttention(score: Score): LayerRow {
  return {
    call: (layer, args) => {
      const { n } = layer;
      const [query, value, key = value] = tensorsOf(args.positional[0] ?? args.named.inputs);
      if (query === undefined || value === undefined || key === undefined) {
        throw invalidArgument(`${layer.where} takes a query and a value`);
      }
      const masks = tensorsOf(args.arg(1, "mask"));
      const [queryMask, valueMask] = [masks[0]?.output ?? query.mask, masks[1]?.output ?? value.mask];
      const isCausal = args.named.use_causal_mask === true || layer.config.boolean("causal", false);
      const causal = isCausal ? causalMask(n, query.output, value.output) : undefined;
      const mask = both(n, valueMask && n.expand(valueMask, 1), causal);
      const weights = n.op("Softmax", [masked(n, score(layer, query.output, key.output), mask)]);
      const found = n.op("BatchMatMulV2", [weights, value.output]);
      const output =
        queryMask === undefined ? found : n.mul(found, n.expand(n.cast(queryMask, found.dtype), -1));
      const first = queryMask === undefined ? { output } : { output, mask: queryMask };
      return args.named.return_attention_scores === true ? [first, { output: weights }] : [first];
    },
  };
}

const productScore: Score = (layer, query, key) => {
  const { n, config } = layer;
  if (config.string("score_mode", "dot") === "concat") {
    const scale = config.boolean("use_scale", false) ? layer.weight("scale", []) : undefined;
    const weight = layer.weight("concat_score_weight", []);
    const sum = n.add(n.expand(query, 2), n.expand(key, 1));
    const score = n.reduce("Sum", n.op("Tanh", [scale === undefined ? sum : n.mul(sum, scale)]), [-1]);
    return n.mul(score, weight);
  }
  const product = n.op("BatchMatMulV2", [query, key], { adj_y: true });
  return config.boolean("use_scale", false) ? n.mul(product, layer.weight("scale", [])) : product;
};

const sumScore: Score = (layer, query, key) => {
  const { n, config } = layer;
  const sum = n.op("Tanh", [n.add(n.expand(query, 2), n.expand(key, 1))]);
  const size = dimsOf(key).at(-1) as number;
  return n.reduce(
    "Sum",
    config.boolean("use_scale", true) ? n.mul(sum, layer.weight("scale", [size])) : sum,
    [-1],
  );
};

export const attentionRows: LayerTable = {
  MultiHeadAttention: multiHead,
  GroupQueryAttention: groupedQuery,
  GroupedQueryAttention: groupedQuery,
  Attention: plainAttention(productScore),
  AdditiveAttention: plainAttention(sumScore),
};
