/**
 * Builds a Keras model into a graph, layer by layer. The same model is built twice: once to learn which weights it
 * has, and of what shapes; then with their values.
 */
import type { DType } from "../dtype.js";
import type { GraphBuilder } from "../graph-builder/graph-builder.js";
import type { Output } from "../graph-builder/operation.js";
import { internal, invalidArgument, resourceExhausted, unimplemented } from "../status.js";
import type { KerasObject } from "./config.js";
import { type Arg, inLayer, type Layer, LayerArgs, type LayerResult, type LayerTensor } from "./layer.js";
import { layerRow } from "./layers/index.js";
import type { WeightSpec, WeightValues } from "./weight.js";

/** Calls of layers in one model, at most, and layers inside each other. */
const MAX_CALLS = 50_000;
const MAX_DEPTH = 64;

/** Files that belong to layers, such as vocabularies: their content by the layer's path and the file's name. */
export type LayerAssets = (layerPath: string, fileName: string) => Uint8Array | undefined;

export interface BuildOptions {
  /** Values of the weights; without them the graph is for its shapes only. */
  readonly values?: WeightValues;
  /** Weights are variables of the graph rather than constants. */
  readonly asVariables?: boolean;
  readonly assets?: LayerAssets;
  /** Of the Keras that wrote the model: some things have changed their meaning. */
  readonly kerasMajor: number;
}

export class Build {
  readonly defaultDtype: DType = "float32";
  /** Names of the graph's variables and the keys of the weights that they hold. */
  readonly variables = new Map<string, string>();
  private calls = 0;
  private depth = 0;
  private functions = 0;

  constructor(
    readonly graph: GraphBuilder,
    private readonly options: BuildOptions,
  ) {}

  get isKeras2(): boolean {
    return this.options.kerasMajor < 3;
  }

  asset(layerPath: string, fileName: string): Uint8Array | undefined {
    return this.options.assets?.(layerPath, fileName);
  }

  /** The value of a weight. */
  weight(spec: WeightSpec): Output {
    const name = scopeName(spec.name);
    const { values, asVariables = false } = this.options;
    if (values === undefined || asVariables) {
      const variable = this.graph.variable(spec.dtype, spec.shape, { name, trainable: spec.trainable });
      this.variables.set(variable.name, spec.key);
      return variable.read();
    }
    const value = values.get(spec.key);
    if (value === undefined) throw internal(`weight "${spec.key}" has no value`);
    return this.graph.constant(value, { name });
  }

  /** A name for a function of the graph that no other has. */
  functionName(hint: string): string {
    return `${hint.replace(/[^A-Za-z0-9_]/g, "_")}_${this.functions++}`;
  }

  /** Calls a layer: its row adds to the graph. Floats are cast to the layer's dtype, as Keras does. */
  call(layer: Layer, positional: readonly Arg[], named: Readonly<Record<string, Arg>> = {}): LayerResult {
    const row = rowOf(layer.object, layer.where);
    if (++this.calls > MAX_CALLS)
      throw resourceExhausted(`the model calls layers more than ${MAX_CALLS} times`);
    if (++this.depth > MAX_DEPTH)
      throw invalidArgument(`layers are inside each other more than ${MAX_DEPTH} deep`);
    try {
      const cast = row.takesAnyDtype ? (arg: Arg) => arg : (arg: Arg) => casted(layer, arg);
      const args = new LayerArgs(positional.map(cast), castedRecord(named, cast), layer.where);
      const results = inLayer(layer, () =>
        this.graph.scope(scopeName(layer.name), () => row.call(layer, args)),
      );
      return row.passesMask ? withMask(results, args) : results;
    } finally {
      this.depth--;
    }
  }
}

function castedRecord(named: Readonly<Record<string, Arg>>, cast: (arg: Arg) => Arg): Record<string, Arg> {
  return Object.fromEntries(Object.entries(named).map(([name, arg]) => [name, cast(arg)]));
}

const floats: ReadonlySet<string> = new Set(["float16", "bfloat16", "float32", "float64"]);

function casted(layer: Layer, arg: Arg): Arg {
  if (typeof arg !== "object" || arg === null) return arg;
  if (Array.isArray(arg)) return arg.map((each) => casted(layer, each));
  if ("output" in arg && typeof arg.output === "object") {
    const { output } = arg as LayerTensor;
    if (!floats.has(output.dtype) || !floats.has(layer.dtype)) return arg;
    return { ...(arg as LayerTensor), output: layer.n.cast(output, layer.dtype) };
  }
  return castedRecord(arg as Record<string, Arg>, (each) => casted(layer, each));
}

/** A single output has the mask of the input, where the row gave it none. */
function withMask(results: LayerResult, args: LayerArgs): LayerResult {
  const mask = args.tensors.find((each) => each.mask !== undefined)?.mask;
  if (mask === undefined) return results;
  return results.map((result) => (result.mask === undefined ? { ...result, mask } : result));
}

function scopeName(name: string): string {
  return name.replace(/[^A-Za-z0-9_.\\-]/g, "_").replace(/^[^A-Za-z0-9.]/, ".");
}

function rowOf(object: KerasObject, where: string) {
  const row = layerRow(object);
  if (row !== undefined) return row;
  const { className, registeredName } = object;
  if (className === "Lambda") {
    throw unimplemented(`${where} holds Python code, which can't be run: replace it by layers of Keras`);
  }
  const custom =
    registeredName !== undefined && registeredName !== className ? `, registered as "${registeredName}"` : "";
  throw unimplemented(`${where} is no layer that Servable knows${custom}: a custom layer can't be served`);
}
