/** Sizes of pictures changed as tf.image.resize does it (tensorflow/python/ops/image_ops_impl.py). */
import { type DType, dtypeInfo } from "../dtype.js";
import type { Output } from "../graph-builder/operation.js";
import { unimplemented } from "../status.js";
import type { Nodes, Size } from "./nodes.js";

const ops: Readonly<Record<string, string>> = {
  nearest: "ResizeNearestNeighbor",
  bilinear: "ResizeBilinear",
  bicubic: "ResizeBicubic",
  area: "ResizeArea",
};
const kernels: Readonly<Record<string, string>> = {
  lanczos3: "lanczos3",
  lanczos5: "lanczos5",
  gaussian: "gaussian",
  mitchellcubic: "mitchellcubic",
};

/**
 * Pictures [batch, height, width, channels] at another size.
 *
 * @param antialias wider kernels where a picture gets smaller
 * @returns float32, of the input's dtype for "nearest"
 */
export function resized(
  n: Nodes,
  x: Output,
  size: readonly [Size, Size],
  method: string,
  antialias = false,
): Output {
  const sizes = n.shapeVector(size);
  const op = ops[method];
  const needsKernel = antialias && (method === "bilinear" || method === "bicubic");
  if (op !== undefined && !needsKernel) {
    if (method === "area") return n.op(op, [x, sizes]);
    return n.op(op, [x, sizes], { half_pixel_centers: true });
  }
  const kernel = needsKernel ? (method === "bilinear" ? "triangle" : "keyscubic") : kernels[method];
  if (kernel === undefined) throw unimplemented(`the interpolation "${method}" is not known`);
  return scaledBy(n, x, size, kernel, antialias);
}

function scaledBy(
  n: Nodes,
  x: Output,
  size: readonly [Size, Size],
  kernel: string,
  antialias: boolean,
): Output {
  const from = [n.size(x, 1), n.size(x, 2)] as const;
  const ratios = size.map((to, i) => {
    const old = from[i] as Size;
    if (typeof to === "number" && typeof old === "number") return to / old;
    throw unimplemented(`the interpolation "${kernel}" of pictures whose size is not known`);
  });
  const scale = { dtype: "float32" as const, shape: [2], data: Float32Array.from(ratios) };
  const translation = { dtype: "float32" as const, shape: [2], data: new Float32Array(2) };
  return n.op("ScaleAndTranslate", [n.cast(x, "float32"), n.shapeVector(size), scale, translation], {
    kernel_type: kernel,
    antialias,
  });
}

/** Numbers as another dtype; those that it can't hold become the nearest that it can. */
export function saturated(n: Nodes, x: Output, dtype: DType): Output {
  if (x.dtype === dtype) return x;
  const { kind, bits } = dtypeInfo(dtype);
  if (kind !== "int" && kind !== "uint") return n.cast(x, dtype);
  const [low, high] = kind === "uint" ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  return n.cast(n.clipped(x, low, high), dtype);
}
