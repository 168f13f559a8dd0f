/** Row splits of ragged tensors: where each row's values begin and end. */
import { invalidArgument, type Tensor } from "@servable/formats";
import { type IndexData, indexData } from "../index-data.js";

/**
 * The splits of a ragged dimension over `count` values (any number when undefined).
 * INVALID_ARGUMENT unless they start with 0, never fall, and end with `count`.
 */
export function rowSplits(tensor: Tensor | undefined, count?: number): IndexData {
  const splits = indexData(tensor);
  if (splits.length === 0) throw invalidArgument("Ragged splits must have at least one value.");
  if (splits[0] !== 0) throw invalidArgument("First value of ragged splits must be 0.");
  for (let i = 1; i < splits.length; i++) {
    if ((splits[i] as number) < (splits[i - 1] as number)) {
      throw invalidArgument(
        `Ragged splits should be non decreasing, but got ${splits[i - 1]} followed by ${splits[i]}`,
      );
    }
  }
  if (count !== undefined && splits.at(-1) !== count) {
    throw invalidArgument(
      `Final value of ragged splits must match the length the corresponding ragged values: ${splits.at(-1)} and ${count}`,
    );
  }
  return splits;
}

/** The splits of all ragged dimensions, outermost first, over `count` innermost values. */
export function nestedSplits(tensors: readonly Tensor[], count: number): IndexData[] {
  return tensors.map((tensor, i) => {
    const inner = tensors[i + 1];
    return rowSplits(tensor, inner === undefined ? count : indexData(inner).length - 1);
  });
}

/** Splits of rows that all have one length. */
export function uniformSplits(rows: number, length: number): Float64Array {
  return Float64Array.from({ length: rows + 1 }, (_, i) => i * length);
}
