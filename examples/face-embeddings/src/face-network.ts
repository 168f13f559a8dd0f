/**
 * Networks that turn a face into 128 numbers, in the form of FaceNet (Schroff et al., 2015): images [n,160,160,3] and
 * is_training in, points on a sphere out, near each other for the same face. They stand in for a network that somebody
 * else has trained and left as a checkpoint or a frozen graph: their weights are random, but already a random network
 * keeps like things near.
 *
 * The second network is better than the first: it takes out of each picture how bright it is and how strong its contrast,
 * so that the same face in other light stays the same.
 */
import { uniform } from "@servable/example-kit/random";
import { GraphBuilder, type Output, type Tensor, tensor } from "@servable/formats";

/** Height and width of the images. */
export const FACE_SIZE = 160;
export const EMBEDDING_SIZE = 128;

export type NetworkName = "first" | "second";

interface NetworkForm {
  /** Filters of the convolutions, each of which halves height and width. */
  readonly filters: readonly number[];
  readonly takesOutLight: boolean;
  readonly seed: number;
}

export const networks: Readonly<Record<NetworkName, NetworkForm>> = {
  first: { filters: [8, 16, 24, 32], takesOutLight: false, seed: 1 },
  second: { filters: [12, 24, 48, 64], takesOutLight: true, seed: 2 },
};

export interface FaceNetwork {
  readonly graph: GraphBuilder;
  /** Of the variables, by name. */
  readonly values: ReadonlyMap<string, Tensor>;
}

/** Names of the tensors, as whoever trained the network left them. */
export const tensorNames = {
  images: "images:0",
  isTraining: "is_training:0",
  embeddings: "embeddings:0",
} as const;

/** Builds a network and its weights. */
export function buildFaceNetwork(name: NetworkName): FaceNetwork {
  return new Builder(networks[name]).build();
}

const EPSILON = 0.001;
const number = (value: number): Tensor => tensor("float32", [], Float32Array.of(value));

class Builder {
  private readonly graph = new GraphBuilder();
  private readonly values = new Map<string, Tensor>();
  private readonly random: () => number;

  constructor(private readonly form: NetworkForm) {
    this.random = uniform(form.seed);
  }

  build(): FaceNetwork {
    const { graph, form } = this;
    const images = graph.placeholder("float32", [-1, FACE_SIZE, FACE_SIZE, 3], { name: "images" });
    const isTraining = graph.placeholder("bool", [], { name: "is_training" });
    let net = form.takesOutLight ? this.withoutLight(images) : images;
    form.filters.forEach((filters, i) => {
      net = graph.scope(`block${i + 1}`, () => this.addBlock(net, isTraining, filters));
    });
    const coarse = graph.compute(
      "AvgPool",
      [net],
      { ksize: [1, 2, 2, 1], strides: [1, 2, 2, 1], padding: "VALID" },
      { name: "pool" },
    );
    const [, height = 0, width = 0, channels = 0] = coarse.shape ?? [];
    const features = height * width * channels;
    const flat = graph.compute("Reshape", [coarse, tensor("int32", [2], Int32Array.of(-1, features))]);
    const weights = this.variable("bottleneck/weights", [features, EMBEDDING_SIZE], 1 / features);
    this.addUnitLength(graph.compute("MatMul", [flat, weights]));
    return { graph, values: this.values };
  }

  /** Each image with mean 0 and deviation 1. */
  private withoutLight(images: Output): Output {
    const { graph } = this;
    const axes = tensor("int32", [3], Int32Array.of(1, 2, 3));
    return graph.scope("prewhiten", () => {
      const centered = graph.compute("Sub", [
        images,
        graph.compute("Mean", [images, axes], { keep_dims: true }),
      ]);
      const variance = graph.compute("Mean", [graph.compute("Square", [centered]), axes], {
        keep_dims: true,
      });
      const deviation = graph.compute("Sqrt", [graph.compute("Maximum", [variance, number(1e-6)])]);
      return graph.compute("RealDiv", [centered, deviation]);
    });
  }

  /** A convolution, batch normalization, a rectifier, and in training dropout. */
  private addBlock(input: Output, isTraining: Output, filters: number): Output {
    const { graph } = this;
    const channels = input.shape?.at(-1) ?? 0;
    const weights = this.variable("weights", [3, 3, channels, filters], 2 / (9 * channels));
    const convolved = graph.compute("Conv2D", [input, weights], { strides: [1, 2, 2, 1], padding: "SAME" });
    const active = graph.compute("Relu", [this.normalized(convolved, isTraining, filters)]);
    const keep = graph.compute("GreaterEqual", [
      graph.compute("RandomUniform", [graph.compute("Shape", [active])], { dtype: "float32" }),
      number(0.2),
    ]);
    const dropped = graph.compute("Mul", [active, graph.compute("Cast", [keep], { DstT: "float32" })]);
    return graph.compute("SelectV2", [isTraining, dropped, active], {}, { name: "dropout" });
  }

  /** By the batch's own mean and variance in training, by moving averages otherwise. */
  private normalized(input: Output, isTraining: Output, channels: number): Output {
    const { graph } = this;
    return graph.scope("BatchNorm", () => {
      const offset = this.variable("beta", [channels], 0.02);
      const movingMean = this.variable("moving_mean", [channels], 0);
      const movingVariance = this.variable("moving_variance", [channels], 0, 1);
      const all = tensor("int32", [3], Int32Array.of(0, 1, 2));
      const mean = graph.compute("Mean", [input, all]);
      const squares = graph.compute("Square", [graph.compute("Sub", [input, mean])]);
      const variance = graph.compute("Mean", [squares, all]);
      const usedMean = graph.compute("SelectV2", [isTraining, mean, movingMean]);
      const usedVariance = graph.compute("SelectV2", [isTraining, variance, movingVariance]);
      const scale = graph.compute("Rsqrt", [graph.compute("AddV2", [usedVariance, number(EPSILON)])]);
      const centered = graph.compute("Sub", [input, usedMean]);
      return graph.compute("AddV2", [graph.compute("Mul", [centered, scale]), offset]);
    });
  }

  private addUnitLength(points: Output): Output {
    const { graph } = this;
    const last = tensor("int32", [1], Int32Array.of(1));
    const squares = graph.compute("Sum", [graph.compute("Square", [points]), last], { keep_dims: true });
    const inverse = graph.compute("Rsqrt", [graph.compute("Maximum", [squares, number(1e-10)])]);
    return graph.compute("Mul", [points, inverse], {}, { name: "embeddings" });
  }

  /** A variable with normally distributed values of this variance around a mean. */
  private variable(name: string, shape: number[], variance: number, mean = 0): Output {
    const added = this.graph.variable("float32", shape, { name });
    const size = shape.reduce((product, each) => product * each, 1);
    const deviation = Math.sqrt(variance);
    const values = Float32Array.from({ length: size }, () => mean + deviation * this.normal());
    this.values.set(added.name, tensor("float32", shape, values));
    return added.read();
  }

  /** A number of the standard normal distribution, nearly. */
  private normal(): number {
    const { random } = this;
    return (random() + random() + random() + random() - 2) * Math.sqrt(3);
  }
}
