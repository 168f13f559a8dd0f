/**
 * Models made of layers: Sequential, a chain, and Functional, a graph whose nodes are calls of layers
 * (keras/src/models/functional.py, tf_keras/src/engine/functional.py). As rows of the layer table they are layers as
 * well, for models contain models.
 */
import { type DType, dtypeFromName } from "../dtype.js";
import { invalidArgument } from "../status.js";
import { isJsonObject, type Json, type JsonObject, type KerasObject, kerasObject } from "./config.js";
import {
  type Arg,
  isLayerTensor,
  type Layer,
  type LayerArgs,
  type LayerResult,
  type LayerTensor,
} from "./layer.js";
import type { LayerRow } from "./layers/row.js";
import { isOperation } from "./operations.js";
import { NameCounter, storeNameOf } from "./weight.js";

/** One input of a model, as its configuration declares it. */
export interface ModelInput {
  readonly name: string;
  readonly dtype: DType;
  /** With the batch, -1 for sizes that are not known. */
  readonly shape: readonly number[];
}

const networkClasses: ReadonlySet<string> = new Set(["Sequential", "Functional", "Model"]);

/** Whether an object is a model of one of the two kinds that a configuration describes completely. */
export function isNetwork({ className, config }: KerasObject): boolean {
  return (
    networkClasses.has(className) || (Array.isArray(config.values.layers) && "input_layers" in config.values)
  );
}

function isSequential({ className, config }: KerasObject): boolean {
  return className === "Sequential" || !("input_layers" in config.values);
}

/** The layers of a model in their order, with their places in a Keras 3 file. */
interface PlacedObject {
  readonly object: KerasObject;
  readonly name: string;
  readonly place: string;
  readonly nodes: readonly Json[];
}

function layersOf(object: KerasObject): PlacedObject[] {
  const counter = new NameCounter();
  const where = `model "${String(object.config.get("name") ?? object.className)}"`;
  return object.config.list("layers").map((json, i) => {
    const inner = kerasObject(json, `${where}, layer ${i}`);
    const { name = inner.config.get("name"), inbound_nodes: nodes } = inner.json;
    return {
      object: inner,
      name: typeof name === "string" ? name : storeNameOf(inner.className),
      place: placeOf(object, inner, counter),
      nodes: Array.isArray(nodes) ? nodes : [],
    };
  });
}

/** Sequential models do not count the layer that stands for their input. */
function placeOf(model: KerasObject, layer: KerasObject, counter: NameCounter): string {
  if (isSequential(model) && layer.className === "InputLayer") return "input";
  if (isOperation(layer)) return `operations/${counter.next(layer.className)}`;
  return `layers/${counter.next(storeNameOf(layer.className))}`;
}

// ---- inputs and outputs --------------------------------------------------------------------------------------

/** The inputs of a model, in the order in which it takes them. INVALID_ARGUMENT when they are not declared. */
export function modelInputs(object: KerasObject): ModelInput[] {
  const layers = layersOf(object);
  if (isSequential(object)) return [sequentialInput(object, layers)];
  return references(object.config.get("input_layers")).map(({ layer }) => {
    const found = layers.find(({ name }) => name === layer);
    if (found === undefined) throw invalidArgument(`the model has no input layer "${layer}"`);
    return inputOf(found);
  });
}

function inputOf({ object, name }: PlacedObject): ModelInput {
  const { config } = object;
  if (config.get("ragged") === true) config.refuse("a ragged input");
  const shape = declaredShape(object);
  if (shape === undefined) throw invalidArgument(`input layer "${name}" declares no shape`);
  return { name, dtype: inputDtype(object), shape };
}

function sequentialInput(object: KerasObject, layers: readonly PlacedObject[]): ModelInput {
  const [first] = layers;
  if (first === undefined) throw invalidArgument(`${object.config.where} has no layers`);
  if (first.object.className === "InputLayer") return inputOf(first);
  if (isNetwork(first.object)) {
    const [input, ...more] = modelInputs(first.object);
    if (input !== undefined && more.length === 0) return input;
  }
  const own = object.config.get("build_input_shape") ?? buildShape(object) ?? null;
  const shape = declaredShape(first.object) ?? shapeOf(own);
  if (shape === undefined) {
    throw invalidArgument(
      `${object.config.where} does not say the shape of its input: it was saved before it was built`,
    );
  }
  return { name: `${first.name}_input`, dtype: inputDtype(first.object), shape };
}

function declaredShape(object: KerasObject): number[] | undefined {
  const { config } = object;
  const whole = shapeOf(config.get("batch_shape") ?? config.get("batch_input_shape"));
  const sample = shapeOf(config.get("shape") ?? config.get("input_shape"));
  return whole ?? (sample && [-1, ...sample]) ?? shapeOf(buildShape(object) ?? null);
}

function buildShape({ json }: KerasObject): Json | undefined {
  return isJsonObject(json.build_config) ? json.build_config.input_shape : undefined;
}

function shapeOf(value: Json): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  if (!value.every((size) => size === null || (typeof size === "number" && size >= 0))) return undefined;
  return value.map((size) => (size === null ? -1 : Number(size)));
}

/** Layers that take words or numbers of classes rather than floats, where nothing says what the input is. */
const integerInputs: ReadonlySet<string> = new Set(["Embedding", "IntegerLookup", "CategoryEncoding"]);
const stringInputs: ReadonlySet<string> = new Set(["StringLookup", "TextVectorization"]);

function inputDtype(object: KerasObject): DType {
  const value = object.config.get("dtype");
  if (object.className === "InputLayer" && typeof value === "string") {
    const dtype = dtypeFromName(value);
    if (dtype === undefined) object.config.refuse(`an input of dtype "${value}"`);
    return dtype;
  }
  if (stringInputs.has(object.className)) return "string";
  if (integerInputs.has(object.className)) return "float32";
  return "float32";
}

/** The names of a model's outputs: the keys of a record, else the names of the layers that give them. */
export function outputNames(object: KerasObject, count: number): string[] {
  const counter = new NameCounter();
  if (isSequential(object)) {
    const last = layersOf(object).at(-1)?.name ?? "output";
    return Array.from({ length: count }, () => counter.next(last));
  }
  return references(object.config.get("output_layers")).map(({ key, layer }) => counter.next(key ?? layer));
}

interface Reference {
  readonly layer: string;
  readonly node: number;
  readonly tensor: number;
  /** Where the references are a record. */
  readonly key?: string;
}

/** [name, node, tensor], a list of them, or a record of them. */
function references(value: Json): Reference[] {
  const single = referenceOf(value);
  if (single !== undefined) return [single];
  if (Array.isArray(value)) return value.flatMap(references);
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    references(inner).map((reference) => ({ ...reference, key })),
  );
}

function referenceOf(value: Json): Reference | undefined {
  if (!Array.isArray(value) || value.length < 3) return undefined;
  const [layer, node, tensor] = value;
  if (typeof layer !== "string" || typeof node !== "number" || typeof tensor !== "number") return undefined;
  return { layer, node, tensor };
}

// ---- rows ----------------------------------------------------------------------------------------------------

/** The row of all models. */
export const networkRow: LayerRow = {
  call: (layer, args) =>
    isSequential(layer.object) ? callSequential(layer, args) : callFunctional(layer, args),
  takesAnyDtype: true,
};

function callSequential(model: Layer, args: LayerArgs): LayerResult {
  let current: readonly LayerTensor[] = [args.input];
  for (const { object, place } of layersOf(model.object)) {
    if (object.className === "InputLayer") continue;
    const layer = model.part(place, () => object);
    const [only, ...more] = current;
    current = model.callPart(layer, [more.length === 0 ? (only as LayerTensor) : current]);
  }
  return current;
}

function callFunctional(model: Layer, args: LayerArgs): LayerResult {
  const run = new FunctionalRun(model, layersOf(model.object));
  run.feed(args);
  run.finish();
  return references(model.config.get("output_layers")).map((reference) => run.resolve(reference));
}

/** A call of a layer that waits for its inputs. */
interface PendingCall {
  readonly placed: PlacedObject;
  readonly layer: Layer;
  readonly node: Json;
}

class FunctionalRun {
  private readonly results = new Map<string, LayerResult[]>();
  private readonly byName: ReadonlyMap<string, PlacedObject>;
  /** Of models inside this one: the number of their first call. */
  private readonly firstNodes = new Map<string, number>();
  private pending: PendingCall[];

  constructor(
    private readonly model: Layer,
    layers: readonly PlacedObject[],
  ) {
    this.byName = new Map(layers.map((placed) => [placed.name, placed]));
    this.noteFirstNodes(layers);
    this.pending = layers.flatMap((placed) => {
      // All layers are declared, in the order of files, even those that wait for others.
      const layer = model.part(placed.place, () => placed.object);
      this.results.set(placed.name, []);
      return placed.nodes.map((node) => ({ placed, layer, node }));
    });
  }

  /**
   * Most versions of Keras count a model's own making as its first call, some do not. All calls that are written down
   * are used, so the lowest number that is referred to is that of the first.
   */
  private noteFirstNodes(layers: readonly PlacedObject[]): void {
    const used = [
      ...layers.flatMap(({ nodes }) => this.referencesIn([...nodes])),
      ...references(this.model.config.get("output_layers")),
    ];
    for (const { layer, node } of used) {
      const placed = this.byName.get(layer);
      if (placed === undefined || !isNetwork(placed.object) || placed.nodes.length === 0) continue;
      this.firstNodes.set(layer, Math.min(node, this.firstNodes.get(layer) ?? node));
    }
  }

  /** Gives the input layers their tensors: by place, or by name where the model is called with a record. */
  feed(args: LayerArgs): void {
    const inputs = references(this.model.config.get("input_layers"));
    const [given] = args.positional;
    const record = given !== undefined && !isLayerTensor(given) && isRecord(given) ? given : undefined;
    const tensors = args.tensors;
    inputs.forEach(({ layer, key }, i) => {
      const named = record && (record[key ?? layer] ?? record[layer]);
      const value = isLayerTensor(named) ? named : tensors[i];
      if (value === undefined) {
        throw invalidArgument(`${this.model.where} takes ${inputs.length} inputs, got ${tensors.length}`);
      }
      this.results.set(layer, [[this.asDeclared(layer, value)]]);
    });
    // InputLayers that are no inputs of the model have no nodes to wait for either.
  }

  private asDeclared(name: string, value: LayerTensor): LayerTensor {
    const placed = this.byName.get(name);
    if (placed === undefined) throw invalidArgument(`${this.model.where} has no layer "${name}"`);
    const dtype = inputDtype(placed.object);
    if (dtype === "string" || value.output.dtype === "string") return value;
    return { ...value, output: this.model.n.cast(value.output, dtype) };
  }

  /** Calls in the order of the file, those that lack an input later. INVALID_ARGUMENT when some never get it. */
  finish(): void {
    while (this.pending.length > 0) {
      const waiting: PendingCall[] = [];
      const blocked = new Set<string>();
      for (const call of this.pending) {
        if (blocked.has(call.placed.name) || !this.isReady(call.node)) {
          // The calls of one layer keep their order.
          blocked.add(call.placed.name);
          waiting.push(call);
        } else {
          this.run(call);
        }
      }
      if (waiting.length === this.pending.length) {
        const names = [...new Set(waiting.map(({ placed }) => `"${placed.name}"`))];
        throw invalidArgument(
          `${this.model.where} has a loop, or inputs that nothing gives: layers ${names.slice(0, 8).join(", ")}`,
        );
      }
      this.pending = waiting;
    }
  }

  private isReady(node: Json): boolean {
    return this.referencesIn(node).every((reference) => this.found(reference) !== undefined);
  }

  private referencesIn(value: Json): Reference[] {
    const own = this.keptReference(value);
    if (own !== undefined) {
      const more = Array.isArray(value) && value.length > 3 ? this.referencesIn(value[3] as Json) : [];
      return [own, ...more];
    }
    if (typeof value !== "object" || value === null) return [];
    return Object.values(value).flatMap((inner) => this.referencesIn(inner));
  }

  /** A reference of either layout to a layer of this model. */
  private keptReference(value: Json): Reference | undefined {
    const history =
      isJsonObject(value) && value.class_name === "__keras_tensor__" && isJsonObject(value.config)
        ? (value.config.keras_history ?? null)
        : value;
    const reference = referenceOf(history);
    return reference !== undefined && this.byName.has(reference.layer) ? reference : undefined;
  }

  private found({ layer, node, tensor }: Reference): LayerTensor | undefined {
    const calls = this.results.get(layer) ?? [];
    return calls[node - (this.firstNodes.get(layer) ?? 0)]?.[tensor];
  }

  resolve(reference: Reference): LayerTensor {
    const found = this.found(reference);
    if (found === undefined) {
      const { layer, node, tensor } = reference;
      throw invalidArgument(
        `${this.model.where} refers to output ${tensor} of call ${node} of layer "${layer}", which is not there`,
      );
    }
    return found;
  }

  private run({ placed, layer, node }: PendingCall): void {
    const { positional, named } = this.argumentsOf(node);
    const result = this.model.callPart(layer, positional, named);
    this.results.get(placed.name)?.push(result);
  }

  private argumentsOf(node: Json): { positional: Arg[]; named: Record<string, Arg> } {
    if (isJsonObject(node) && Array.isArray(node.args)) {
      const kwargs = isJsonObject(node.kwargs) ? node.kwargs : {};
      return { positional: node.args.map((arg) => this.arg(arg)), named: this.record(kwargs) };
    }
    return this.keras2Arguments(node);
  }

  /** Keras 2: a list of [layer, node, tensor, kwargs], or a record of them; constants are marked. */
  private keras2Arguments(node: Json): { positional: Arg[]; named: Record<string, Arg> } {
    const entries =
      Array.isArray(node) && referenceOf(node) === undefined && !isConstant(node) ? node : [node];
    const inputs = isJsonObject(node) ? [this.record(node)] : entries.map((entry) => this.arg(entry));
    const first = entries[0];
    const kwargs = Array.isArray(first) && isJsonObject(first[3] ?? null) ? (first[3] as JsonObject) : {};
    return { positional: inputs.length === 1 ? inputs : [inputs], named: this.record(kwargs) };
  }

  private record(values: JsonObject): Record<string, Arg> {
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, this.arg(value)]));
  }

  private arg(value: Json): Arg {
    const reference = this.keptReference(value);
    if (reference !== undefined) return this.resolve(reference);
    if (isConstant(value)) return value[2] as Json;
    if (Array.isArray(value)) return value.map((inner) => this.arg(inner));
    if (isJsonObject(value)) {
      if (value.class_name === "__tuple__" && Array.isArray(value.items)) return this.arg(value.items);
      return this.record(value);
    }
    return value;
  }
}

function isRecord(arg: Arg): arg is { readonly [name: string]: Arg } {
  return typeof arg === "object" && arg !== null && !Array.isArray(arg);
}

function isConstant(value: Json): value is Json[] {
  return Array.isArray(value) && value[0] === "_CONSTANT_VALUE";
}

/** All layers of a model and of the models in it, without the models themselves. */
export function allLayers(object: KerasObject): KerasObject[] {
  return layersOf(object).flatMap(({ object: inner }) => (isNetwork(inner) ? allLayers(inner) : [inner]));
}
