/** Ops that move blocks of space into the batch or the depth and back, and what permutes data formats. */
import { invalidArgument, type Shape, shapeText, stridesOf, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { copyBox, gatherBox, newLike, product, reshaped } from "./boxes.js";
import { tensorOfNumbers } from "./domains.js";
import { compute, type Dense, ensure, integersOf, move } from "./kernel.js";
import { transpose } from "./rearranging.js";
import { asLayout, channelsLast, layoutOf } from "./windows.js";

/** [before, after] for each blocked dimension. */
function pairsOf(input: Dense, count: number, what: string): [number, number][] {
  ensure(
    input.shape.length === 2 && input.shape[0] === count && input.shape[1] === 2,
    () => `${what} should have shape [${count}, 2], got ${shapeText(input.shape)}`,
  );
  const flat = integersOf(input);
  ensure(
    flat.every((entry) => entry >= 0),
    () => `${what} must be non-negative`,
  );
  return Array.from({ length: count }, (_, i) => [flat[2 * i] as number, flat[2 * i + 1] as number]);
}

/** x surrounded by zeros, in the dimensions after the first. */
function padded(x: Dense, paddings: readonly (readonly [number, number])[]): Dense {
  const shape = x.shape.map((size, axis) => {
    const [before, after] = paddings[axis - 1] ?? [0, 0];
    return axis === 0 ? size : size + before + after;
  });
  const out = newLike(x, shape);
  const strides = stridesOf(shape);
  const offset = paddings.reduce((sum, [before], i) => sum + before * (strides[i + 1] as number), 0);
  copyBox(x.shape, { value: x }, { value: out, offset, strides });
  return out;
}

function spaceToBatch(
  x: Dense,
  block: readonly number[],
  paddings: readonly (readonly [number, number])[],
): Dense {
  const count = block.length;
  requireBlocks(x, block);
  const image = padded(x, paddings);
  const batch = image.shape[0] as number;
  const rest = image.shape.slice(1 + count);
  const cells = block.map((size, i) => {
    const full = image.shape[i + 1] as number;
    ensure(
      full % size === 0,
      () => `padded_shape[${i}]=${full} is not divisible by block_shape[${i}]=${size}`,
    );
    return full / size;
  });
  const split = reshaped(image, [batch, ...block.flatMap((size, i) => [cells[i] as number, size]), ...rest]);
  const inBlock = block.map((_, i) => 2 + 2 * i);
  const ofCells = block.map((_, i) => 1 + 2 * i);
  const others = rest.map((_, i) => 1 + 2 * count + i);
  return reshaped(transpose(split, [...inBlock, 0, ...ofCells, ...others]), [
    product(block) * batch,
    ...cells,
    ...rest,
  ]);
}

function batchToSpace(
  x: Dense,
  block: readonly number[],
  crops: readonly (readonly [number, number])[],
): Dense {
  const count = block.length;
  requireBlocks(x, block);
  const blocks = product(block);
  const batch = (x.shape[0] as number) / blocks;
  ensure(
    Number.isInteger(batch),
    () => `Input batch dimension (${x.shape[0]}) is not divisible by product of block sizes (${blocks})`,
  );
  const cells = x.shape.slice(1, 1 + count);
  const rest = x.shape.slice(1 + count);
  const split = reshaped(x, [...block, batch, ...cells, ...rest]);
  const merged = transpose(split, [
    count,
    ...block.flatMap((_, i) => [count + 1 + i, i]),
    ...rest.map((_, i) => 2 * count + 1 + i),
  ]);
  const full: Shape = [batch, ...block.map((size, i) => size * (cells[i] as number)), ...rest];
  return cropped(reshaped(merged, full), crops);
}

function cropped(x: Dense, crops: readonly (readonly [number, number])[]): Dense {
  const shape = x.shape.map((size, axis) => {
    const [before, after] = axis === 0 ? [0, 0] : (crops[axis - 1] ?? [0, 0]);
    ensure(
      size - before - after >= 0,
      () => `cropped_shape[${axis - 1}]=${size - before - after} must be non-negative`,
    );
    return size - before - after;
  });
  const strides = stridesOf(x.shape);
  const offset = crops.reduce((sum, [before], i) => sum + before * (strides[i + 1] as number), 0);
  return gatherBox(x, shape, offset, strides);
}

/** INVALID_ARGUMENT unless there is a dimension, after the first, for each block size, and each size is positive. */
function requireBlocks(x: Dense, block: readonly number[]): void {
  const least = 1 + block.length;
  ensure(x.shape.length >= least, () => `input rank should be >= ${least} instead of ${x.shape.length}`);
  for (const [i, size] of block.entries())
    ensure(size >= 1, () => `block_shape[${i}] must be >= 1, but got ${size}`);
}

/** Blocks of the depth become squares of pixels. */
function depthToSpace(x: Tensor, size: number): Dense {
  const [batch, height, width, depth] = imageShape(x);
  ensure(
    depth % (size * size) === 0,
    () => `Input depth dimension ${depth} should be divisible by: ${size * size}`,
  );
  const rest = depth / (size * size);
  const split = reshaped(x, [batch, height, width, size, size, rest]);
  return reshaped(transpose(split, [0, 1, 3, 2, 4, 5]), [batch, height * size, width * size, rest]);
}

function spaceToDepth(x: Tensor, size: number): Dense {
  const [batch, height, width, depth] = imageShape(x);
  ensure(
    height % size === 0 && width % size === 0,
    () => `Image width ${width} and height ${height} should be divisible by block_size: ${size}`,
  );
  const split = reshaped(x, [batch, height / size, size, width / size, size, depth]);
  return reshaped(transpose(split, [0, 1, 3, 2, 4, 5]), [
    batch,
    height / size,
    width / size,
    size * size * depth,
  ]);
}

function imageShape(x: Tensor): [number, number, number, number] {
  ensure(x.shape.length === 4, () => `Input rank should be: 4 instead of: ${x.shape.length}`);
  return x.shape as unknown as [number, number, number, number];
}

const depthRow = (f: (x: Tensor, size: number) => Dense): HostRow =>
  move((node) => {
    const size = node.attrs.int("block_size");
    if (size <= 1)
      throw invalidArgument(`${node.op} node "${node.name}": Block size should be > 1, but was: ${size}`);
    const layout = layoutOf(node.attrs);
    return (x) => asLayout(f(channelsLast(x as Tensor, layout), size) as Tensor, layout);
  });

/** The ops of a fixed square block, of which the newer ones take any. */
const squareBlock = (f: typeof spaceToBatch, what: string): HostRow =>
  move((node) => {
    const size = node.attrs.int("block_size");
    return (x, pairs) => f(x, [size, size], pairsOf(pairs, 2, what));
  });

// ---- formats ---------------------------------------------------------------------------------------------------

/** For each letter of the destination format, where it is in the source. */
function permutationBetween(source: string, destination: string): number[] {
  const places = [...destination].map((letter) => source.indexOf(letter));
  ensure(
    source.length === destination.length && !places.includes(-1),
    () => `Destination and source format must determine a permutation, got ${source} and ${destination}`,
  );
  return places;
}

export const blockKernels: HostTable = {
  SpaceToBatchND: move(() => (x, block, paddings) => {
    const sizes = integersOf(block);
    return spaceToBatch(x, sizes, pairsOf(paddings, sizes.length, "paddings"));
  }),
  BatchToSpaceND: move(() => (x, block, crops) => {
    const sizes = integersOf(block);
    return batchToSpace(x, sizes, pairsOf(crops, sizes.length, "crops"));
  }),
  SpaceToBatch: squareBlock(spaceToBatch, "paddings"),
  BatchToSpace: squareBlock(batchToSpace, "crops"),
  DepthToSpace: depthRow(depthToSpace),
  SpaceToDepth: depthRow(spaceToDepth),
  DataFormatDimMap: compute((node) => {
    const places = permutationBetween(node.attrs.string("dst_format"), node.attrs.string("src_format"));
    return (x) =>
      tensorOfNumbers(
        x.dtype,
        x.shape,
        integersOf(x).map((dim) => places[dim < 0 ? dim + places.length : dim] ?? -1),
      );
  }),
  DataFormatVecPermute: compute((node) => {
    const [source, destination] = [node.attrs.string("src_format"), node.attrs.string("dst_format")];
    return (x) => {
      // A vector of spatial sizes alone leaves out N and C.
      const spatial = (format: string): string => format.replace(/[NC]/g, "");
      const whole = x.shape[0] === source.length;
      const places = whole
        ? permutationBetween(source, destination)
        : permutationBetween(spatial(source), spatial(destination));
      ensure(
        x.shape[0] === places.length,
        () => `x must have ${source.length} or ${source.length - 2} rows, got shape ${shapeText(x.shape)}`,
      );
      const width = product(x.shape.slice(1));
      const out = newLike(x, x.shape);
      for (const [to, from] of places.entries()) {
        copyBox([width], { value: x, offset: from * width }, { value: out, offset: to * width });
      }
      return out as Tensor;
    };
  }),
};
