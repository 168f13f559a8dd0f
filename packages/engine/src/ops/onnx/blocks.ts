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

/** ONNX has these for channels first; the order inside a block is the same. */
const blocksOfChannels =
  (onnx: "DepthToSpace" | "SpaceToDepth") =>
  (g: OnnxEmitter, node: OnnxNode): OnnxValue => {
    const format = node.attrs.string("data_format");
    if (format !== "NHWC" && format !== "NCHW") throw new NotExpressible(`data format ${format}`);
    const x = value(node, 0);
    const first = format === "NCHW" ? x : g.op("Transpose", [x], { perm: [0, 3, 1, 2] });
    const y = g.op(onnx, [first], { blocksize: node.attrs.int("block_size") });
    return format === "NCHW" ? y : g.op("Transpose", [y], { perm: [0, 2, 3, 1] });
  };

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
  DepthToSpace: { build: blocksOfChannels("DepthToSpace") },
  SpaceToDepth: { build: blocksOfChannels("SpaceToDepth") },
};
