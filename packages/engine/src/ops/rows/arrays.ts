/** Row rules of ops that move values: reshapes, transposes, slices, joins, gathers. Sizes flow through the same ops. */
import { elementCount } from "@servable/formats";
import {
  elementwiseAll,
  first,
  mixed,
  type RowContext,
  type RowRule,
  type RowState,
  type RowTable,
  rows,
  type SizeEntry,
  shared,
  sizes,
  withoutAxes,
} from "./row-rule.js";

/** Elements of an input that belong to one row; undefined when a size is unknown. */
function elementsPerRow(node: RowContext, state: Extract<RowState, { kind: "rows" }>): number | undefined {
  const rest = node.shape(0)?.filter((_, axis) => axis !== state.axis);
  return rest?.every((size) => size >= 0) ? elementCount(rest) * state.block : undefined;
}

const reshape: RowRule = (node) => {
  const [state, target] = node.states;
  if (state?.kind === "sizes")
    return node.shape(0)?.length === 1 || state.entries.length === 1 ? state : mixed("sizes are rearranged");
  if (state?.kind !== "rows" || state.axis !== 0)
    return mixed("a reshape of rows that are not along the first dimension");
  const shape = node.outputs[0]?.shape;
  if (
    target?.kind === "sizes" &&
    target.entries[0] === "N" &&
    target.entries.slice(1).every((entry) => entry === "fixed") &&
    state.block === 1
  )
    return rows();
  const rest = shape?.slice(1);
  const perRow = elementsPerRow(node, state);
  if (shape?.[0] !== -1 || rest === undefined || !rest.every((size) => size > 0) || perRow === undefined) {
    return mixed("a reshape that may not keep rows together");
  }
  const block = perRow / elementCount(rest);
  return Number.isInteger(block) && block >= 1 ? rows(0, block) : mixed("a reshape that cuts rows apart");
};

const transpose: RowRule = (node) => {
  const [state] = node.states;
  const perm = node.ints(1);
  if (state?.kind !== "rows" || perm === undefined) return mixed("a transpose by an unknown permutation");
  return rows(perm.indexOf(state.axis), state.block);
};

const expandDims: RowRule = (node) => {
  const [state] = node.states;
  const axis = node.ints(1)?.[0];
  const rank = node.shape(0)?.length;
  if (state?.kind === "sizes") return state;
  if (state?.kind !== "rows" || axis === undefined) return mixed("a new dimension at an unknown place");
  if (axis < 0 && rank === undefined) return mixed("a new dimension at an unknown place");
  const at = axis < 0 ? axis + (rank as number) + 1 : axis;
  return rows(at <= state.axis ? state.axis + 1 : state.axis, state.block);
};

const squeeze: RowRule = (node) => {
  if (node.states[0]?.kind === "sizes") return node.states[0];
  const dims = node.attrs.ints("squeeze_dims");
  const shape = node.shape(0);
  // Without a list every dimension of 1 goes, that of the rows too when there is one row.
  if (dims.length === 0 && shape?.some((size) => size < 0) !== false)
    return mixed("a batch of one would be squeezed away");
  const removed = dims.length > 0 ? dims : shape?.flatMap((size, axis) => (size === 1 ? [axis] : []));
  return withoutAxes(node, removed, false);
};

/** Slices of each row, or entries of sizes. */
const stridedSlice: RowRule = (node) => {
  const [state, ...bounds] = node.states;
  const [begin, end, strides] = [node.ints(1), node.ints(2), node.ints(3)];
  if (state?.kind === "sizes") {
    return begin === undefined || end === undefined || strides === undefined
      ? mixed("sizes are sliced at unknown places")
      : slicedSizes(node, state.entries, begin, end, strides);
  }
  if (state?.kind !== "rows") return mixed("rows decide where a value is sliced");
  if (bounds.some((bound) => bound.kind === "rows")) return mixed("rows decide where a value is sliced");
  return slicedRows(node, state, strides?.length ?? node.shape(1)?.[0]);
};

function slicedSizes(
  node: RowContext,
  entries: readonly SizeEntry[],
  [begin = 0]: readonly number[],
  [end = 0]: readonly number[],
  [stride = 1]: readonly number[],
): RowState {
  const bit = (name: string) => node.attrs.int(name) === 1;
  if (stride !== 1 || bit("new_axis_mask") || bit("ellipsis_mask")) return mixed("sizes are rearranged");
  if (bit("shrink_axis_mask")) return sizes([entries.at(begin) ?? "fixed"]);
  return sizes(entries.slice(bit("begin_mask") ? 0 : begin, bit("end_mask") ? undefined : end));
}

/** Which input dimension each place of the slice is about; the rows' own must be taken whole. */
function slicedRows(
  node: RowContext,
  state: Extract<RowState, { kind: "rows" }>,
  places: number | undefined,
): RowState {
  const rank = node.shape(0)?.length;
  const mask = (name: string, place: number) => ((node.attrs.int(name) >> place) & 1) === 1;
  if (places === undefined || (rank === undefined && node.attrs.int("ellipsis_mask") !== 0))
    return mixed("rows are sliced at unknown places");
  let axis = 0;
  let out = 0;
  for (let place = 0; place < places; place++) {
    if (mask("ellipsis_mask", place)) {
      const newAxes = Array.from({ length: places }, (_, i) => i).filter(
        (i) => mask("new_axis_mask", i) && i !== place,
      ).length;
      const skipped = (rank as number) - (places - 1 - newAxes);
      if (axis <= state.axis && state.axis < axis + skipped)
        return rows(out + state.axis - axis, state.block);
      axis += skipped;
      out += skipped;
    } else if (mask("new_axis_mask", place)) {
      out++;
    } else {
      if (axis === state.axis)
        return isWhole(node, place, mask)
          ? rows(out, state.block)
          : mixed("rows are sliced out of the batch");
      axis++;
      if (!mask("shrink_axis_mask", place)) out++;
    }
  }
  return rows(out + state.axis - axis, state.block);
}

function isWhole(node: RowContext, place: number, mask: (name: string, place: number) => boolean): boolean {
  if (mask("shrink_axis_mask", place) || node.ints(3)?.[place] !== 1) return false;
  const fromStart = mask("begin_mask", place) || node.ints(1)?.[place] === 0;
  return fromStart && mask("end_mask", place);
}

const slice: RowRule = (node) => {
  const [state] = node.states;
  const [begin, size] = [node.ints(1), node.ints(2)];
  if (state?.kind === "sizes" && begin !== undefined && size !== undefined) {
    const [from = 0, count = -1] = [begin[0], size[0]];
    return sizes(state.entries.slice(from, count < 0 ? undefined : from + count));
  }
  if (state?.kind !== "rows") return mixed("rows decide where a value is sliced");
  const whole = begin?.[state.axis] === 0 && (size?.[state.axis] === -1 || entriesOfSize(node, state.axis));
  return whole ? state : mixed("rows are sliced out of the batch");
};

function entriesOfSize(node: RowContext, axis: number): boolean {
  const size = node.states[2];
  return size?.kind === "sizes" && size.entries[axis] === "N";
}

const pack: RowRule = (node) => {
  if (node.states.some((state) => state.kind === "sizes")) {
    if (
      node.states.some(
        (state) => state.kind === "rows" || (state.kind === "sizes" && state.entries.length !== 1),
      )
    )
      return mixed("sizes are packed with rows");
    return sizes(
      node.states.map((state) => (state.kind === "sizes" ? (state.entries[0] as SizeEntry) : "fixed")),
    );
  }
  const state = elementwiseAll(node) as RowState;
  if (state.kind !== "rows") return state;
  const axis = node.attrs.int("axis");
  const rank = node.outputs[0]?.shape?.length;
  if (axis < 0 && rank === undefined) return mixed("rows are packed along an unknown dimension");
  const at = axis < 0 ? axis + (rank as number) : axis;
  return rows(at <= state.axis ? state.axis + 1 : state.axis, state.block);
};

const unpack: RowRule = (node) => withoutAxes(node, [node.attrs.int("axis")], false);

const concat: RowRule = (node) => {
  const parts = node.states.slice(0, -1);
  if (parts.some((state) => state.kind === "sizes")) {
    if (parts.some((state) => state.kind === "rows")) return mixed("sizes are joined with rows");
    const entries = parts.map((state, i) =>
      state.kind === "sizes" ? state.entries : new Array<"fixed">(node.shape(i)?.[0] ?? 0).fill("fixed"),
    );
    return sizes(entries.flat());
  }
  const state = elementwiseAll({ ...node, states: parts }) as RowState;
  const axis = node.ints(node.states.length - 1)?.[0];
  const rank = node.shape(0)?.length;
  if (state.kind !== "rows") return state;
  if (axis === undefined || (axis < 0 && rank === undefined))
    return mixed("values are joined along an unknown dimension");
  return (axis < 0 ? axis + (rank as number) : axis) === state.axis ? mixed("batches are joined") : state;
};

/** Split(axis, value) and SplitV(value, sizes, axis). */
const split =
  (value: number, axisInput: number): RowRule =>
  (node) => {
    const state = node.states[value];
    const axis = node.ints(axisInput)?.[0];
    const rank = node.shape(value)?.length;
    if (state?.kind !== "rows" || axis === undefined || (axis < 0 && rank === undefined))
      return mixed("rows are split along an unknown dimension");
    return (axis < 0 ? axis + (rank as number) : axis) === state.axis ? mixed("the batch is split") : state;
  };

const gather: RowRule = (node) => {
  const [params, indices] = node.states;
  const axis = node.op === "Gather" ? 0 : node.ints(2)?.[0];
  const batchDims = node.op === "Gather" ? 0 : node.attrs.int("batch_dims");
  if (params?.kind === "sizes" && indices?.kind === "shared") {
    const picked = node.ints(1)?.map((i) => params.entries.at(i) ?? ("fixed" as const));
    return picked === undefined ? mixed("sizes are picked at unknown places") : sizes(picked);
  }
  const rank = node.shape(0)?.length;
  if (axis === undefined || (axis < 0 && rank === undefined))
    return mixed("rows are gathered along an unknown dimension");
  const at = axis < 0 ? axis + (rank as number) : axis;
  if (batchDims !== 0 && (params?.kind !== "rows" || indices?.kind !== "rows"))
    return mixed("rows are gathered by a batch of another kind");
  if (params?.kind === "shared" && indices?.kind === "rows") return rows(at + indices.axis, indices.block);
  if (params?.kind === "rows" && indices?.kind === "shared") return gatheredOutOfRows(node, params, at);
  if (
    params?.kind === "rows" &&
    indices?.kind === "rows" &&
    batchDims > params.axis &&
    params.axis === indices.axis
  ) {
    return params;
  }
  return mixed("rows are gathered by other rows");
};

function gatheredOutOfRows(
  node: RowContext,
  params: Extract<RowState, { kind: "rows" }>,
  at: number,
): RowState {
  const indexRank = node.shape(1)?.length;
  if (at === params.axis) return mixed("rows are gathered out of the batch");
  if (at > params.axis) return params;
  return indexRank === undefined
    ? mixed("rows are gathered along an unknown dimension")
    : rows(params.axis + indexRank - 1, params.block);
}

/** Fill(sizes, value) and BroadcastTo(value, sizes): the rows come from the sizes. */
const filled =
  (sizesInput: number, valueInput: number): RowRule =>
  (node) => {
    const target = node.states[sizesInput];
    const value = node.states[valueInput];
    if (target?.kind !== "sizes") {
      const rest = node.ints(sizesInput);
      // A size of its own would repeat a batch of one.
      const keeps = value?.kind === "rows" && sameRank(node) && rest?.[value.axis] === -1;
      return keeps && value !== undefined ? value : mixed("a shape that rows decide");
    }
    if (target.entries.includes("multiple")) return mixed("a shape with a multiple of the number of rows");
    const axis = target.entries.indexOf("N");
    if (axis !== target.entries.lastIndexOf("N")) return mixed("the number of rows twice in a shape");
    if (value?.kind === "shared")
      return repeatsAt(node, valueInput, target.entries.length - axis)
        ? rows(axis)
        : mixed("a value that may differ along the rows");
    const valueAxis =
      value?.kind === "rows"
        ? value.axis + target.entries.length - (node.shape(valueInput)?.length ?? Number.NaN)
        : -1;
    return valueAxis === axis ? rows(axis) : mixed("rows along different dimensions");
  };

function sameRank(node: RowContext): boolean {
  const rank = node.shape(0)?.length;
  return rank !== undefined && rank === node.outputs[0]?.shape?.length;
}

function repeatsAt(node: RowContext, input: number, position: number): boolean {
  const shape = node.shape(input);
  return shape !== null && (shape.length < position || shape[shape.length - position] === 1);
}

const tile: RowRule = (node) => {
  const [state, multiples] = node.states;
  const counts = node.ints(1);
  if (state?.kind === "rows" && multiples?.kind === "shared")
    return counts?.[state.axis] === 1 ? state : mixed("the batch is repeated");
  if (state?.kind !== "shared" || multiples?.kind !== "sizes")
    return mixed("rows are repeated by an unknown count");
  if (multiples.entries.includes("multiple")) return mixed("repeated by a multiple of the number of rows");
  const axis = multiples.entries.indexOf("N");
  const once = node.shape(0)?.[axis] === 1 && axis === multiples.entries.lastIndexOf("N");
  return once ? rows(axis) : mixed("a value is repeated for rows it may differ along");
};

const pad: RowRule = (node) => {
  const state = first(node) as RowState;
  const paddings = node.ints(1);
  if (state.kind !== "rows" || paddings === undefined) return mixed("padding that is not known");
  return paddings[2 * state.axis] === 0 && paddings[2 * state.axis + 1] === 0
    ? state
    : mixed("the batch is padded");
};

/** Ops along dimensions that are given as an input: the rows' own must not be among them. */
const alongAxes: RowRule = (node) => withoutAxes(node, node.ints(1), true);

const oneHot: RowRule = (node) => {
  const [state, ...rest] = node.states;
  if (state?.kind !== "rows" || rest.some((each) => each.kind !== "shared"))
    return mixed("OneHot of something that is no row");
  const axis = node.attrs.int("axis");
  return axis >= 0 && axis <= state.axis ? rows(state.axis + 1, state.block) : state;
};

const cast: RowRule = (node) => node.states[0] ?? shared;

export const arrayRules: RowTable = {
  Reshape: reshape,
  Transpose: transpose,
  ExpandDims: expandDims,
  Squeeze: squeeze,
  StridedSlice: stridedSlice,
  Slice: slice,
  Pack: pack,
  Unpack: unpack,

  ConcatV2: concat,
  Split: split(1, 0),
  SplitV: split(0, 2),
  Gather: gather,
  GatherV2: gather,
  ResourceGather: (node) =>
    node.states[1]?.kind === "rows"
      ? node.states[1]
      : mixed("a variable is read by something that is no row"),
  Fill: filled(0, 1),
  BroadcastTo: filled(1, 0),
  Tile: tile,
  Pad: pad,
  PadV2: pad,
  MirrorPad: pad,
  ReverseV2: alongAxes,
  Cumsum: alongAxes,
  Cumprod: alongAxes,
  CumulativeLogsumexp: alongAxes,
  Roll: (node) => withoutAxes(node, node.ints(2), true),
  OneHot: oneHot,
  Cast: cast,
  Identity: cast,
};
