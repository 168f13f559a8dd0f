/**
 * What convolutions and pooling share: the layout of images, and how a window of a size, stride and dilation slides over
 * them. TensorFlow's attributes list a number for every dimension of the layout; ONNX's for the spatial ones only, and its
 * operators know channels-first images alone.
 */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import type { OnnxAttrs } from "../../onnx/onnx-graph.js";
import { NotExpressible, type OnnxInput, type OnnxNode } from "../op-table.js";

export interface Layout {
  readonly rank: number;
  readonly channelsLast: boolean;
  /** The dimension of the channels, and those of the image. */
  readonly channels: number;
  readonly spatial: readonly number[];
}

/** From attribute "data_format" ("NHWC", "NCDHW" …), which default to channels last. */
export function layoutOf(node: OnnxNode, rank: number): Layout {
  const format = node.attrs.has("data_format") ? node.attrs.string("data_format") : "NHWC";
  if (format.includes("_")) throw new NotExpressible(`data format ${format}`);
  const channelsLast = format.endsWith("C");
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return {
    rank,
    channelsLast,
    channels: channelsLast ? rank - 1 : 1,
    spatial: channelsLast ? axes.slice(1, -1) : axes.slice(2),
  };
}

export function toChannelsFirst(g: OnnxEmitter, x: OnnxValue, layout: Layout): OnnxValue {
  if (!layout.channelsLast) return x;
  return g.op("Transpose", [x], { perm: [0, layout.channels, ...layout.spatial] });
}

export function fromChannelsFirst(g: OnnxEmitter, x: OnnxValue, layout: Layout): OnnxValue {
  if (!layout.channelsLast) return x;
  return g.op("Transpose", [x], { perm: [0, ...layout.spatial.map((axis) => axis + 1), 1] });
}

/** The spatial entries of an attribute that has one for each dimension. */
export function spatialInts(node: OnnxNode, attr: string, layout: Layout): number[] {
  return pickSpatial(node.attrs.ints(attr), attr, layout);
}

export function pickSpatial(all: readonly number[], what: string, layout: Layout): number[] {
  if (all.length !== layout.rank) throw new NotExpressible(`${what} has ${all.length} entries`);
  if (all.some((entry, axis) => entry !== 1 && !layout.spatial.includes(axis))) {
    throw new NotExpressible(`${what} over batch or channels`);
  }
  return layout.spatial.map((axis) => all[axis] as number);
}

export interface Window {
  /** -1 where the filter's size is not known. */
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** ONNX's "pads" or "auto_pad" for attribute "padding". SAME puts the odd row or column at the end. */
export function padding(node: OnnxNode, x: OnnxInput, layout: Layout, window: Window): OnnxAttrs {
  const kind = node.attrs.string("padding");
  if (kind === "VALID") return { pads: new Array<number>(2 * layout.spatial.length).fill(0) };
  if (kind === "EXPLICIT") return { pads: explicitPads(node, layout) };
  if (kind !== "SAME") throw new NotExpressible(`padding ${kind}`);
  const totals = layout.spatial.map((axis, i) => samePadding(x.shape?.[axis] ?? -1, window, i));
  if (!totals.every((total) => total !== undefined)) return automaticPadding(window);
  return {
    pads: [...totals.map((total) => Math.floor(total / 2)), ...totals.map((total) => Math.ceil(total / 2))],
  };
}

/** ONNX Runtime's own SAME for sizes that are not known; it has gaps. */
function automaticPadding({ kernel, strides, dilations }: Window): OnnxAttrs {
  if (dilations.some((dilation) => dilation > 1))
    throw new NotExpressible("SAME of a dilated kernel over an unknown size");
  if (kernel.some((size, i) => size >= 0 && size < (strides[i] as number))) {
    throw new NotExpressible("SAME of a kernel smaller than its stride over an unknown size");
  }
  return { auto_pad: "SAME_UPPER" };
}

/**
 * How many rows SAME adds along one spatial dimension, so that the output has ⌈size / stride⌉. With a stride of 1, or
 * a kernel of 1, that does not depend on the size; elsewhere it is undefined for an unknown one (-1).
 */
function samePadding(size: number, { kernel, strides, dilations }: Window, i: number): number | undefined {
  const stride = strides[i] as number;
  const extent = extentOf(kernel[i] as number, dilations[i] as number);
  if ((kernel[i] as number) < 0) return undefined;
  if (stride === 1 || extent === 1) return extent - 1;
  return size < 0 ? undefined : Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0);
}

/** Rows that a dilated kernel spans. */
export function extentOf(kernel: number, dilation: number): number {
  return (kernel - 1) * dilation + 1;
}

/** TensorFlow has (before, after) for each dimension, ONNX all befores and then all afters. */
function explicitPads(node: OnnxNode, layout: Layout): number[] {
  const all = node.attrs.ints("explicit_paddings");
  if (all.length !== 2 * layout.rank) throw new NotExpressible(`explicit_paddings has ${all.length} entries`);
  return [0, 1].flatMap((side) => layout.spatial.map((axis) => all[2 * axis + side] as number));
}
