/** Blocks of an image that move into the batch or the channels, and back. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { constantNumbers, input, rankOf, TO_END, value } from "./node-facts.js";
import { add, divide, multiply, reshape, type Size, sizesOf } from "./sizes.js";

/** Pads the spatial dimensions, cuts them into blocks, and puts the place in the block in front of the batch. */
function spaceToBatch(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const block = constantNumbers(input(node, 1), "the block shape");
  return intoBatch(g, node, block, constantNumbers(input(node, 2), "the paddings"));
}

function intoBatch(
  g: OnnxEmitter,
  node: OnnxNode,
  block: readonly number[],
  paddings: readonly number[],
): OnnxValue {
  const x = input(node, 0);
  const rank = rankOf(x);
  const spatial = block.length;
  const before = [0, ...paddings.filter((_, i) => i % 2 === 0)];
  const after = [0, ...paddings.filter((_, i) => i % 2 === 1)];
  const rest = new Array<number>(rank - spatial - 1).fill(0);
  const padded = paddings.every((each) => each === 0)
    ? x.value
    : g.op("Pad", [x.value, g.ints([...before, ...rest, ...after, ...rest]), g.scalar(x.value.dtype, 0)]);
  const sizes = sizesOf(g, x);
  const cut = block.map((length, i) =>
    cutInto(g, add(g, sizes[i + 1] as Size, (before[i + 1] as number) + (after[i + 1] as number)), length),
  );
  const tail = sizes.slice(spatial + 1);
  const blocks = reshape(g, padded, [
    sizes[0] as Size,
    ...cut.flatMap((count, i) => [count, block[i] as number]),
    ...tail,
  ]);
  const perm = [
    ...block.map((_, i) => 2 * i + 2),
    0,
    ...block.map((_, i) => 2 * i + 1),
    ...tail.map((_, i) => 2 * spatial + 1 + i),
  ];
  const batch = multiply(
    g,
    sizes[0] as Size,
    block.reduce((a, b) => a * b, 1),
  );
  return reshape(g, g.op("Transpose", [blocks], { perm }), [batch, ...cut, ...tail]);
}

/** How many blocks a dimension has; one that is known must divide. */
function cutInto(g: OnnxEmitter, size: Size, block: number): Size {
  if (typeof size === "number" && size % block !== 0)
    throw new NotExpressible(`blocks of ${block} in ${size}`);
  return divide(g, size, block);
}

/** The other way: blocks are put back together, and the crops cut off. */
function batchToSpace(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const block = constantNumbers(input(node, 1), "the block shape");
  return outOfBatch(g, node, block, constantNumbers(input(node, 2), "the crops"));
}

function outOfBatch(
  g: OnnxEmitter,
  node: OnnxNode,
  block: readonly number[],
  crops: readonly number[],
): OnnxValue {
  const x = input(node, 0);
  const spatial = block.length;
  const sizes = sizesOf(g, x);
  const batch = cutInto(
    g,
    sizes[0] as Size,
    block.reduce((a, b) => a * b, 1),
  );
  const tail = sizes.slice(spatial + 1);
  const inner = sizes.slice(1, spatial + 1);
  const blocks = reshape(g, x.value, [...block, batch, ...inner, ...tail]);
  const perm = [
    spatial,
    ...block.flatMap((_, i) => [spatial + 1 + i, i]),
    ...tail.map((_, i) => 2 * spatial + 1 + i),
  ];
  const whole = inner.map((size, i) => multiply(g, size, block[i] as number));
  const y = reshape(g, g.op("Transpose", [blocks], { perm }), [batch, ...whole, ...tail]);
  if (crops.every((each) => each === 0)) return y;
  const starts = block.map((_, i) => crops[2 * i] as number);
  const ends = block.map((_, i) => -(crops[2 * i + 1] as number) || TO_END);
  return g.op("Slice", [y, g.ints(starts), g.ints(ends), g.ints(block.map((_, i) => i + 1))]);
}

/** The old forms take one size for both dimensions of an image. */
const squareBlock = (node: OnnxNode): number[] => [
  node.attrs.int("block_size"),
  node.attrs.int("block_size"),
];

/**
 * Blocks of pixels that become channels: the place in the block counts before the channel. By reshapes, which take every
 * type; ONNX's own operators don't.
 */
function spaceToDepth(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const block = node.attrs.int("block_size");
  const [batch, height, width, channels] = imageSizes(g, node);
  const [down, across] = [cutInto(g, height, block), cutInto(g, width, block)];
  const outer = multiply(g, channels, block * block);
  if (isChannelsFirst(node)) {
    const blocks = reshape(g, value(node, 0), [batch, channels, down, block, across, block]);
    return reshape(g, g.op("Transpose", [blocks], { perm: [0, 3, 5, 1, 2, 4] }), [
      batch,
      outer,
      down,
      across,
    ]);
  }
  const blocks = reshape(g, value(node, 0), [batch, down, block, across, block, channels]);
  return reshape(g, g.op("Transpose", [blocks], { perm: [0, 1, 3, 2, 4, 5] }), [batch, down, across, outer]);
}

/** The other way. */
function depthToSpace(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const block = node.attrs.int("block_size");
  const [batch, height, width, channels] = imageSizes(g, node);
  const inner = cutInto(g, channels, block * block);
  const [tall, wide] = [multiply(g, height, block), multiply(g, width, block)];
  if (isChannelsFirst(node)) {
    const blocks = reshape(g, value(node, 0), [batch, block, block, inner, height, width]);
    return reshape(g, g.op("Transpose", [blocks], { perm: [0, 3, 4, 1, 5, 2] }), [batch, inner, tall, wide]);
  }
  const blocks = reshape(g, value(node, 0), [batch, height, width, block, block, inner]);
  return reshape(g, g.op("Transpose", [blocks], { perm: [0, 1, 3, 2, 4, 5] }), [batch, tall, wide, inner]);
}

function isChannelsFirst(node: OnnxNode): boolean {
  const format = node.attrs.string("data_format");
  if (format !== "NHWC" && format !== "NCHW") throw new NotExpressible(`data format ${format}`);
  return format === "NCHW";
}

/** Batch, height, width, channels. */
function imageSizes(g: OnnxEmitter, node: OnnxNode): [Size, Size, Size, Size] {
  const [batch, ...rest] = sizesOf(g, input(node, 0)) as [Size, Size, Size, Size];
  const [a, b, c] = rest;
  return isChannelsFirst(node) ? [batch, b, c, a] : [batch, a, b, c];
}

export const blockRows: OnnxTable = {
  SpaceToBatchND: { build: spaceToBatch },
  SpaceToBatch: {
    build: (g, node) =>
      intoBatch(g, node, squareBlock(node), constantNumbers(input(node, 1), "the paddings")),
  },
  BatchToSpaceND: { build: batchToSpace },
  BatchToSpace: {
    build: (g, node) => outOfBatch(g, node, squareBlock(node), constantNumbers(input(node, 1), "the crops")),
  },
  DepthToSpace: { build: depthToSpace },
  SpaceToDepth: { build: spaceToDepth },
};
