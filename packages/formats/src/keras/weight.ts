/** Weights of a model that is being built: their declarations, in the order that files have them in. */
import type { DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";

/** A variable of a layer. */
export interface WeightSpec {
  /** Unique in the model: the path of the layer, a slash, and the variable's name. */
  readonly key: string;
  /** Within the layer, such as "kernel". */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Whether the layer declares it as such; a frozen layer makes no difference here. */
  readonly trainable: boolean;
  /** The key of the weight that this one is too: Keras 3 files have its value twice, others once. */
  readonly sameAs?: string;
  /** The value, where the configuration has it and Keras 3 files have it again. */
  readonly given?: Tensor;
}

/** Values by key. */
export type WeightValues = ReadonlyMap<string, Tensor>;

/** What files know of a layer: its place in each layout, its weights, its parts. */
export interface WeightedLayer {
  readonly name: string;
  /** The class's name as Keras 3 files write it, such as "multi_head_attention". */
  readonly storeName: string;
  /** False where the configuration freezes it. */
  readonly isTrainable: boolean;
  readonly weights: readonly WeightSpec[];
  readonly parts: readonly LayerPart[];
}

export interface LayerPart {
  /** Below the layer's own place in a Keras 3 file, such as "cell" or "layers/dense_1". */
  readonly place: string;
  readonly layer: WeightedLayer;
}

/** Weights of a layer and its parts: those that can be trained, and those that can't, each in the order of files. */
export function weightsInFileOrder(layer: WeightedLayer): WeightSpec[] {
  const all = flatWeights(layer, true, new Set());
  return [...all.filter(({ trains }) => trains), ...all.filter(({ trains }) => !trains)].map(
    ({ spec }) => spec,
  );
}

function flatWeights(
  layer: WeightedLayer,
  mayTrain: boolean,
  seen: Set<WeightedLayer>,
): { readonly spec: WeightSpec; readonly trains: boolean }[] {
  if (seen.has(layer)) return [];
  seen.add(layer);
  const trains = mayTrain && layer.isTrainable;
  return [
    ...ownWeights(layer)
      .filter(({ sameAs }) => sameAs === undefined)
      .map((spec) => ({ spec, trains: trains && spec.trainable })),
    ...layer.parts.flatMap((part) => flatWeights(part.layer, trains, seen)),
  ];
}

/** The layer's own weights as files number them: those that can be trained come first. */
export function ownWeights({ weights }: WeightedLayer): WeightSpec[] {
  return [...weights.filter(({ trainable }) => trainable), ...weights.filter(({ trainable }) => !trainable)];
}

/** A class's name in the form of Keras 3 files: "LSTMCell" is "lstm_cell", "Conv2D" is "conv2d". */
export function storeNameOf(className: string): string {
  // The class is exported under another name than its own.
  const ownName = className === "GroupQueryAttention" ? "GroupedQueryAttention" : className;
  return ownName
    .replace(/\W+/g, "")
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

/** Names with a number appended from their second use on. */
export class NameCounter {
  private readonly used = new Map<string, number>();

  next(name: string): string {
    const count = this.used.get(name);
    this.used.set(name, (count ?? -1) + 1);
    return count === undefined ? name : `${name}_${count + 1}`;
  }
}
