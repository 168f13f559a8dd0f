/**
 * A layer of a model that is being built, as a row of the layer table sees it: its configuration, its weights, its
 * parts, the graph. A layer that is called several times keeps its weights.
 */
import { type DType, dtypeFromName } from "../dtype.js";
import type { Output } from "../graph-builder/operation.js";
import { internal, invalidArgument, resourceExhausted, StatusError, unimplemented } from "../status.js";
import type { Tensor } from "../tensor.js";
import type { Build } from "./build.js";
import { type Config, isJsonObject, type Json, type KerasObject } from "./config.js";
import { Nodes } from "./nodes.js";
import { type LayerPart, storeNameOf, type WeightedLayer, type WeightSpec } from "./weight.js";

/** A tensor between layers. */
export interface LayerTensor {
  readonly output: Output;
  /** bool, the leading dimensions of the output: which entries count. */
  readonly mask?: Output;
}

/** An argument of a call: a tensor, a constant, or lists and records of them. */
export type Arg = LayerTensor | Json | readonly Arg[] | { readonly [name: string]: Arg };

export function isLayerTensor(arg: Arg | undefined): arg is LayerTensor {
  return typeof arg === "object" && arg !== null && "output" in arg && typeof arg.output === "object";
}

/** All tensors of an argument, in order. */
export function tensorsOf(arg: Arg | undefined): LayerTensor[] {
  if (arg === undefined || arg === null || typeof arg !== "object") return [];
  if (isLayerTensor(arg)) return [arg];
  return (Array.isArray(arg) ? arg : Object.values(arg)).flatMap(tensorsOf);
}

/** What a layer is called with. */
export class LayerArgs {
  constructor(
    readonly positional: readonly Arg[],
    readonly named: Readonly<Record<string, Arg>>,
    private readonly where: string,
  ) {}

  /** All tensors, positional ones first. */
  get tensors(): LayerTensor[] {
    return [...this.positional, ...Object.values(this.named)].flatMap(tensorsOf);
  }

  /** The one tensor that most layers take. */
  get input(): LayerTensor {
    const [first] = tensorsOf(this.positional[0] ?? this.named.inputs ?? Object.values(this.named)[0]);
    if (first === undefined) throw invalidArgument(`${this.where} is called without an input`);
    return first;
  }

  /** An argument by place or name; undefined when it is absent or null. */
  arg(place: number, name: string): Arg | undefined {
    return this.positional[place] ?? this.named[name] ?? undefined;
  }

  tensor(place: number, name: string): LayerTensor | undefined {
    const arg = this.arg(place, name);
    return isLayerTensor(arg) ? arg : undefined;
  }
}

/** What a call gives: the outputs, flat. */
export type LayerResult = readonly LayerTensor[];

interface DtypePolicy {
  readonly compute: DType;
  readonly variable: DType;
}

export class Layer implements WeightedLayer {
  readonly className: string;
  readonly config: Config;
  readonly name: string;
  readonly storeName: string;
  readonly isTrainable: boolean;
  readonly weights: WeightSpec[] = [];
  readonly parts: LayerPart[] = [];
  readonly n: Nodes;
  /** The dtype that the layer computes in. */
  readonly dtype: DType;
  private readonly policy: DtypePolicy;
  private readonly declared = new Map<string, Output>();
  private readonly partsByName = new Map<string, Layer>();

  constructor(
    readonly build: Build,
    readonly object: KerasObject,
    /** In a Keras 3 file, such as "layers/dense_1"; empty for the model. */
    readonly path: string,
  ) {
    this.className = object.className;
    this.config = object.config;
    const name = object.config.get("name") ?? object.json.name;
    this.name = typeof name === "string" ? name : storeNameOf(object.className);
    this.storeName = storeNameOf(object.className);
    this.isTrainable = object.config.boolean("trainable", true);
    this.n = new Nodes(build.graph);
    this.policy = dtypePolicy(object.config, build.defaultDtype);
    this.dtype = this.policy.compute;
  }

  /** Names the layer in errors. */
  get where(): string {
    return `layer "${this.name}" (${this.className})`;
  }

  /** An error for something that can't be served, naming the layer. */
  refuse(what: string): never {
    throw unimplemented(`${this.where}: ${what}`);
  }

  /** A size from the configuration that decides how much is computed while the model is built. */
  bounded(name: string, value: number, most: number): number {
    if (!Number.isSafeInteger(value) || value < 0)
      throw invalidArgument(`${this.where}: "${name}" is ${value}`);
    if (value > most)
      throw resourceExhausted(`${this.where}: "${name}" is ${value}; at most ${most} is supported`);
    return value;
  }

  /** The value of a variable in the layer's dtype. Declared at the first call, in the order of Keras. */
  weight(name: string, shape: readonly number[], options: WeightOptions = {}): Output {
    const dtype = options.dtype ?? this.policy.variable;
    const value = this.declared.get(name) ?? this.declare(name, dtype, shape, options.trainable ?? true);
    this.declared.set(name, value);
    return this.n.cast(value, options.dtype ?? this.dtype);
  }

  private declare(name: string, dtype: DType, shape: readonly number[], trainable: boolean): Output {
    const wrong = shape.find((size) => !Number.isSafeInteger(size) || size < 0);
    if (wrong !== undefined) {
      throw invalidArgument(`${this.where}: weight "${name}" would have the shape [${shape.join(",")}]`);
    }
    const key = this.path === "" ? name : `${this.path}/${name}`;
    const spec = { key, name, dtype, shape, trainable };
    if (this.weights.some((other) => other.name === name)) throw internal(`${this.where} has two "${name}"`);
    this.weights.push(spec);
    return this.build.weight(spec);
  }

  /** A weight of another layer that this one counts among its own as well. */
  alias(spec: WeightSpec): void {
    if (this.weights.some(({ sameAs }) => sameAs === spec.key)) return;
    this.weights.push({ ...spec, key: `${this.path}/${spec.name}`, sameAs: spec.key });
  }

  /** A value that the configuration has, and that Keras 3 files have among the variables too. */
  given(name: string, value: Tensor): void {
    if (this.weights.some((other) => other.name === name)) return;
    const { dtype, shape } = value;
    const key = `${this.path}/${name}`;
    this.weights.push({ key, name, dtype, shape, trainable: false, sameAs: key, given: value });
  }

  /** A layer inside this one, the same at each call. Its attribute's name is its place in Keras 3 files. */
  part(place: string, object: () => KerasObject): Layer {
    const known = this.partsByName.get(place);
    if (known !== undefined) return known;
    const path = this.path === "" ? place : `${this.path}/${place}`;
    const layer = new Layer(this.build, object(), path);
    this.partsByName.set(place, layer);
    this.parts.push({ place, layer });
    return layer;
  }

  /** Calls a layer inside this one. */
  callPart(layer: Layer, positional: readonly Arg[], named: Readonly<Record<string, Arg>> = {}): LayerResult {
    return this.build.call(layer, positional, named);
  }

  /** The axis of channels counted from the front. */
  channelAxis(rank: number): number {
    return this.isChannelsFirst ? 1 : rank - 1;
  }

  get isChannelsFirst(): boolean {
    return this.config.string("data_format", "channels_last") === "channels_first";
  }
}

interface WeightOptions {
  readonly trainable?: boolean;
  /** By default that of the layer's variables; the value is then not cast. */
  readonly dtype?: DType;
}

/** Keras's policies (keras/src/dtype_policies): what variables are stored in, and what is computed in. */
function dtypePolicy(config: Config, otherwise: DType): DtypePolicy {
  const value = config.get("dtype");
  const isObject = isJsonObject(value);
  if (isObject && value.class_name !== "DTypePolicy" && value.class_name !== "Policy") {
    config.refuse(`the dtype policy ${String(value.class_name)}`);
  }
  const inner = isObject && isJsonObject(value.config) ? value.config.name : value;
  if (typeof inner !== "string") return { compute: otherwise, variable: otherwise };
  if (inner === "mixed_float16") return { compute: "float16", variable: "float32" };
  if (inner === "mixed_bfloat16") return { compute: "bfloat16", variable: "float32" };
  const dtype = dtypeFromName(inner);
  if (dtype === undefined) config.refuse(`the dtype policy "${inner}"`);
  return { compute: dtype, variable: dtype };
}

/** Errors of `make` name the layer, unless they do. */
export function inLayer<T>(layer: Layer, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const status = StatusError.from(error);
    if (status.message.includes("layer ") || status.message.includes("layers")) throw status;
    throw status.about(layer.where);
  }
}
