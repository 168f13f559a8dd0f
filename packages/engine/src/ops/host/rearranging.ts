/** Ops that repeat, turn, shift or pad: the same elements at other places. */
import { elementCount, shapeText, stridesOf } from "@servable/formats";
import type { HostTable } from "../op-table.js";
import { aroundAxis, copyBox, fillBox, gatherBox, newLike } from "./boxes.js";
import { concat, split } from "./joining.js";
import { axisOf, countOf, type Dense, ensure, integersOf, listText, move, vectorOf } from "./kernel.js";
import { broadcastStrides } from "./loop-nest.js";

function tile(x: Dense, multiplesInput: Dense): Dense {
  const multiples = vectorOf(multiplesInput, "multiples");
  const rank = x.shape.length;
  ensure(
    multiples.length === rank,
    () => `Expected multiples argument to be a vector of length ${rank} but got length ${multiples.length}`,
  );
  for (const [i, multiple] of multiples.entries()) {
    ensure(multiple >= 0, () => `Expected multiples[${i}] >= 0, but got ${multiple}`);
  }
  const out = newLike(
    x,
    x.shape.map((size, axis) => size * (multiples[axis] as number)),
  );
  // Each axis twice: which copy, and where in it.
  const [from, to] = [stridesOf(x.shape), stridesOf(out.shape)];
  copyBox(
    x.shape.flatMap((size, axis) => [multiples[axis] as number, size]),
    { value: x, strides: from.flatMap((stride) => [0, stride]) },
    { value: out, strides: to.flatMap((stride, axis) => [stride * (x.shape[axis] as number), stride]) },
  );
  return out;
}

export function transpose(x: Dense, perm: readonly number[]): Dense {
  const strides = stridesOf(x.shape);
  return gatherBox(
    x,
    perm.map((axis) => x.shape[axis] as number),
    0,
    perm.map((axis) => strides[axis] as number),
  );
}

function transposeBy(x: Dense, permInput: Dense): Dense {
  const rank = x.shape.length;
  const perm = integersOf(permInput);
  ensure(
    perm.length === rank,
    () => `transpose expects a vector of size ${rank}. But input(1) is a vector of size ${perm.length}`,
  );
  const axes = perm.map((axis) => (axis < 0 ? axis + rank : axis));
  for (const [i, axis] of axes.entries()) {
    ensure(axis >= 0 && axis < rank, () => `${perm[i]} is out of range [0 .. ${rank})`);
  }
  const missing = axes.findIndex((_, axis) => !axes.includes(axis));
  ensure(missing < 0, () => `${missing} is missing from {${perm.join(",")}}.`);
  return transpose(x, axes);
}

/** [before, after] for each axis. */
function paddingsOf(paddings: Dense, rank: number): [number, number][] {
  const { shape } = paddings;
  ensure(
    shape.length === 2 && shape[1] === 2 && shape[0] === rank,
    () =>
      `The first dimension of paddings must be the rank of inputs: got ${shapeText(shape)} for rank ${rank}`,
  );
  const flat = integersOf(paddings);
  return Array.from({ length: rank }, (_, axis) => {
    const [before, after] = [flat[2 * axis] as number, flat[2 * axis + 1] as number];
    ensure(before >= 0 && after >= 0, () => `Paddings must be non-negative: ${before} ${after}`);
    return [before, after];
  });
}

function pad(x: Dense, paddingsInput: Dense, filler?: Dense): Dense {
  const paddings = paddingsOf(paddingsInput, x.shape.length);
  const shape = x.shape.map(
    (size, axis) => size + (paddings[axis] as [number, number])[0] + (paddings[axis] as [number, number])[1],
  );
  ensure(
    (filler?.shape.length ?? 0) === 0,
    () => `constant_values must be a scalar. Found: ${shapeText(filler?.shape ?? [])}`,
  );
  const out = newLike(x, shape);
  if (filler !== undefined) fillBox(shape, filler, { value: out });
  const strides = stridesOf(shape);
  const offset = paddings.reduce((sum, [before], axis) => sum + before * (strides[axis] as number), 0);
  copyBox(x.shape, { value: x }, { value: out, offset, strides });
  return out;
}

/** Mirrors one axis after the other; REFLECT leaves the edge itself out, SYMMETRIC repeats it. */
function mirrorPad(x: Dense, paddingsInput: Dense, reflect: boolean): Dense {
  const skipped = reflect ? 1 : 0;
  return paddingsOf(paddingsInput, x.shape.length).reduce((padded, [before, after], axis) => {
    if (before === 0 && after === 0) return padded;
    const size = padded.shape[axis] as number;
    if (padded.shape.includes(0) && size > 0)
      return newLike(padded, padded.shape.with(axis, size + before + after));
    ensure(
      before <= size - skipped && after <= size - skipped,
      () =>
        `paddings must be no greater than the dimension size: ${before}, ${after} greater than ${size - skipped}`,
    );
    const index = [
      ...countDown(before - 1 + skipped, before),
      ...Array.from({ length: size }, (_, i) => i),
      ...countDown(size - 1 - skipped, after),
    ];
    return takeAlong(padded, axis, index);
  }, x);
}

const countDown = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from - i);

/** The slices of x at the given indices along an axis. */
export function takeAlong(x: Dense, axis: number, indices: readonly number[]): Dense {
  const { outer, size, inner } = aroundAxis(x.shape, axis);
  const out = newLike(x, x.shape.with(axis, indices.length));
  for (const [to, from] of indices.entries()) {
    copyBox(
      [outer, inner],
      { value: x, offset: from * inner, strides: [size * inner, 1] },
      { value: out, offset: to * inner, strides: [indices.length * inner, 1] },
    );
  }
  return out;
}

function reverse(x: Dense, axes: ReadonlySet<number>): Dense {
  const strides = stridesOf(x.shape);
  let offset = 0;
  if (elementCount(x.shape) > 0) {
    for (const axis of axes) offset += ((x.shape[axis] as number) - 1) * (strides[axis] as number);
  }
  return gatherBox(
    x,
    x.shape,
    offset,
    strides.map((stride, axis) => (axes.has(axis) ? -stride : stride)),
  );
}

function reverseAxes(x: Dense, axesInput: Dense): Dense {
  const axes = new Set<number>();
  for (const given of integersOf(axesInput)) {
    const axis = axisOf(given, x.shape.length, "'axis'");
    ensure(!axes.has(axis), () => `axis ${axis} specified more than once.`);
    axes.add(axis);
  }
  return reverse(x, axes);
}

/** Reverse of old: a bool for each axis. */
function reverseByFlags(x: Dense, flags: Dense): Dense {
  const set = flags.data as Uint8Array;
  ensure(
    set.length === x.shape.length,
    () => `'dims' must have one entry for each of ${x.shape.length} axes, has ${set.length}`,
  );
  return reverse(x, new Set([...set.keys()].filter((axis) => set[axis])));
}

/** The first seq_lengths[b] entries along seqAxis reversed, for each b of batchAxis. */
function reverseSequence(x: Dense, lengthsInput: Dense, seqAxis: number, batchAxis: number): Dense {
  const lengths = vectorOf(lengthsInput, "seq_lengths");
  const rank = x.shape.length;
  ensure(seqAxis !== batchAxis, () => `batch_dim == seq_dim == ${seqAxis}`);
  ensure(
    seqAxis >= 0 && seqAxis < rank && batchAxis >= 0 && batchAxis < rank,
    () => `seq_dim ${seqAxis} and batch_dim ${batchAxis} must be < input rank ${rank}`,
  );
  ensure(
    lengths.length === x.shape[batchAxis],
    () => `Length of seq_lengths != input.dims(${batchAxis}): ${lengths.length} vs. ${x.shape[batchAxis]}`,
  );
  const out = newLike(x, x.shape);
  const strides = stridesOf(x.shape);
  const size = x.shape[seqAxis] as number;
  const box = x.shape.with(batchAxis, 1);
  for (const [row, length] of lengths.entries()) {
    ensure(
      length >= 0 && length <= size,
      () => `seq_lens(${row}) must be within [0, ${size}], got ${length}`,
    );
    const start = row * (strides[batchAxis] as number);
    const step = strides[seqAxis] as number;
    copyBox(
      box.with(seqAxis, length),
      {
        value: x,
        offset: start + Math.max(length - 1, 0) * step,
        strides: strides.with(seqAxis, -step),
      },
      { value: out, offset: start, strides },
    );
    const rest = { value: x, offset: start + length * step, strides };
    copyBox(box.with(seqAxis, size - length), rest, { ...rest, value: out });
  }
  return out;
}

function roll(x: Dense, shiftsInput: Dense, axesInput: Dense): Dense {
  const [shifts, axes] = [vectorOf(shiftsInput, "shift"), vectorOf(axesInput, "axis")];
  ensure(x.shape.length >= 1, "input must be 1-D or higher");
  ensure(shifts.length === axes.length, "shift and axis must have the same size");
  return shifts.reduce((rolled, shift, i) => {
    const axis = axisOf(axes[i] as number, x.shape.length);
    const size = rolled.shape[axis] as number;
    if (size === 0 || shift % size === 0) return rolled;
    const cut = ((-shift % size) + size) % size;
    const [head, tail] = split(rolled, axis, [cut, size - cut]) as [Dense, Dense];
    return concat([tail, head], axis);
  }, x);
}

function broadcastTo(x: Dense, shapeInput: Dense): Dense {
  const shape = vectorOf(shapeInput, "shape");
  const fits =
    x.shape.length <= shape.length &&
    x.shape.every((size, i) => {
      const wanted = shape[i + shape.length - x.shape.length];
      return size === wanted || size === 1;
    });
  ensure(fits, () => `Incompatible shapes: ${shapeText(x.shape)} vs. ${listText(shape)}`);
  countOf(shape);
  return gatherBox(x, shape, 0, broadcastStrides(x.shape, shape));
}

export const rearrangingKernels: HostTable = {
  Tile: move(() => tile),
  Transpose: move(() => transposeBy),
  Pad: move(() => (x, paddings) => pad(x, paddings)),
  PadV2: move(() => pad),
  MirrorPad: move((node) => {
    const reflect = node.attrs.string("mode") === "REFLECT";
    return (x, paddings) => mirrorPad(x, paddings, reflect);
  }),
  Reverse: move(() => reverseByFlags),
  ReverseV2: move(() => reverseAxes),
  ReverseSequence: move((node) => {
    const [seqAxis, batchAxis] = [node.attrs.int("seq_dim"), node.attrs.int("batch_dim")];
    return (x, lengths) => reverseSequence(x, lengths, seqAxis, batchAxis);
  }),
  Roll: move(() => roll),
  BroadcastTo: move(() => broadcastTo),
};
