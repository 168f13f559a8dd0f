/**
 * The Inception-v3 network for inference ("Rethinking the Inception Architecture for Computer Vision", Szegedy et al.,
 * 2015), layer by layer as tensorflow/models research/inception/inception/slim/inception_model.py has it, with the
 * variable names of that model, so that its checkpoints fit. The auxiliary head serves training alone and is left out.
 *
 * A convolution is followed by batch normalization with a learned offset, no scale, and by a rectifier.
 */
import { type GraphBuilder, type Output, tensor } from "@servable/formats";

/** Height and width of the images that the network was trained with. */
export const IMAGE_SIZE = 299;
/** The thousand classes of ImageNet, and one before them for the background. */
export const CLASSES = 1001;

const EPSILON = 0.001;

type Padding = "SAME" | "VALID";
type Kernel = readonly [height: number, width: number];

interface Convolution {
  readonly kind: "convolution";
  readonly filters: number;
  readonly kernel: Kernel;
  readonly stride: number;
  readonly padding: Padding;
}
interface Pooling {
  readonly kind: "MaxPool" | "AvgPool";
  readonly stride: number;
  readonly padding: Padding;
}
/** Several convolutions of one input, side by side. */
interface Fork {
  readonly kind: "fork";
  readonly convolutions: readonly Convolution[];
}
type Layer = Convolution | Pooling | Fork;
/** Branches of one input, by the name of their scope; their outputs are joined in this order. */
type Block = Readonly<Record<string, readonly Layer[]>>;

const square = (size: number): Kernel => [size, size];

function conv(filters: number, kernel: number | Kernel, stride = 1, padding: Padding = "SAME"): Convolution {
  return {
    kind: "convolution",
    filters,
    kernel: typeof kernel === "number" ? square(kernel) : kernel,
    stride,
    padding,
  };
}

const halving = (filters: number) => conv(filters, 3, 2, "VALID");
const averagePool: Pooling = { kind: "AvgPool", stride: 1, padding: "SAME" };
const maxPool: Pooling = { kind: "MaxPool", stride: 2, padding: "VALID" };
const wideAndHigh = (filters: number): Fork => ({
  kind: "fork",
  convolutions: [conv(filters, [1, 3]), conv(filters, [3, 1])],
});

/** Layers before the blocks, by the name of their scope. */
const stem: Readonly<Record<string, Layer>> = {
  conv0: halving(32),
  conv1: conv(32, 3, 1, "VALID"),
  conv2: conv(64, 3),
  pool1: maxPool,
  conv3: conv(80, 1, 1, "VALID"),
  conv4: conv(192, 3, 1, "VALID"),
  pool2: maxPool,
};

const block35 = (pooled: number): Block => ({
  branch1x1: [conv(64, 1)],
  branch5x5: [conv(48, 1), conv(64, 5)],
  branch3x3dbl: [conv(64, 1), conv(96, 3), conv(96, 3)],
  branch_pool: [averagePool, conv(pooled, 1)],
});

/** @param inner filters of the factorized convolutions but the last */
const block17 = (inner: number): Block => ({
  branch1x1: [conv(192, 1)],
  branch7x7: [conv(inner, 1), conv(inner, [1, 7]), conv(192, [7, 1])],
  branch7x7dbl: [
    conv(inner, 1),
    conv(inner, [7, 1]),
    conv(inner, [1, 7]),
    conv(inner, [7, 1]),
    conv(192, [1, 7]),
  ],
  branch_pool: [averagePool, conv(192, 1)],
});

const block8: Block = {
  branch1x1: [conv(320, 1)],
  branch3x3: [conv(384, 1), wideAndHigh(384)],
  branch3x3dbl: [conv(448, 1), conv(384, 3), wideAndHigh(384)],
  branch_pool: [averagePool, conv(192, 1)],
};

/** By the name of their scope: what it says of the height, width and channels of its output holds for all but one. */
const blocks: Readonly<Record<string, Block>> = {
  mixed_35x35x256a: block35(32),
  mixed_35x35x288a: block35(64),
  mixed_35x35x288b: block35(64),
  mixed_17x17x768a: {
    branch3x3: [halving(384)],
    branch3x3dbl: [conv(64, 1), conv(96, 3), halving(96)],
    branch_pool: [maxPool],
  },
  mixed_17x17x768b: block17(128),
  mixed_17x17x768c: block17(160),
  mixed_17x17x768d: block17(160),
  mixed_17x17x768e: block17(192),
  mixed_17x17x1280a: {
    branch3x3: [conv(192, 1), halving(320)],
    branch7x7x3: [conv(192, 1), conv(192, [1, 7]), conv(192, [7, 1]), halving(192)],
    branch_pool: [maxPool],
  },
  mixed_8x8x2048a: block8,
  mixed_8x8x2048b: block8,
};

export interface NetworkOptions {
  /** The background among them. */
  readonly classes: number;
  /** Resources, as in a SavedModel, or references, as in exports of 2016. */
  readonly useResource: boolean;
  /** Of the filters of each layer how many there are: less than 1 for a smaller network of the same form. */
  readonly depth: number;
}

export const FULL_NETWORK: NetworkOptions = { classes: CLASSES, useResource: true, depth: 1 };

/**
 * Adds the network.
 *
 * @param images float32 [n, 299, 299, 3], from -1 to 1
 * @returns logits: float32 [n, classes]
 */
export function addInceptionV3(
  graph: GraphBuilder,
  images: Output,
  options: NetworkOptions = FULL_NETWORK,
): Output {
  const network = new Network(graph, options);
  let net = images;
  for (const [scope, layer] of Object.entries(stem)) net = network.addLayer(net, layer, scope);
  for (const [scope, block] of Object.entries(blocks)) net = network.addBlock(net, block, scope);
  return graph.scope("logits", () => network.addClassifier(net));
}

class Network {
  constructor(
    private readonly graph: GraphBuilder,
    private readonly options: NetworkOptions,
  ) {}

  addBlock(input: Output, block: Block, scope: string): Output {
    return this.graph.scope(scope, () => {
      const branches = Object.entries(block).map(([name, layers]) =>
        this.graph.scope(name, () => layers.reduce((net, layer) => this.addLayer(net, layer), input)),
      );
      return this.join(branches);
    });
  }

  /** @param scope by default that of its kind, numbered from the second on */
  addLayer(input: Output, layer: Layer, scope?: string): Output {
    switch (layer.kind) {
      case "convolution":
        return this.graph.scope(scope ?? "Conv", () => this.addConvolution(input, layer));
      case "fork":
        return this.join(layer.convolutions.map((each) => this.addLayer(input, each)));
      default:
        return this.graph.compute(
          layer.kind,
          [input],
          { ksize: [1, 3, 3, 1], strides: [1, layer.stride, layer.stride, 1], padding: layer.padding },
          { name: scope ?? layer.kind },
        );
    }
  }

  /** The mean of each channel, and a fully connected layer. */
  addClassifier(input: Output): Output {
    const { graph, options } = this;
    const area = tensor("int32", [2], Int32Array.of(1, 2));
    const features = graph.compute("Mean", [input, area], {}, { name: "pool" });
    return graph.scope("logits", () => {
      const weights = this.variable("weights", [channelsOf(input), options.classes]);
      const biases = this.variable("biases", [options.classes]);
      const product = graph.compute("MatMul", [features, weights]);
      return graph.compute("BiasAdd", [product, biases], {}, { name: "xw_plus_b" });
    });
  }

  private addConvolution(input: Output, { filters, kernel, stride, padding }: Convolution): Output {
    const { graph } = this;
    const channels = Math.max(1, Math.round(filters * this.options.depth));
    const weights = this.variable("weights", [...kernel, channelsOf(input), channels]);
    const strides = [1, stride, stride, 1];
    const output = graph.compute("Conv2D", [input, weights], { strides, padding });
    return graph.compute("Relu", [graph.scope("BatchNorm", () => this.addBatchNorm(output, channels))]);
  }

  private addBatchNorm(input: Output, channels: number): Output {
    const offset = this.variable("beta", [channels]);
    const mean = this.variable("moving_mean", [channels], false);
    const variance = this.variable("moving_variance", [channels], false);
    const scale = tensor("float32", [channels], new Float32Array(channels).fill(1));
    const inputs = [input, scale, offset, mean, variance];
    return this.graph.op("FusedBatchNormV3", inputs, { epsilon: EPSILON, is_training: false }).output();
  }

  private variable(name: string, shape: readonly number[], trainable = true): Output {
    const { useResource } = this.options;
    return this.graph.variable("float32", [...shape], { name, trainable, useResource }).read();
  }

  private join(branches: readonly Output[]): Output {
    return this.graph.compute("ConcatV2", [branches, tensor("int32", [], Int32Array.of(3))]);
  }
}

function channelsOf({ shape }: Output): number {
  return shape?.at(-1) ?? -1;
}
