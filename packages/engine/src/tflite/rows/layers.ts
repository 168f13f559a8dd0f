/**
 * Products of matrices, convolutions, pooling and normalizations. Images have their channels last on both sides; only
 * filters are laid out differently: outputs come first in TensorFlow Lite, last in TensorFlow.
 */
import { dataLoss, type OpInput, type Output, type TfliteActivation } from "@servable/formats";
import { float, int, ints, type TfliteOp, type TfliteRow, type TfliteTable } from "../operator.js";
import { activated } from "./activation.js";
import { transposed } from "./transposition.js";

/** With the bias, which may be absent, and the activation function. */
function finished(op: TfliteOp, y: Output, bias: number, activation: TfliteActivation): Output {
  const biased = op.has(bias) ? op.g.compute("BiasAdd", [y, op.input(bias)]) : y;
  return activated(op.g, biased, activation);
}

/** Sizes, strides and dilations of a window by name. DATA_LOSS when one is not positive. */
function checked<Options extends Readonly<Record<string, unknown>>>(options: Options): Options {
  const wrong = Object.entries(options).filter(
    ([name, value]) => /^(stride|dilation|filter)/.test(name) && !((value as number) >= 1),
  );
  if (wrong.length === 0) return options;
  const list = wrong.map(([name, value]) => `${name} ${String(value)}`);
  throw dataLoss(`${list.join(" and ")} must be positive`);
}

/** Filter [out, height, width, in]; fewer channels than the input has make groups. */
const conv2d: TfliteRow = (op) => {
  const { padding, strideH, strideW, dilationH, dilationW, activation } = checked(
    op.options("Conv2DOptions"),
  );
  const y = op.g.compute("Conv2D", [op.input(0), transposed(op, 1, [1, 2, 3, 0])], {
    padding,
    strides: [1, strideH, strideW, 1],
    dilations: [1, dilationH, dilationW, 1],
  });
  return finished(op, y, 2, activation);
};

/** Filter [1, height, width, in × multiplier]. */
const depthwiseConv2d: TfliteRow = (op) => {
  const { padding, strideH, strideW, dilationH, dilationW, activation } = checked(
    op.options("DepthwiseConv2DOptions"),
  );
  const [, height = 0, width = 0, outputs = 0] = op.tensor(1).shape;
  const channels = op.tensor(0).shape[3] ?? 0;
  if (channels === 0 || outputs % channels !== 0)
    return op.refuse(`a filter for ${outputs} channels over an input of ${channels}`);
  const shape = [height, width, channels, outputs / channels];
  const y = op.g.compute("DepthwiseConv2dNative", [op.input(0), reshaped(op, 1, shape)], {
    padding,
    strides: [1, strideH, strideW, 1],
    dilations: [1, dilationH, dilationW, 1],
  });
  return finished(op, y, 2, activation);
};

function reshaped(op: TfliteOp, i: number, shape: readonly number[]): OpInput {
  const constant = op.constant(i);
  return constant === undefined
    ? op.g.compute("Reshape", [op.input(i), ints(...shape)])
    : { ...constant, shape };
}

/** The sizes of the result, a filter [out, height, width, in], the image. */
const transposeConv: TfliteRow = (op) => {
  const { padding, strideH, strideW, activation } = checked(op.options("TransposeConvOptions"));
  const filter = transposed(op, 1, [1, 2, 0, 3]);
  const y = op.g.compute("Conv2DBackpropInput", [op.input(0), filter, op.input(2)], {
    padding,
    strides: [1, strideH, strideW, 1],
  });
  return finished(op, y, 3, activation);
};

/** An op over volumes, whose last input is the bias. */
const overVolumes =
  (type: string, bias: number): TfliteRow =>
  (op) => {
    const { padding, strideD, strideH, strideW, dilationD, dilationH, dilationW, activation } = checked(
      op.options("Conv3DOptions"),
    );
    const inputs = Array.from({ length: bias }, (_, i) => op.input(i));
    const y = op.g.compute(type, inputs, {
      padding,
      strides: [1, strideD, strideH, strideW, 1],
      dilations: [1, dilationD, dilationH, dilationW, 1],
    });
    return finished(op, y, bias, activation);
  };

/** Weights [units, inputs]. The input is flattened to rows, unless its leading dimensions are to be kept. */
const fullyConnected: TfliteRow = (op) => {
  const { activation, weightsFormat, keepNumDims } = op.options("FullyConnectedOptions");
  if (weightsFormat !== 0) return op.refuse("a shuffled format of weights");
  const [, inputs = 0] = op.tensor(1).shape;
  const x = op.input(0);
  const rank = op.tensor(0).shape.length;
  const weights = transposed(op, 1, [1, 0]);
  if (keepNumDims && rank > 2) {
    return finished(op, op.g.compute("BatchMatMulV2", [x, weights]), 2, activation);
  }
  const rows = rank === 2 ? x : op.g.compute("Reshape", [x, ints(-1, inputs)]);
  return finished(op, op.g.compute("MatMul", [rows, weights]), 2, activation);
};

const batchMatMul: TfliteRow = (op) => {
  const { adjX, adjY } = op.options("BatchMatMulOptions");
  return op.g.compute("BatchMatMulV2", [op.input(0), op.input(1)], { adj_x: adjX, adj_y: adjY });
};

function pool(op: TfliteOp, type: "AvgPool" | "MaxPool", x: Output): Output {
  const { padding, strideH, strideW, filterHeight, filterWidth } = checked(op.options("Pool2DOptions"));
  return op.g.compute(type, [x], {
    padding,
    ksize: [1, filterHeight, filterWidth, 1],
    strides: [1, strideH, strideW, 1],
  });
}

const pooled =
  (type: "AvgPool" | "MaxPool"): TfliteRow =>
  (op) =>
    activated(op.g, pool(op, type, op.input(0)), op.options("Pool2DOptions").activation);

/** The root of the mean of the squares. */
const l2Pool: TfliteRow = (op) => {
  const squares = op.g.compute("Square", [op.input(0)]);
  const y = op.g.compute("Sqrt", [pool(op, "AvgPool", squares)]);
  return activated(op.g, y, op.options("Pool2DOptions").activation);
};

/** Norms below this are taken for it. */
const LEAST_NORM = 1e-6;

const l2Normalization: TfliteRow = (op) => {
  const x = op.input(0);
  const squares = op.g.compute("Sum", [op.g.compute("Square", [x]), int(-1)], { keep_dims: true });
  const norm = op.g.compute("Maximum", [op.g.compute("Sqrt", [squares]), float(LEAST_NORM)]);
  return activated(op.g, op.g.compute("RealDiv", [x, norm]), op.options("L2NormOptions").activation);
};

const localResponseNormalization: TfliteRow = (op) => {
  const { radius, bias, alpha, beta } = op.options("LocalResponseNormalizationOptions");
  return op.g.compute("LRN", [op.input(0)], { depth_radius: radius, bias, alpha, beta });
};

export const layerRows: TfliteTable = {
  AVERAGE_POOL_2D: pooled("AvgPool"),
  BATCH_MATMUL: batchMatMul,
  CONV_2D: conv2d,
  CONV_3D: overVolumes("Conv3D", 2),
  CONV_3D_TRANSPOSE: overVolumes("Conv3DBackpropInputV2", 3),
  DEPTHWISE_CONV_2D: depthwiseConv2d,
  FULLY_CONNECTED: fullyConnected,
  L2_NORMALIZATION: l2Normalization,
  L2_POOL_2D: l2Pool,
  LOCAL_RESPONSE_NORMALIZATION: localResponseNormalization,
  MAX_POOL_2D: pooled("MaxPool"),
  TRANSPOSE_CONV: transposeConv,
};
