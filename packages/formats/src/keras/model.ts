/**
 * A Keras model: its architecture, its weights, and the graph that it is.
 *
 * The configuration says which layers there are, not which weights they have: those follow from the shapes that go
 * through them. So a model is built once into a graph that is thrown away, whenever its weights must be known.
 */
import type { DType } from "../dtype.js";
import { GraphBuilder } from "../graph-builder/graph-builder.js";
import type { Operation, Output } from "../graph-builder/operation.js";
import type { SignatureDef } from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { predictSignatureDef } from "../saved-model/build-signature-def.js";
import { SavedModelBuilder } from "../saved-model/builder.js";
import { SERVING_TAG } from "../saved-model/meta-graph.js";
import { DEFAULT_SERVING_SIGNATURE } from "../saved-model/signature.js";
import { sameShape, shapeText } from "../shape.js";
import { invalidArgument, naming, resourceExhausted } from "../status.js";
import { type Tensor, zeros } from "../tensor.js";
import { Build, type BuildOptions, type LayerAssets } from "./build.js";
import { castNumbers } from "./cast.js";
import { type JsonObject, type KerasObject, kerasObject } from "./config.js";
import { Layer, type LayerTensor } from "./layer.js";
import { isNetwork, type ModelInput, modelInputs, outputNames } from "./network.js";
import { type WeightedLayer, type WeightSpec, type WeightValues, weightsInFileOrder } from "./weight.js";

/** Weights without values, at most. */
const MAX_ZEROS = 2 ** 28;

/** A model's graph in the making, with what a signature needs of it. */
export interface KerasGraph {
  readonly graph: GraphBuilder;
  readonly inputs: Readonly<Record<string, Output>>;
  readonly outputs: Readonly<Record<string, Output>>;
  /** Has to run before the first request, where the model has vocabularies. */
  readonly initializer: Operation | undefined;
  /** Values of the graph's variables by name. */
  readonly variables: ReadonlyMap<string, Tensor>;
}

export interface KerasModelParts {
  /** The model's configuration: {class_name, config}. */
  readonly architecture: JsonObject;
  /** 2 or 3: some things have changed their meaning. */
  readonly kerasMajor: number;
  /** Names the model in errors: its file. */
  readonly what: string;
  readonly assets?: LayerAssets;
}

/**
 * An architecture with weights.
 *
 * @example
 * const model = new KerasModel({
 *   architecture: {
 *     class_name: "Sequential",
 *     config: {
 *       name: "double",
 *       layers: [
 *         { class_name: "InputLayer", config: { batch_shape: [null, 1], dtype: "float32", name: "x" } },
 *         { class_name: "Dense", config: { name: "y", units: 1, activation: "linear", use_bias: false } },
 *       ],
 *     },
 *   },
 *   kerasMajor: 3,
 *   what: "double",
 * });
 * assert.deepEqual(model.weightSpecs.map(({ key, shape }) => [key, shape]), [["layers/dense/kernel", [1, 1]]]);
 */
export class KerasModel {
  readonly object: KerasObject;
  private values: WeightValues = new Map();
  private tree: WeightedLayer | undefined;

  constructor(readonly parts: KerasModelParts) {
    this.object = kerasObject(parts.architecture, parts.what);
    if (!isNetwork(this.object)) {
      throw invalidArgument(
        `${parts.what}: class ${this.object.className} is no Sequential or Functional model: what a subclass of Model does is in its Python code`,
      );
    }
  }

  /** The model's name. */
  get name(): string {
    const name = this.object.config.get("name");
    return typeof name === "string" ? name : "model";
  }

  /** What the model takes, by the names of its input layers. */
  get inputs(): readonly ModelInput[] {
    return modelInputs(this.object);
  }

  /** The layers with their weights, as files place them. Errors name the layer that can't be served. */
  get layers(): WeightedLayer {
    this.tree ??= naming(this.parts.what, () => this.run(new GraphBuilder(), {}).layer);
    return this.tree;
  }

  /** All weights, in the order of Keras's `model.weights` grouped by what can be trained. */
  get weightSpecs(): readonly WeightSpec[] {
    return weightsInFileOrder(this.layers);
  }

  /** The values of weights by their keys; a weight without one counts as zeros. */
  get weights(): WeightValues {
    return this.values;
  }

  /**
   * Gives weights their values; those that are not named keep theirs.
   *
   * @throws INVALID_ARGUMENT, listing all, for weights that the model lacks or whose shapes differ
   *
   * @example
   * const model = new KerasModel({
   *   architecture: {
   *     class_name: "Sequential",
   *     config: {
   *       name: "double",
   *       layers: [
   *         { class_name: "InputLayer", config: { batch_shape: [null, 1], dtype: "float32", name: "x" } },
   *         { class_name: "Dense", config: { name: "y", units: 1, activation: "linear", use_bias: false } },
   *       ],
   *     },
   *   },
   *   kerasMajor: 3,
   *   what: "double",
   * });
   * model.setWeights(new Map([["layers/dense/kernel", tensor("float32", [1, 1], new Float32Array([2]))]]));
   * assert.deepEqual([...(model.weights.get("layers/dense/kernel")?.data ?? [])], [2]);
   */
  setWeights(values: WeightValues): void {
    const specs = new Map(this.weightSpecs.map((spec) => [spec.key, spec]));
    const problems = [...values].flatMap(([key, { shape }]) => {
      const spec = specs.get(key);
      if (spec === undefined) return [`there is no weight "${key}"`];
      if (sameShape(spec.shape, shape)) return [];
      return [`weight "${key}" has the shape ${shapeText(spec.shape)}, got ${shapeText(shape)}`];
    });
    if (problems.length > 0) throw invalidArgument(`${this.parts.what}: ${problems.slice(0, 20).join("; ")}`);
    this.values = new Map([...this.values, ...values]);
  }

  /** The value of a weight, zeros where it has none. */
  value({ key, dtype, shape }: WeightSpec): Tensor {
    return this.values.get(key) ?? (zeros(dtype, shape) as Tensor);
  }

  /**
   * The model as a graph.
   *
   * @param asVariables weights are variables, for a SavedModel; otherwise they are constants
   * @throws UNIMPLEMENTED, naming the layer, for what can't be served
   *
   * @example
   * const model = new KerasModel({
   *   architecture: {
   *     class_name: "Sequential",
   *     config: {
   *       name: "double",
   *       layers: [
   *         { class_name: "InputLayer", config: { batch_shape: [null, 1], dtype: "float32", name: "x" } },
   *         { class_name: "Dense", config: { name: "y", units: 1, activation: "linear", use_bias: false } },
   *       ],
   *     },
   *   },
   *   kerasMajor: 3,
   *   what: "double",
   * });
   * const { inputs, outputs } = model.toGraph();
   * assert.deepEqual([Object.keys(inputs), Object.keys(outputs)], [["x"], ["y"]]);
   */
  toGraph({ asVariables = false }: { readonly asVariables?: boolean } = {}): KerasGraph {
    return naming(this.parts.what, () => {
      const specs = new Map(this.weightSpecs.map((spec) => [spec.key, spec]));
      this.checkZeros();
      const values = new Map([...specs].map(([key, spec]) => [key, stored(this.value(spec), spec.dtype)]));
      const graph = new GraphBuilder();
      const { inputs, outputs, build } = this.run(graph, { values, asVariables });
      const names = outputNames(this.object, outputs.length);
      const initializer = graph.tableInitializers.length === 0 ? undefined : graph.initializeTables();
      return {
        graph,
        inputs,
        outputs: Object.fromEntries(
          outputs.map(({ output }, i) => [names[i] as string, named(graph, output, names[i] as string)]),
        ),
        initializer,
        variables: new Map([...build.variables].map(([name, key]) => [name, values.get(key) as Tensor])),
      };
    });
  }

  /** A small file must not ask for large weights that it does not have. */
  private checkZeros(): void {
    const elements = this.weightSpecs
      .filter(({ key }) => !this.values.has(key))
      .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
    if (elements > MAX_ZEROS) {
      throw resourceExhausted(
        `the model lacks the values of ${elements} weights; at most ${MAX_ZEROS} may be zeros`,
      );
    }
  }

  private run(graph: GraphBuilder, options: Partial<BuildOptions>) {
    const { kerasMajor, assets } = this.parts;
    const build = new Build(graph, { kerasMajor, ...(assets && { assets }), ...options });
    const layer = new Layer(build, this.object, "");
    const inputs = Object.fromEntries(
      this.inputs.map(({ name, dtype, shape }) => [
        name,
        graph.placeholder(dtype, shape, { name: inputNode(name) }),
      ]),
    );
    const tensors = Object.values(inputs).map((output): LayerTensor => ({ output }));
    const [only, ...more] = tensors;
    const outputs = build.call(layer, [more.length === 0 ? (only as LayerTensor) : tensors]);
    return { layer, inputs, outputs, build };
  }
}

/**
 * The signature of a model's graph, for the Predict API.
 *
 * @example
 * const layers = [{ class_name: "Flatten", config: { name: "flat", batch_input_shape: [null, 2, 3] } }];
 * const architecture = { class_name: "Sequential", config: { name: "m", layers } };
 * const { outputs } = kerasSignature(new KerasModel({ architecture, kerasMajor: 2, what: "m" }).toGraph());
 * assert.deepEqual(Object.keys(outputs), ["flat"]);
 */
export function kerasSignature({ inputs, outputs }: KerasGraph): SignatureDef {
  return predictSignatureDef(inputs, outputs);
}

/**
 * Writes a model as a SavedModel with the signature "serving_default": inputs by the names of the input layers, outputs
 * by those of the layers that give them, or by the keys of a record.
 *
 * @param exportDir the version's folder, such as ".../mnist/1"
 * @throws FAILED_PRECONDITION when it exists and is not empty; UNIMPLEMENTED, naming the layer
 *
 * @example
 * const model = new KerasModel({
 *   architecture: {
 *     class_name: "Sequential",
 *     config: {
 *       name: "double",
 *       layers: [
 *         { class_name: "InputLayer", config: { batch_shape: [null, 1], dtype: "float32", name: "x" } },
 *         { class_name: "Dense", config: { name: "y", units: 1, activation: "linear", use_bias: false } },
 *       ],
 *     },
 *   },
 *   kerasMajor: 3,
 *   what: "double",
 * });
 * const folder = "1";
 * writeKerasSavedModel(model, folder);
 * assert.ok(isSavedModelFolder(folder));
 */
export function writeKerasSavedModel(model: KerasModel, exportDir: string): void {
  const built = model.toGraph({ asVariables: true });
  const builder = new SavedModelBuilder(exportDir);
  builder.addMetaGraphAndVariables([SERVING_TAG], {
    graph: built.graph,
    signatures: { [DEFAULT_SERVING_SIGNATURE]: kerasSignature(built) },
    variables: built.variables,
    ...(built.initializer !== undefined && { mainOp: built.initializer }),
  });
  builder.save();
}

function inputNode(name: string): string {
  return name.replace(/[^A-Za-z0-9_.\\/-]/g, "_").replace(/^[^A-Za-z0-9.]/, ".");
}

/** Outputs are nodes of their own: an input that is an output too stays apart. */
function named(graph: GraphBuilder, output: Output, name: string): Output {
  return graph.compute("Identity", [output], {}, { name: `outputs/${inputNode(name)}` });
}

/** A value in the dtype of its weight: files may have another. */
function stored(value: Tensor, dtype: DType): Tensor {
  return castNumbers(value, dtype);
}
