/**
 * One output of ParseExample over all examples of a batch: dense of a fixed or a variable length, sparse, or ragged.
 *
 * A column is told of its feature in each example in turn, undefined where it is missing, and then gives its tensors.
 * Rules and messages are those of tensorflow/core/util/example_proto_fast_parsing.cc.
 */
import {
  allocate,
  elementCount,
  type FeatureValues,
  invalidArgument,
  type PartialShape,
  type Shape,
  shapeText,
  type Tensor,
} from "@servable/formats";

import { filled, tensorOver } from "../element-memory.js";
import { indexTensor, int64Tensor } from "../index-data.js";
import { countOf } from "../kernel.js";
import {
  type FeatureDType,
  IndexRows,
  kindMismatch,
  kindName,
  kindOf,
  putValues,
  ValueList,
} from "./feature-values.js";

export interface Column {
  /** The feature's name. */
  readonly key: string;
  add(row: number, values: FeatureValues | undefined): void;
}

/** Says which example an error is about: `Name: <unknown>, Key: age, Index: 3.  `. */
export type Blame = (key: string, row: number) => string;

/** What is known of a feature before it is read. */
export interface FeatureSpec {
  readonly key: string;
  readonly dtype: FeatureDType;
}

function checkKind(spec: FeatureSpec, values: FeatureValues, row: number, blame: Blame): void {
  const expected = kindOf(spec.dtype);
  if (values.kind !== expected) {
    throw invalidArgument(blame(spec.key, row) + kindMismatch(expected, values.kind));
  }
}

// ---- dense ---------------------------------------------------------------------------------------------------

/** Whose first size is unknown, the others known. */
export function isVariableLength(shape: PartialShape): boolean {
  return shape !== null && shape.length > 0 && (shape[0] as number) < 0;
}

/** A feature that has exactly as many values as its shape holds, or takes its default. */
export class DenseColumn implements Column {
  readonly key: string;
  private readonly stride: number;
  private readonly data: Tensor["data"];

  constructor(
    private readonly spec: FeatureSpec,
    private readonly shape: Shape,
    /** Empty when the feature is required. */
    private readonly fallback: Tensor,
    private readonly rows: number,
    private readonly blame: Blame,
    private readonly required: (key: string, row: number) => Error,
  ) {
    this.key = spec.key;
    this.stride = countOf(shape);
    this.data = allocate(spec.dtype, countOf([rows, ...shape]));
  }

  add(row: number, values: FeatureValues | undefined): void {
    if (values === undefined) {
      if (this.fallback.data.length === 0) throw this.required(this.key, row);
      putValues(this.data, row * this.stride, this.fallback.data as FeatureValues["values"]);
      return;
    }
    checkKind(this.spec, values, row, this.blame);
    if (values.values.length !== this.stride) {
      throw invalidArgument(
        `${this.blame(this.key, row)}Number of ${kindName(values.kind)} values != expected.  ` +
          `Values size: ${values.values.length} but output shape: ${shapeText(this.shape)}`,
      );
    }
    putValues(this.data, row * this.stride, values.values);
  }

  tensor(): Tensor {
    return tensorOver(this.spec.dtype, [this.rows, ...this.shape], this.data);
  }
}

/** A feature of any number of rows of a known shape, padded to the longest of the batch. */
export class VariableDenseColumn implements Column {
  readonly key: string;
  private readonly inner: Shape;
  private readonly stride: number;
  private readonly rows: (FeatureValues["values"] | undefined)[] = [];
  private longest = 0;

  constructor(
    private readonly spec: FeatureSpec,
    private readonly shape: readonly number[],
    /** One element. */
    private readonly padding: Tensor,
    private readonly blame: Blame,
  ) {
    this.key = spec.key;
    this.inner = shape.slice(1);
    this.stride = countOf(this.inner);
  }

  add(row: number, values: FeatureValues | undefined): void {
    this.rows.push(values?.values);
    if (values === undefined) return;
    checkKind(this.spec, values, row, this.blame);
    const { length } = values.values;
    const steps = this.stride === 0 ? 0 : length / this.stride;
    if (!Number.isInteger(steps)) {
      throw invalidArgument(
        `${this.blame(this.key, row)}Number of ${kindName(values.kind)} values is not a multiple of stride length. ` +
          `Saw ${length} values but output shape is: ${shapeText(this.shape)}`,
      );
    }
    this.longest = Math.max(this.longest, steps);
  }

  tensor(): Tensor {
    const { dtype } = this.spec;
    const shape = [this.rows.length, this.longest, ...this.inner];
    const data = filled(dtype, countOf(shape), this.padding.data);
    const width = this.longest * this.stride;
    for (const [row, values] of this.rows.entries()) {
      if (values !== undefined) putValues(data, row * width, values);
    }
    return tensorOver(dtype, shape, data);
  }
}

// ---- sparse and ragged ---------------------------------------------------------------------------------------

/** A feature of any number of values. */
abstract class ListColumn implements Column {
  readonly key: string;
  protected readonly values: ValueList;
  protected readonly lengths: number[] = [];

  constructor(
    private readonly spec: FeatureSpec,
    private readonly blame: Blame,
  ) {
    this.key = spec.key;
    this.values = new ValueList(spec.dtype);
  }

  add(row: number, values: FeatureValues | undefined): void {
    this.lengths.push(values?.values.length ?? 0);
    if (values === undefined) return;
    checkKind(this.spec, values, row, this.blame);
    this.values.append(values.values);
  }
}

export class SparseColumn extends ListColumn {
  /** Indices, values and shape. `batched`: with the example as the first coordinate. */
  tensors(batched: boolean): [indices: Tensor, values: Tensor, shape: Tensor] {
    const indices = new IndexRows(this.values.length, batched ? 2 : 1);
    let longest = 0;
    for (const [row, length] of this.lengths.entries()) {
      longest = Math.max(longest, length);
      for (let i = 0; i < length; i++) {
        if (batched) indices.put(row);
        indices.put(i);
      }
    }
    const shape = batched ? [this.lengths.length, longest] : [longest];
    return [indices.tensor(), this.values.vector(), int64Tensor([shape.length], shape)];
  }
}

export class RaggedColumn extends ListColumn {
  constructor(
    spec: FeatureSpec,
    private readonly splitsDtype: "int32" | "int64",
    blame: Blame,
  ) {
    super(spec, blame);
  }

  /** Values, and where those of each example begin and end; a single example has no splits. */
  tensors(batched: boolean): [values: Tensor, splits: Tensor] {
    const splits = batched ? runningTotals(this.lengths) : [];
    return [this.values.vector(), indexTensor(this.splitsDtype, [splits.length], splits)];
  }
}

/** [0, a, a + b, …]. */
export function runningTotals(lengths: readonly number[]): number[] {
  let total = 0;
  return [0, ...lengths.map((length) => (total += length))];
}

/** Checks a dense feature's shape and default. INVALID_ARGUMENT, numbering the feature by `index`. */
export function checkDense(
  spec: FeatureSpec,
  shape: PartialShape,
  fallback: Tensor,
  index: number,
): readonly number[] {
  if (shape === null || shape.slice(1).some((size) => size < 0)) {
    throw invalidArgument(
      `dense_shapes[${index}] has unknown rank or unknown inner dimensions: ${shapeText(shape)}`,
    );
  }
  if (fallback.dtype !== spec.dtype) {
    throw invalidArgument(
      `dense_defaults[${index}].dtype() == ${fallback.dtype} != dense_types_[${index}] == ${spec.dtype}`,
    );
  }
  const count = elementCount(fallback.shape);
  if (isVariableLength(shape)) {
    if (count !== 1) {
      throw invalidArgument(
        `dense_shape[${index}] is a variable length shape: ${shapeText(shape)}, therefore def_value[${index}] must contain ` +
          `a single element (the padding element).  But its shape is: ${shapeText(fallback.shape)}`,
      );
    }
  } else if (count > 0 && shapeText(fallback.shape) !== shapeText(shape)) {
    throw invalidArgument(
      `def_value[${index}].shape() == ${shapeText(fallback.shape)} is not compatible with dense_shapes_[${index}] == ${shapeText(shape)}`,
    );
  }
  return shape;
}
