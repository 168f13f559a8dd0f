/**
 * Ragged tensors as variants, in which loops and map functions carry them: RaggedTensorToVariant, which may take a batch
 * apart into a variant for each row, and RaggedTensorFromVariant, which stacks what such variants hold.
 */
import {
  allocate,
  elementCount,
  invalidArgument,
  sameShape,
  shapeText,
  type Tensor,
  tensor,
} from "@servable/formats";
import { asTensor, type Value, type Variant, type VariantValue } from "../../../values.js";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { copyEntries, tensorOver } from "../element-memory.js";
import { type IndexData, indexData, indexTensor } from "../index-data.js";
import { outputDtype, pass } from "../kernel.js";
import { nestedSplits, uniformSplits } from "./splits.js";

/** A ragged tensor, or a dense one when it has no splits. */
export interface RaggedVariant extends Variant {
  readonly kind: "Ragged";
  readonly splits: readonly Tensor[];
  readonly values: Tensor;
}

type SplitsDType = "int32" | "int64";

function toVariant({ attrs }: NodeFacts) {
  const rank = attrs.int("RAGGED_RANK");
  const batched = attrs.bool("batched_input");
  return (...inputs: Value[]): VariantValue => {
    const splits = inputs.slice(0, rank).map(asTensor);
    const values = asTensor(inputs[rank]);
    if (!batched) {
      const whole: RaggedVariant = { kind: "Ragged", splits, values };
      return { dtype: "variant", shape: [], data: [whole] };
    }
    if (values.shape.length === 0) throw invalidArgument("Ragged values of a batch must have rank >= 1");
    const rows = rank === 0 ? rowsOfDense(values) : rowsOfRagged(splits, values);
    return { dtype: "variant", shape: [rows.length], data: rows };
  };
}

function rowsOfDense(values: Tensor): RaggedVariant[] {
  const [count, ...rowShape] = values.shape as [number, ...number[]];
  return Array.from({ length: count }, (_, row) => {
    const { data, dtype } = sliceRows(values, row, row + 1);
    return { kind: "Ragged", splits: [], values: tensorOver(dtype, rowShape, data) };
  });
}

function sliceRows(values: Tensor, from: number, to: number): Tensor {
  const [count = 0, ...rowShape] = values.shape;
  const width = count === 0 ? 0 : values.data.length / count;
  return tensorOver(values.dtype, [to - from, ...rowShape], values.data.slice(from * width, to * width));
}

function rowsOfRagged(tensors: readonly Tensor[], values: Tensor): RaggedVariant[] {
  const dtype = tensors[0]?.dtype as SplitsDType;
  const [outer, ...inner] = nestedSplits(tensors, values.shape[0] as number) as [IndexData, ...IndexData[]];
  return Array.from({ length: outer.length - 1 }, (_, row) => {
    let [from, to] = [outer[row] as number, outer[row + 1] as number];
    const splits = inner.map((level) => {
      const start = level[from] as number;
      const own = Float64Array.from(level.subarray(from, to + 1), (split) => split - start);
      [from, to] = [start, level[to] as number];
      return indexTensor(dtype, [own.length], own);
    });
    return { kind: "Ragged", splits, values: sliceRows(values, from, to) };
  });
}

// ---- back ----------------------------------------------------------------------------------------------------

function fromVariant(node: NodeFacts) {
  const { attrs } = node;
  const outputRank = attrs.int("output_ragged_rank");
  const wanted = attrs.int("input_ragged_rank");
  const dtype = attrs.type("Tvalues");
  const splitsDtype = attrs.type("Tsplits") as SplitsDType;
  return (encoded: Value): Tensor[] => {
    if (encoded.dtype !== "variant") throw invalidArgument(`expected variants, got ${encoded.dtype}`);
    const inputRank = wanted === -1 ? outputRank - encoded.shape.length : wanted;
    if (inputRank < 0) {
      throw invalidArgument(`The inferred input_ragged_rank must be >= 0, found ${inputRank}`);
    }
    if (outputRank !== encoded.shape.length + inputRank) {
      throw invalidArgument(
        `output_ragged_rank must be equal to input_ragged_rank + encoded_ragged.dims(); output_ragged_rank: ${outputRank}, ` +
          `input_ragged_rank: ${inputRank}, encoded_ragged.dims(): ${encoded.shape.length}.`,
      );
    }
    const parts = encoded.data.map((part) => checkedPart(part, inputRank, dtype, splitsDtype));
    const only = parts[0];
    if (encoded.shape.length === 0 && only !== undefined) return [...only.splits, only.values];
    return stacked(parts, encoded.shape, inputRank, outputDtype(node, outputRank), splitsDtype);
  };
}

function checkedPart(part: Variant, rank: number, dtype: string, splitsDtype: SplitsDType): RaggedVariant {
  if (part.kind !== "Ragged")
    throw invalidArgument(`Input Variant element doesn't hold a RaggedTensorVariant: it is a ${part.kind}`);
  const ragged = part as RaggedVariant;
  if (ragged.splits.length !== rank) {
    throw invalidArgument(
      `Encoded input RaggedTensorVariant has ragged_rank=${ragged.splits.length}.  Expected ragged_rank=${rank}.`,
    );
  }
  if (ragged.values.dtype !== dtype) {
    throw invalidArgument(`Expected values Tensor dtype: ${dtype}, found: ${ragged.values.dtype}`);
  }
  const other = ragged.splits.find((splits) => splits.dtype !== splitsDtype);
  if (other !== undefined)
    throw invalidArgument(`Expected row_splits Tensor dtype: ${splitsDtype}, found: ${other.dtype}`);
  if (ragged.values.shape.length === 0)
    throw invalidArgument("Ragged values must have rank >= 1; encoded scalar element found");
  return ragged;
}

/** The variants' dimensions become ragged ones: uniform but for the last, whose rows are as long as the variants say. */
function stacked(
  parts: readonly RaggedVariant[],
  shape: readonly number[],
  rank: number,
  dtype: Tensor["dtype"],
  splitsDtype: SplitsDType,
): Tensor[] {
  let rows = 1;
  const uniform = shape.slice(1).map((size, axis) => {
    rows *= shape[axis] as number;
    return uniformSplits(rows, size);
  });
  const rowCounts = parts.map(({ splits, values }) =>
    splits.length === 0 ? (values.shape[0] as number) : (splits[0] as Tensor).data.length - 1,
  );
  const levels = Array.from({ length: rank }, (_, level) =>
    joinedSplits(parts.map(({ splits }) => indexData(splits[level]))),
  );
  const all = [...uniform, runningTotals(rowCounts), ...levels];
  return [
    ...all.map((splits) => indexTensor(splitsDtype, [splits.length], splits)),
    joinedValues(
      parts.map(({ values }) => values),
      dtype,
    ),
  ];
}

function runningTotals(lengths: readonly number[]): Float64Array {
  const totals = new Float64Array(lengths.length + 1);
  for (const [i, length] of lengths.entries()) totals[i + 1] = (totals[i] as number) + length;
  return totals;
}

/** Splits one after another, each moved to where the one before ended. */
function joinedSplits(parts: readonly IndexData[]): Float64Array {
  return runningTotals(
    parts.flatMap((splits) => Array.from(splits.subarray(1), (split, i) => split - (splits[i] as number))),
  );
}

function joinedValues(parts: readonly Tensor[], dtype: Tensor["dtype"]): Tensor {
  const rowShape = parts[0]?.shape.slice(1) ?? [];
  const other = parts.find(({ shape }) => !sameShape(shape.slice(1), rowShape));
  if (other !== undefined) {
    throw invalidArgument(
      `All flat_values must have compatible shapes: rows of ${shapeText(rowShape)} and ${shapeText(other.shape.slice(1))}`,
    );
  }
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] as number), 0);
  const data = allocate(dtype, rows * elementCount(rowShape));
  let at = 0;
  for (const part of parts) {
    copyEntries(data, at, part.data, 0, part.data.length);
    at += part.data.length;
  }
  return tensor(dtype, [rows, ...rowShape], data) as Tensor;
}

export const raggedVariantKernels: HostTable = {
  RaggedTensorToVariant: pass(toVariant),
  RaggedTensorFromVariant: pass((node) => fromVariant(node) as (...inputs: Value[]) => Tensor[]),
};
