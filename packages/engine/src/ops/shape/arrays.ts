/** Reshaping, joining, splitting, padding, and the values of shapes themselves. */
import type { PartialShape } from "@servable/formats";
import type { Inferred, ShapeContext, ShapeRule, ShapeTable } from "../op-table.js";
import {
  type Entries,
  type Entry,
  entriesOf,
  MAX_ENTRIES,
  scalarEntry,
  shapeFromInput,
  vectorEntries,
  withEntries,
} from "./entries.js";
import { broadcastInputs, fixed, forAll, passThrough, sameAsInput, sharedShape } from "./families.js";
import {
  broadcastShapes,
  isFullyKnown,
  joined,
  knownElementCount,
  mergeShapes,
  mergeSizes,
  normalAxis,
  sizeFrom,
  UNKNOWN,
  unknownOfRank,
  withRank,
  withSize,
} from "./partial-shape.js";

// ---- shapes as values ----------------------------------------------------------------------------------------

const shapeOf: ShapeRule = (node) =>
  node.outputTypes.map((type, i) => {
    const shape = node.shape(i);
    return shape === null ? [UNKNOWN] : withEntries(type, [shape.length], entriesOf(shape));
  });

const size: ShapeRule = (node) => {
  const count = knownElementCount(node.shape(0));
  return [withEntries(node.outputTypes[0], [], [count < 0 ? undefined : count])];
};

const rank: ShapeRule = (node) => [withEntries(node.outputTypes[0], [], [node.shape(0)?.length])];

const fill: ShapeRule = (node) => {
  const shape = shapeFromInput(node, 0);
  return [withEntries(node.outputTypes[0], shape, repeated(shape, scalarEntry(node, 1)))];
};

function repeated(shape: PartialShape, entry: Entry): Entries | undefined {
  const count = knownElementCount(shape);
  return count >= 0 && count <= MAX_ENTRIES ? new Array<Entry>(count).fill(entry) : undefined;
}

const constantLike =
  (value: number): ShapeRule =>
  (node) => {
    const shape = node.shape(0);
    return [withEntries(node.outputTypes[0], shape, repeated(shape, value))];
  };

const range: ShapeRule = (node) => {
  const [start, limit, delta] = [0, 1, 2].map((input) => scalarNumber(node, input));
  if (start === undefined || limit === undefined || delta === undefined || delta === 0) return [[UNKNOWN]];
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (count > MAX_ENTRIES) return [[Number.isSafeInteger(count) ? count : UNKNOWN]];
  const entries = Array.from({ length: count }, (_, i) => start + i * delta);
  return [withEntries(node.outputTypes[0], [count], entries)];
};

/** The value of a scalar input of any real type. */
function scalarNumber(node: ShapeContext, input: number): number | undefined {
  const entry = scalarEntry(node, input);
  if (entry !== undefined) return entry;
  const tensor = node.tensor(input);
  if (tensor === undefined || tensor.dtype === "string") return undefined;
  if (tensor.dtype !== "float32" && tensor.dtype !== "float64") return undefined;
  return tensor.data[0];
}

const broadcastArgs: ShapeRule = (node) => {
  const [a, b] = [shapeFromInput(node, 0), shapeFromInput(node, 1)];
  const shape = broadcastShapes(a, b);
  return [shape === null ? [UNKNOWN] : withEntries(node.outputTypes[0], [shape.length], entriesOf(shape))];
};

// ---- reshaping -----------------------------------------------------------------------------------------------

const reshape: ShapeRule = (node) => {
  const wanted = vectorEntries(node, 1);
  if (wanted === undefined) return [null];
  const shape = completed(wanted, node.shape(0));
  return [withEntries(node.outputTypes[0], shape, node.entries(0))];
};

/** The sizes asked for, the only unknown one (or -1, "what is left") computed from the number of elements. */
function completed(wanted: Entries, input: PartialShape): readonly number[] {
  const shape = wanted.map((entry) => (entry === undefined || entry < 0 ? UNKNOWN : entry));
  const open = shape.flatMap((size, axis) => (size < 0 ? [axis] : []));
  const [axis] = open;
  if (open.length !== 1 || axis === undefined || input === null) return shape;
  const rest = knownElementCount(withSize(shape, axis, 1));
  const total = knownElementCount(input);
  return rest > 0 && total >= 0 && total % rest === 0 ? withSize(shape, axis, total / rest) : shape;
}

const expandDims: ShapeRule = (node) => {
  const input = node.shape(0);
  if (input === null) return [null];
  const axis = scalarEntry(node, 1);
  const normal = axis === undefined ? undefined : normalAxis(axis, input.length + 1);
  if (normal === undefined && input.length > 0) return [unknownOfRank(input.length + 1)];
  return [withEntries(node.outputTypes[0], inserted(input, normal ?? 0, 1), node.entries(0))];
};

function inserted(shape: readonly number[], axis: number, size: number): number[] {
  return [...shape.slice(0, axis), size, ...shape.slice(axis)];
}

const squeeze: ShapeRule = (node) => {
  const input = node.shape(0);
  if (input === null) return [null];
  const axes = node.attrs.ints("squeeze_dims").map((axis) => normalAxis(axis, input.length));
  // Which of the unknown sizes are 1 decides the rank, when all ones go.
  if (axes.length === 0 && input.includes(UNKNOWN)) return [null];
  const goes = (size: number, axis: number) => (axes.length === 0 ? size === 1 : axes.includes(axis));
  const shape = input.filter((size, axis) => !goes(size, axis));
  return [withEntries(node.outputTypes[0], shape, node.entries(0))];
};

const transpose: ShapeRule = (node) => {
  const input = node.shape(0);
  const perm = vectorEntries(node, 1);
  const rank = input?.length ?? perm?.length;
  if (rank === undefined) return [null];
  if (rank <= 1) return [withEntries(node.outputTypes[0], withRank(input, rank), node.entries(0))];
  const known = withRank(input, rank);
  return [
    Array.from({ length: rank }, (_, axis) => {
      const from = perm?.[axis];
      return from === undefined ? UNKNOWN : (known.at(from) ?? UNKNOWN);
    }),
  ];
};

const broadcastTo: ShapeRule = (node) => {
  const wanted = shapeFromInput(node, 1);
  // Sizes of the input above 1 stay as they are.
  const kept = node.shape(0)?.map((size) => (size > 1 ? size : UNKNOWN)) ?? [];
  const front = (wanted?.length ?? 0) - kept.length;
  const shape = wanted?.map((size, axis) => mergeSizes(size, kept[axis - front] ?? UNKNOWN)) ?? null;
  const entries = node.entries(0);
  const repeats = entries?.length === 1 && isFullyKnown(shape);
  return [withEntries(node.outputTypes[0], shape, repeats ? repeated(shape, entries[0]) : entries)];
};

// ---- joining and splitting -----------------------------------------------------------------------------------

const pack: ShapeRule = (node) => {
  const [element = null] = sharedShape()(node) as PartialShape[];
  if (element === null) return [null];
  const axis = normalAxis(node.attrs.int("axis"), element.length + 1);
  if (axis === undefined) return [null];
  const entries = element.length === 0 ? node.inputs.map((_, i) => scalarEntry(node, i)) : undefined;
  return [withEntries(node.outputTypes[0], inserted(element, axis, node.inputs.length), entries)];
};

const unpack: ShapeRule = (node) => {
  const input = node.shape(0);
  const axis = input === null ? undefined : normalAxis(node.attrs.int("axis"), input.length);
  const shape = axis === undefined ? null : (input as readonly number[]).filter((_, i) => i !== axis);
  const entries = node.entries(0);
  return node.outputTypes.map((type, i) => withEntries(type, shape, entries && [entries[i]]));
};

function concatenated(node: ShapeContext, values: readonly number[], axisInput: number): Inferred {
  const shapes = values.map((input) => node.shape(input));
  const rank = shapes.find((shape) => shape !== null)?.length;
  const axis = scalarEntry(node, axisInput);
  if (rank === undefined) return null;
  const normal = axis === undefined ? undefined : normalAxis(axis, rank);
  if (normal === undefined && rank !== 1) return unknownOfRank(rank);
  return withEntries(
    node.outputTypes[0],
    concatShapes(shapes, rank, normal ?? 0),
    joinedEntries(node, values),
  );
}

function concatShapes(shapes: readonly PartialShape[], rank: number, axis: number): readonly number[] {
  const sizes = shapes.map((shape) => withRank(shape, rank)[axis] as number);
  const rest = shapes
    .map((shape) => withSize(withRank(shape, rank), axis, UNKNOWN))
    .reduce<PartialShape>(mergeShapes, null);
  return withSize(
    withRank(rest, rank),
    axis,
    sizeFrom(sizes, (...known) => known.reduce((sum, size) => sum + size, 0)),
  );
}

function joinedEntries(node: ShapeContext, values: readonly number[]): Entries | undefined {
  const all: Entry[] = [];
  for (const input of values) {
    const entries = vectorEntries(node, input);
    if (entries === undefined) return undefined;
    all.push(...entries);
  }
  return all;
}

const concatV2: ShapeRule = (node) => {
  const last = node.inputs.length - 1;
  return [
    concatenated(
      node,
      Array.from({ length: last }, (_, i) => i),
      last,
    ),
  ];
};

const concat: ShapeRule = (node) => [
  concatenated(
    node,
    node.inputs.slice(1).map((_, i) => i + 1),
    0,
  ),
];

/** Value `input` cut along the axis of `axisInput` into pieces of these sizes. */
function splitInto(node: ShapeContext, input: number, axisInput: number, sizesOf: SizesOf): Inferred[] {
  const shape = node.shape(input);
  if (shape === null) return node.outputTypes.map(() => null);
  const axis = shape.length === 1 ? 0 : scalarEntry(node, axisInput);
  const normal = axis === undefined ? undefined : normalAxis(axis, shape.length);
  if (normal === undefined) return node.outputTypes.map(() => unknownOfRank(shape.length));
  const sizes = sizesOf(shape[normal] as number);
  const entries = node.entries(input);
  let start = 0;
  return node.outputTypes.map((type, i) => {
    const size = sizes[i] ?? UNKNOWN;
    const piece = start < 0 || size < 0 ? undefined : entries?.slice(start, start + size);
    start = sizeFrom([start, size], (from, length) => from + length);
    return withEntries(type, withSize(shape, normal, size), piece);
  });
}

type SizesOf = (total: number) => readonly number[];

const split: ShapeRule = (node) => {
  const count = node.outputTypes.length;
  return splitInto(node, 1, 0, (total) => node.outputTypes.map(() => sizeFrom([total], (n) => n / count)));
};

const splitV: ShapeRule = (node) => {
  const count = node.outputTypes.length;
  return splitInto(node, 0, 2, (total) => {
    const sizes = shapeFromInput(node, 1) ?? unknownOfRank(count);
    if (count === 1) return [mergeSizes(total, sizes[0] ?? UNKNOWN)];
    const open = sizes.filter((size) => size < 0).length;
    const given = sizes.reduce((sum, size) => sum + Math.max(size, 0), 0);
    // The one size left open takes the rest.
    return open === 1 ? sizes.map((size) => (size < 0 ? sizeFrom([total], (n) => n - given) : size)) : sizes;
  });
};

// ---- padding and repeating -----------------------------------------------------------------------------------

const pad: ShapeRule = (node) => {
  const amounts = node.tensor(1);
  const rank = node.shape(0)?.length ?? knownSize(node.shape(1), 0);
  if (rank === undefined) return [null];
  const input = withRank(node.shape(0), rank);
  if (amounts?.dtype !== "int32" && amounts?.dtype !== "int64") return [unknownOfRank(rank)];
  const at = (axis: number, side: number) => Number(amounts.data[2 * axis + side]);
  return [input.map((size, axis) => sizeFrom([size], (n) => n + at(axis, 0) + at(axis, 1)))];
};

/** A known size of a shape. */
function knownSize(shape: PartialShape, axis: number): number | undefined {
  const size = shape?.[axis];
  return size !== undefined && size >= 0 ? size : undefined;
}

const tile: ShapeRule = (node) => {
  const multiples = vectorEntries(node, 1);
  const rank = node.shape(0)?.length ?? multiples?.length;
  if (rank === undefined) return [null];
  const input = withRank(node.shape(0), rank);
  const shape = input.map((size, axis) => sizeFrom([size, multiples?.[axis] ?? UNKNOWN], (n, m) => n * m));
  const entries = node.entries(0);
  const times = multiples?.[0];
  const repeats = rank === 1 && entries && times !== undefined && entries.length * times <= MAX_ENTRIES;
  return [
    withEntries(
      node.outputTypes[0],
      shape,
      repeats ? Array.from({ length: times }, () => entries).flat() : undefined,
    ),
  ];
};

// ---- selecting -----------------------------------------------------------------------------------------------

const select: ShapeRule = (node) => {
  const either = mergeShapes(node.shape(1), node.shape(2));
  const condition = node.shape(0);
  // A scalar condition picks a whole, a vector picks rows; any other has the shape of what it picks from.
  const shape = condition !== null && condition.length > 1 ? mergeShapes(either, condition) : either;
  return [withEntries(node.outputTypes[0], shape, chosenEntries(node))];
};

const selectV2: ShapeRule = (node) => [
  withEntries(node.outputTypes[0], broadcastInputs(node), chosenEntries(node)),
];

/** Entries of the branch that a constant scalar condition takes, or those on which both agree. */
function chosenEntries(node: ShapeContext): Entries | undefined {
  const [yes, no] = [node.entries(1), node.entries(2)];
  const condition = node.tensor(0);
  if (condition?.dtype === "bool" && condition.data.length === 1) return condition.data[0] ? yes : no;
  if (yes === undefined || yes.length !== no?.length) return undefined;
  return yes.map((entry, i) => (entry === no[i] ? entry : undefined));
}

const where: ShapeRule = (node) => [[UNKNOWN, node.shape(0)?.length ?? UNKNOWN]];

const oneHot: ShapeRule = (node) => {
  const indices = node.shape(0);
  if (indices === null) return [null];
  const axis = normalAxis(node.attrs.int("axis"), indices.length + 1);
  return [axis === undefined ? null : inserted(indices, axis, depthOf(node))];
};

function depthOf(node: ShapeContext): number {
  const depth = scalarEntry(node, 1);
  return depth === undefined || depth < 0 ? UNKNOWN : depth;
}

const unique: ShapeRule = (node) => [
  [UNKNOWN],
  node.shape(0)?.length === 1 ? node.shape(0) : [UNKNOWN],
  ...node.outputTypes.slice(2).map(() => [UNKNOWN]),
];

/** Along an axis of any rank; without one, as Unique. */
const uniqueAlongAxis: ShapeRule = (node) => {
  const input = node.shape(0);
  const counts = node.outputTypes.slice(2).map(() => [UNKNOWN]);
  const axes = vectorEntries(node, 1);
  if (input === null || axes === undefined) return [null, [UNKNOWN], ...counts];
  const axis = axes.length === 0 ? 0 : axes[0];
  const normal = axis === undefined ? undefined : normalAxis(axis, input.length);
  if (normal === undefined) return [unknownOfRank(input.length), [UNKNOWN], ...counts];
  return [withSize(input, normal, UNKNOWN), [input[normal] as number], ...counts];
};

// ---- moving between batch, space and depth ---------------------------------------------------------------------

/** Bytes of each type that Bitcast may meet on its two sides. */
const bitcast: ShapeRule = (node) => {
  const input = node.shape(0);
  const from = bytesOf(node.inputTypes[0] as string);
  const to = bytesOf(node.outputTypes[0] as string);
  if (input === null || from === undefined || to === undefined) return [null];
  if (from === to) return [input];
  return [from > to ? [...input, from / to] : input.slice(0, -1)];
};

function bytesOf(type: string): number | undefined {
  if (type === "complex64") return 8;
  if (type === "complex128") return 16;
  if (type === "bfloat16") return 2;
  const bits = /^q?u?(?:int|float)(8|16|32|64)/.exec(type)?.[1];
  return bits === undefined ? undefined : Number(bits) / 8;
}

const spaceToBatch =
  (grow: boolean): ShapeRule =>
  (node) => {
    const blocks = vectorEntries(node, 1);
    const input = node.shape(0);
    if (input === null) return [null];
    if (blocks === undefined || input.length <= blocks.length) return [unknownOfRank(input.length)];
    const edges = node.tensor(2);
    const known = edges?.dtype === "int32" || edges?.dtype === "int64" ? edges.data : undefined;
    return [
      input.map((size, axis) => {
        if (axis === 0) return batchAfter(size, blocks, grow);
        const block = blocks[axis - 1];
        if (axis > blocks.length) return size;
        if (block === undefined || known === undefined) return UNKNOWN;
        const edge = Number(known[2 * axis - 2]) + Number(known[2 * axis - 1]);
        return sizeFrom([size], (n) => (grow ? (n + edge) / block : n * block - edge));
      }),
    ];
  };

function batchAfter(size: number, blocks: Entries, grow: boolean): number {
  const product = knownElementCount(blocks.map((block) => block ?? UNKNOWN));
  return sizeFrom([size, product], (n, factor) => (grow ? n * factor : n / factor));
}

const depthMoves =
  (toDepth: boolean): ShapeRule =>
  (node) => {
    const format = node.attrs.string("data_format");
    if (format === "NCHW_VECT_C") return [null];
    const block = node.attrs.int("block_size");
    const depthAxis = format === "NCHW" ? 1 : 3;
    return [
      withRank(node.shape(0), 4).map((size, axis) => {
        if (axis === 0) return size;
        const grows = (axis === depthAxis) === toDepth;
        const factor = axis === depthAxis ? block * block : block;
        return sizeFrom([size], (n) => (grows ? n * factor : n / factor));
      }),
    ];
  };

export const arrayShapes: ShapeTable = {
  ...forAll(
    ["CheckNumerics", "CheckNumericsV2", "DebugIdentity", "DeepCopy", "Identity", "IdentityN"].concat([
      "PreventGradient",
      "RefIdentity",
      "Snapshot",
      "StopGradient",
    ]),
    passThrough,
  ),
  EnsureShape: (node) => [
    withEntries(node.outputTypes[0], mergeShapes(node.shape(0), node.attrs.shape("shape")), node.entries(0)),
  ],
  ...forAll(["Shape", "ShapeN"], shapeOf),
  Size: size,
  Rank: rank,
  Fill: fill,
  ZerosLike: constantLike(0),
  OnesLike: constantLike(1),
  Range: range,
  LinSpace: (node) => [[scalarEntry(node, 2) ?? UNKNOWN]],
  BroadcastArgs: broadcastArgs,
  BroadcastGradientArgs: fixed([UNKNOWN], [UNKNOWN]),
  Reshape: reshape,
  ExpandDims: expandDims,
  Squeeze: squeeze,
  Transpose: transpose,
  ConjugateTranspose: transpose,
  BroadcastTo: broadcastTo,
  Pack: pack,
  ParallelConcat: (node) => [node.attrs.shape("shape")],
  Unpack: unpack,
  ConcatV2: concatV2,
  Concat: concat,
  ConcatOffset: (node) => node.outputTypes.map((_, i) => node.shape(i + 1)),
  Split: split,
  SplitV: splitV,
  ...forAll(["Pad", "PadV2", "MirrorPad"], pad),
  Tile: tile,
  Select: select,
  SelectV2: selectV2,
  Where: where,
  OneHot: oneHot,
  ...forAll(["Unique", "UniqueWithCounts"], unique),
  ...forAll(["UniqueV2", "UniqueWithCountsV2"], uniqueAlongAxis),
  ListDiff: fixed([UNKNOWN], [UNKNOWN]),
  InvertPermutation: (node) => [withRank(node.shape(0), 1)],
  UnravelIndex: (node) => {
    const indices = node.shape(0);
    const [rank = UNKNOWN] = node.shape(1) ?? [];
    return [indices === null ? null : joined([rank], indices)];
  },
  ...forAll(["LowerBound", "UpperBound"], (node) => [node.shape(1)]),
  Bitcast: bitcast,
  SpaceToBatchND: spaceToBatch(true),
  BatchToSpaceND: spaceToBatch(false),
  SpaceToDepth: depthMoves(true),
  DepthToSpace: depthMoves(false),
  ...forAll(["Reverse", "ReverseV2", "ReverseSequence", "Roll", "RandomShuffle"], sameAsInput),
  Empty: (node) => [shapeFromInput(node, 0)],
};
