/** Shapes of convolutions, pooling, normalization, and of images that are resized. */
import type { PartialShape } from "../../shape.js";
import { integers, knownSizes } from "./known-values.js";
import {
  always,
  intAttr,
  intList,
  type Node,
  ofRank,
  type RuleTable,
  type ShapeRule,
  shapeOf,
  textAttr,
  UNKNOWN_SIZE,
} from "./rule.js";

/** Where batch, channels and the spatial axes are. */
interface Layout {
  readonly channel: number;
  readonly spatial: readonly number[];
}

function layoutOf({ attrs }: Node, rank: number): Layout {
  const isChannelsFirst = textAttr(attrs, "data_format").startsWith("NC");
  const spatial = Array.from({ length: rank - 2 }, (_, i) => i + (isChannelsFirst ? 2 : 1));
  return { channel: isChannelsFirst ? 1 : rank - 1, spatial };
}

interface Window {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  /** Explicit padding before and after together. */
  readonly pad: number;
}

function windowed(size: number, padding: string, window: Window): number {
  if (size < 0 || (padding !== "SAME" && window.size < 0) || window.stride < 1) return UNKNOWN_SIZE;
  if (padding === "SAME") return Math.ceil(size / window.stride);
  const reach = (window.size - 1) * window.dilation + 1;
  const padded = size + (padding === "EXPLICIT" ? window.pad : 0);
  return Math.max(0, Math.floor((padded - reach) / window.stride) + 1);
}

/** A result of windows over the input; `sizes` of the windows by spatial axis. */
function windows(node: Node, rank: number, sizes: readonly number[], channels: number): PartialShape {
  const input = shapeOf(node.inputs, 0) ?? ofRank(rank);
  if (input === null || input.length !== rank) return null;
  const { channel, spatial } = layoutOf(node, rank);
  const [strides, dilations] = [intList(node.attrs, "strides"), intList(node.attrs, "dilations")];
  const paddings = intList(node.attrs, "explicit_paddings");
  const result = input.slice();
  result[channel] = channels === UNKNOWN_SIZE ? UNKNOWN_SIZE : channels;
  for (const [i, axis] of spatial.entries()) {
    const window = {
      size: sizes[i] ?? UNKNOWN_SIZE,
      stride: strides[axis] ?? 1,
      dilation: dilations[axis] ?? 1,
      pad: (paddings[2 * axis] ?? 0) + (paddings[2 * axis + 1] ?? 0),
    };
    result[axis] = windowed(input[axis] as number, textAttr(node.attrs, "padding"), window);
  }
  return result;
}

const convolution =
  (rank: number): ShapeRule =>
  (node) => {
    const filter = shapeOf(node.inputs, 1) ?? (ofRank(rank) as number[]);
    return [windows(node, rank, filter.slice(0, rank - 2), filter[rank - 1] ?? UNKNOWN_SIZE)];
  };

const depthwise: ShapeRule = (node) => {
  const filter = shapeOf(node.inputs, 1) ?? [UNKNOWN_SIZE, UNKNOWN_SIZE, UNKNOWN_SIZE, UNKNOWN_SIZE];
  const [, , depth = UNKNOWN_SIZE, multiplier = UNKNOWN_SIZE] = filter;
  const channels = depth < 0 || multiplier < 0 ? UNKNOWN_SIZE : depth * multiplier;
  return [windows(node, 4, filter.slice(0, 2), channels)];
};

const pooling =
  (rank: number, outputs = 1): ShapeRule =>
  (node) => {
    const ksize = intList(node.attrs, "ksize");
    const { channel, spatial } = layoutOf(node, rank);
    const depth = { size: ksize[channel] ?? 1, stride: intList(node.attrs, "strides")[channel] ?? 1 };
    const channels = windowed(
      shapeOf(node.inputs, 0)?.[channel] ?? UNKNOWN_SIZE,
      textAttr(node.attrs, "padding"),
      {
        ...depth,
        dilation: 1,
        pad: 0,
      },
    );
    const shape = windows(
      node,
      rank,
      spatial.map((axis) => ksize[axis] ?? UNKNOWN_SIZE),
      channels,
    );
    return new Array<PartialShape>(outputs).fill(shape);
  };

/** The gradient by the input, or a transposed convolution: the sizes are an input. */
const backpropInput =
  (rank: number): ShapeRule =>
  ({ inputs }) => {
    const sizes = knownSizes(inputs, 0);
    if (sizes?.length === rank - 2) {
      const [batch, depth] = [shapeOf(inputs, 2)?.[0], shapeOf(inputs, 1)?.[rank - 2]];
      return [[batch ?? UNKNOWN_SIZE, ...sizes, depth ?? UNKNOWN_SIZE]];
    }
    return [sizes?.length === rank ? sizes : ofRank(rank)];
  };

const backpropFilter =
  (rank: number): ShapeRule =>
  ({ inputs }) => [knownSizes(inputs, 1) ?? ofRank(rank)];

const batchNorm: ShapeRule = (node) => {
  const rank = shapeOf(node.inputs, 0)?.length ?? 4;
  const { channel } = layoutOf(node, rank);
  const declared = node.inputs.slice(1).map(({ shape }) => shape?.[0] ?? UNKNOWN_SIZE);
  const sizes = [shapeOf(node.inputs, 0)?.[channel] ?? UNKNOWN_SIZE, ...declared];
  const channels = [sizes.find((size) => size >= 0) ?? UNKNOWN_SIZE];
  const shape = (shapeOf(node.inputs, 0) ?? ofRank(4))?.slice();
  if (shape === undefined) return [null];
  if ((shape[channel] as number) < 0) shape[channel] = channels[0] as number;
  return [shape, channels, channels, channels, channels];
};

/** Images [batch, height, width, channels] of sizes that an input gives. */
const resized =
  (sizes: number): ShapeRule =>
  ({ inputs }) => {
    const images = shapeOf(inputs, 0) ?? ofRank(4);
    const [height = UNKNOWN_SIZE, width = UNKNOWN_SIZE] = integers(inputs, sizes) ?? [];
    return [images && [images[0] as number, height, width, images[3] ?? UNKNOWN_SIZE]];
  };

const cropAndResize: ShapeRule = ({ inputs }) => {
  const [height = UNKNOWN_SIZE, width = UNKNOWN_SIZE] = integers(inputs, 3) ?? [];
  const boxes = shapeOf(inputs, 1)?.[0] ?? UNKNOWN_SIZE;
  return [[boxes, height, width, shapeOf(inputs, 0)?.[3] ?? UNKNOWN_SIZE]];
};

const depthToSpace =
  (up: boolean): ShapeRule =>
  (node) => {
    const input = shapeOf(node.inputs, 0);
    if (input?.length !== 4 || textAttr(node.attrs, "data_format", "NHWC") === "NCHW_VECT_C")
      return [ofRank(4)];
    const block = intAttr(node.attrs, "block_size", 1);
    const { channel, spatial } = layoutOf(node, 4);
    const scaled = (size: number, factor: number) => (size < 0 ? size : Math.floor(size * factor));
    return [
      input.map((size, axis) => {
        if (axis === channel) return scaled(size, up ? 1 / block ** 2 : block ** 2);
        return spatial.includes(axis) ? scaled(size, up ? block : 1 / block) : size;
      }),
    ];
  };

const channelsOf = (attrs: Node["attrs"]): number => intAttr(attrs, "channels") || UNKNOWN_SIZE;

const decoded: ShapeRule = ({ attrs }) => [[UNKNOWN_SIZE, UNKNOWN_SIZE, channelsOf(attrs)]];

const cropped: ShapeRule = ({ inputs, attrs }) => {
  const [, , height = UNKNOWN_SIZE, width = UNKNOWN_SIZE] = integers(inputs, 1) ?? [];
  return [[height, width, channelsOf(attrs)]];
};

/** Three channels, whatever else is known. */
const colors: ShapeRule = ({ inputs }) => [shapeOf(inputs, 0)?.with(-1, 3) ?? null];

export const windowRules: RuleTable = [
  [convolution(4), "Conv2D"],
  [convolution(5), "Conv3D"],
  [depthwise, "DepthwiseConv2dNative"],
  [pooling(4), "AvgPool MaxPool"],
  [pooling(4, 2), "MaxPoolWithArgmax"],
  [pooling(5), "AvgPool3D MaxPool3D"],
  [backpropInput(4), "Conv2DBackpropInput DepthwiseConv2dNativeBackpropInput"],
  [backpropInput(5), "Conv3DBackpropInputV2"],
  [backpropFilter(4), "Conv2DBackpropFilter DepthwiseConv2dNativeBackpropFilter"],
  [backpropFilter(5), "Conv3DBackpropFilterV2"],
  [batchNorm, "FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3"],
  [({ inputs }) => [shapeOf(inputs, 0) ?? ofRank(4)], "BatchNormWithGlobalNormalization"],
  [
    resized(1),
    "ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea QuantizedResizeBilinear ScaleAndTranslate",
  ],
  [cropAndResize, "CropAndResize"],
  [depthToSpace(true), "DepthToSpace"],
  [depthToSpace(false), "SpaceToDepth"],
  [decoded, "DecodeJpeg DecodePng DecodeBmp"],
  [cropped, "DecodeAndCropJpeg"],
  [colors, "RGBToHSV HSVToRGB"],
  [always([]), "EncodeJpeg"],
];
