/**
 * Architectures of Keras 2 and TensorFlow.js in the words of Keras 3, as `.keras` archives have them
 * (keras/src/saving/serialization_lib.py): every object says its module, inputs have a batch_shape, and what layers no
 * longer take is left out.
 */
import { unimplemented } from "../status.js";
import { isJsonObject, type Json, type JsonObject } from "./config.js";
import { layerTables } from "./layers/index.js";

const initializers = `Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling Orthogonal Identity
  GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform`;
const regularizers = "L1 L2 L1L2 OrthogonalRegularizer";
const constraints = "MaxNorm NonNeg UnitNorm MinMaxNorm";

const modules: ReadonlyMap<string, string> = new Map([
  ...Object.values(layerTables).flatMap((table) =>
    Object.keys(table).map((name): [string, string] => [name, "keras.layers"]),
  ),
  ...modulesOf("keras.initializers", initializers),
  ...modulesOf("keras.regularizers", regularizers),
  ...modulesOf("keras.constraints", constraints),
  ...modulesOf("keras.layers", "LSTMCell GRUCell SimpleRNNCell StackedRNNCells"),
  ...modulesOf("keras", "Sequential Policy DTypePolicy"),
  ...modulesOf("keras.src.models.functional", "Functional Model"),
]);

function modulesOf(module: string, names: string): [string, string][] {
  return names.split(/\s+/).map((name) => [name, module]);
}

/** Options that were of Keras 2 alone, and say nothing about what a layer computes. */
const obsolete: ReadonlySet<string> = new Set([
  "batch_input_shape",
  "batch_size",
  "implementation",
  "input_dtype",
  "input_length",
  "key_shape",
  "query_shape",
  "softmax_robust_masking",
  "time_major",
  "value_shape",
]);

/** The same, of some layers. */
const obsoleteOf: Readonly<Record<string, RegExp>> = {
  Discretization: /^trainable$/,
  Conv1DTranspose: /^groups$/,
  Conv2DTranspose: /^groups$/,
  Conv3DTranspose: /^groups$/,
  DepthwiseConv1D: /^groups$/,
  DepthwiseConv2D: /^groups$/,
  SeparableConv1D: /^(groups|kernel_(initializer|regularizer|constraint))$/,
  SeparableConv2D: /^(groups|kernel_(initializer|regularizer|constraint))$/,
};

/** Names that options have now. */
const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  LeakyReLU: { alpha: "negative_slope" },
};

/** Names that classes have now. */
const classes: Readonly<Record<string, string>> = { Model: "Functional", Policy: "DTypePolicy" };

/**
 * The same architecture for Keras 3; one that is already is not changed.
 * UNIMPLEMENTED for an activation that has another meaning there.
 */
export function asKeras3(architecture: JsonObject, what: string): JsonObject {
  if (typeof architecture.module === "string" && JSON.stringify(architecture).includes('"batch_shape"')) {
    return architecture;
  }
  if (/"(recurrent_)?activation":"hard_sigmoid"/.test(JSON.stringify(architecture))) {
    throw unimplemented(
      `${what}: hard_sigmoid is another function in Keras 3 than in Keras 2, for which this model was made: write it as HDF5`,
    );
  }
  const gone = /"class_name":"(TFOpLambda|SlicingOpLambda|TensorFlowOpLayer|ThresholdedReLU)"/.exec(
    JSON.stringify(architecture),
  );
  if (gone !== null) {
    throw unimplemented(
      `${what}: Keras 3 has no ${gone[1]}, which is in this model of Keras 2: write it as HDF5`,
    );
  }
  return upgraded(architecture) as JsonObject;
}

function upgraded(value: Json): Json {
  if (Array.isArray(value)) return value.map(upgraded);
  if (!isJsonObject(value)) return value;
  const { class_name: className, config } = value;
  if (typeof className !== "string" || !isJsonObject(config)) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, upgraded(inner)]));
  }
  const module = modules.get(className);
  if (module === undefined) return value;
  return {
    ...Object.fromEntries(
      Object.entries(value)
        // What a layer was built for follows from its calls, and Keras 3 writes it in another way.
        .filter(([name]) => name !== "build_config")
        .map(([name, inner]) => [name, upgraded(inner)]),
    ),
    module,
    class_name: classes[className] ?? className,
    config: upgradedConfig(className, config),
    registered_name: module === "keras.src.models.functional" ? "Functional" : null,
  };
}

function upgradedConfig(className: string, config: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [name, value] of Object.entries(config)) {
    if (className === "InputLayer" && name === "batch_input_shape") result.batch_shape = value;
    else if (className === "BatchNormalization" && name === "axis" && Array.isArray(value)) {
      result.axis = value[0] ?? -1;
    } else if (!isObsolete(className, name)) result[renamed[className]?.[name] ?? name] = upgraded(value);
  }
  if (Array.isArray(result.layers) && "input_layers" in result) return renumbered(result);
  if (className === "Sequential" && Array.isArray(result.layers)) {
    result.layers = withInputLayer(config.layers as Json[], result.layers);
  }
  return result;
}

const networks: ReadonlySet<string> = new Set(["Sequential", "Functional", "Model"]);

/** Keras 2 counts the making of a model inside another as its first call, Keras 3 does not. */
function renumbered(config: JsonObject): JsonObject {
  const inner = (config.layers as Json[]).flatMap((layer) =>
    isJsonObject(layer) && networks.has(String(layer.class_name)) ? [String(layer.name)] : [],
  );
  const lowest = new Map<string, number>();
  visitReferences(config, (name, node) => {
    if (inner.includes(name)) lowest.set(name, Math.min(node, lowest.get(name) ?? node));
    return node;
  });
  const result = visitReferences(config, (name, node) => node - (lowest.get(name) ?? 0)) as JsonObject;
  const names = new Set((config.layers as Json[]).map((layer) => (isJsonObject(layer) ? layer.name : null)));
  return { ...result, layers: (result.layers as Json[]).map((layer) => withNewNodes(layer, names)) };
}

/** Layers that take states to begin with: Keras 2 lists them behind the input. */
const recurrent = /^(RNN|LSTM|GRU|SimpleRNN|ConvLSTM[123]D|Bidirectional)$/;

/** Calls as Keras 3 writes them: arguments by place and by name. */
function withNewNodes(layer: Json, names: ReadonlySet<Json | undefined>): Json {
  if (!isJsonObject(layer) || !Array.isArray(layer.inbound_nodes)) return layer;
  const nodes = layer.inbound_nodes.map((node) => {
    if (!Array.isArray(node)) return node;
    const entries = isReference(node, names) ? [node] : (node as Json[]);
    const tensors = entries.map((entry) => newArgument(entry, names));
    const [first] = entries;
    const kwargs = Array.isArray(first) && isJsonObject(first[3] ?? null) ? (first[3] as JsonObject) : {};
    const named = Object.fromEntries(
      Object.entries(kwargs)
        .filter(([name, value]) => value !== null && name !== "name")
        .map(([name, value]) => [name, newArgument(value, names)]),
    );
    const [input, ...states] = tensors;
    if (states.length > 0 && recurrent.test(String(layer.class_name))) {
      return { args: [input ?? null], kwargs: { initial_state: states, ...named } };
    }
    return { args: tensors.length === 1 ? tensors : [tensors], kwargs: named };
  });
  return { ...layer, inbound_nodes: nodes };
}

function isReference(value: Json, names: ReadonlySet<Json | undefined>): value is Json[] {
  return (
    Array.isArray(value) &&
    typeof value[0] === "string" &&
    names.has(value[0]) &&
    typeof value[1] === "number" &&
    typeof value[2] === "number"
  );
}

/** A tensor is known by the call that gives it: the shape is not looked at. */
function newArgument(value: Json, names: ReadonlySet<Json | undefined>): Json {
  if (isReference(value, names)) {
    const config = { shape: [null], dtype: "float32", keras_history: value.slice(0, 3) };
    return { class_name: "__keras_tensor__", config };
  }
  if (Array.isArray(value)) {
    if (value[0] === "_CONSTANT_VALUE") return value[2] ?? null;
    return value.map((inner) => newArgument(inner, names));
  }
  return value;
}

/** A copy with other numbers of calls in references [layer, call, output, …]. */
function visitReferences(value: Json, change: (name: string, node: number) => number): Json {
  if (Array.isArray(value)) {
    const [name, node, tensor] = value;
    if (typeof name !== "string" || typeof node !== "number" || typeof tensor !== "number") {
      return value.map((inner) => visitReferences(inner, change));
    }
    return [name, change(name, node), ...value.slice(2).map((inner) => visitReferences(inner, change))];
  }
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, visitReferences(inner, change)]),
  );
}

function isObsolete(className: string, name: string): boolean {
  if (className.startsWith("Random") && name === "rng_type") return true;
  return (
    obsolete.has(name) || (Object.hasOwn(obsoleteOf, className) && obsoleteOf[className]?.test(name) === true)
  );
}

/** The first layer's batch_input_shape becomes a layer of its own. */
function withInputLayer(before: readonly Json[], after: readonly Json[]): Json[] {
  const [first] = before;
  if (!isJsonObject(first) || first.class_name === "InputLayer" || !isJsonObject(first.config))
    return [...after];
  const shape = first.config.batch_input_shape;
  if (!Array.isArray(shape)) return [...after];
  const dtype = typeof first.config.dtype === "string" ? first.config.dtype : "float32";
  const input = {
    module: "keras.layers",
    class_name: "InputLayer",
    config: { batch_shape: shape, dtype, name: `${String(first.config.name ?? "layer")}_input` },
    registered_name: null,
  };
  return [input, ...after];
}
