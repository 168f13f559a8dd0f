/**
 * Index vectors as in GatherNd and ScatterNd: the last dimension of `indices` holds the leading coordinates of a row.
 */
import {
  elementCount,
  invalidArgument,
  type Shape,
  shapeText,
  stridesOf,
  type Tensor,
} from "@servable/formats";
import { type IndexData, indexData } from "./index-data.js";

/**
 * The row of `shape` that each index vector names, rows being counted over the dimensions that the vectors cover.
 * INVALID_ARGUMENT, naming the first vector that is out of range; `what` is "param shape" or "shape". With
 * `ignoreOutside` such a vector has the row -1 instead.
 */
export function rowsOfIndices(indices: Tensor, shape: Shape, what: string, ignoreOutside = false): IndexData {
  const depth = indices.shape.at(-1);
  if (depth === undefined || depth > shape.length) {
    throw invalidArgument(
      `indices of shape ${shapeText(indices.shape)} cannot index into ${what} ${shapeText(shape)}`,
    );
  }
  const entries = indexData(indices);
  const strides = stridesOf(shape.slice(0, depth));
  const rows = new Float64Array(elementCount(indices.shape.slice(0, -1)));
  for (let i = 0; i < rows.length; i++) {
    let row = 0;
    for (let axis = 0; axis < depth; axis++) {
      const index = entries[i * depth + axis] as number;
      if (!(index >= 0 && index < (shape[axis] as number))) {
        if (!ignoreOutside) throw outside(i, entries, indices.shape, what, shape);
        row = -1;
        break;
      }
      row += index * (strides[axis] as number);
    }
    rows[i] = row;
  }
  return rows;
}

function outside(i: number, entries: IndexData, indices: Shape, what: string, shape: Shape): Error {
  const depth = indices.at(-1) ?? 0;
  const vector = [...entries.subarray(i * depth, (i + 1) * depth)].join(", ");
  const place = indexText(i, indices.slice(0, -1));
  return invalidArgument(`indices[${place}] = [${vector}] does not index into ${what} ${shapeText(shape)}`);
}

/** The coordinates of a flat position: "1,0" for 3 in [2,3]. */
export function indexText(position: number, shape: Shape): string {
  const strides = stridesOf(shape);
  return strides.map((stride, axis) => Math.floor(position / stride) % (shape[axis] as number)).join(",");
}
