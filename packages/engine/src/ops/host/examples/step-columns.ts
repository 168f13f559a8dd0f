/**
 * One output of ParseSequenceExample over all examples of a batch, for features that each step of a sequence has:
 * dense, sparse or ragged in two dimensions.
 */
import {
  allocate,
  type FeatureValues,
  invalidArgument,
  type Shape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import { tensorOver } from "../element-memory.js";
import { indexTensor, int64Tensor } from "../index-data.js";
import { countOf } from "../kernel.js";
import { type FeatureSpec, runningTotals } from "./columns.js";
import { IndexRows, kindMismatch, kindName, kindOf, putValues, ValueList } from "./feature-values.js";

/** The feature at each step: undefined at a step without a kind; the whole undefined where the list is missing. */
export type Steps = readonly (FeatureValues | undefined)[];

export interface StepColumn {
  readonly key: string;
  add(row: number, steps: Steps | undefined): void;
}

/** Says which list of which example an error is about. */
export type StepBlame = (key: string, row: number) => string;

function checkStepKind(spec: FeatureSpec, values: FeatureValues, at: string): void {
  const expected = kindOf(spec.dtype);
  if (values.kind !== expected) throw invalidArgument(at + kindMismatch(expected, values.kind));
}

/** A feature that has the same shape at every step; sequences are padded with zeros to the longest. */
export class DenseStepColumn implements StepColumn {
  readonly key: string;
  private readonly stride: number;
  private readonly rows: Steps[] = [];

  constructor(
    private readonly spec: FeatureSpec,
    private readonly shape: Shape,
    private readonly blame: StepBlame,
    /** Thrown when the list is missing; undefined when it then counts as empty. */
    private readonly required: ((key: string, row: number) => Error) | undefined,
  ) {
    this.key = spec.key;
    this.stride = countOf(shape);
  }

  add(row: number, steps: Steps | undefined): void {
    if (steps === undefined && this.required !== undefined) throw this.required(this.key, row);
    for (const [step, values] of (steps ?? []).entries()) this.check(row, step, values);
    this.rows.push(steps ?? []);
  }

  private check(row: number, step: number, values: FeatureValues | undefined): void {
    const at = this.blame(this.key, row);
    if (values !== undefined) checkStepKind(this.spec, values, at);
    const count = values?.values.length ?? 0;
    if (count !== this.stride) {
      throw invalidArgument(
        `${at}Number of ${kindName(kindOf(this.spec.dtype))} values != expected.  ` +
          `values size: ${count} at step ${step} but output shape: ${shapeText(this.shape)}`,
      );
    }
  }

  /** Values, and how many steps each example has. */
  tensors(): [values: Tensor, lengths: Tensor] {
    const longest = this.rows.reduce((most, steps) => Math.max(most, steps.length), 0);
    const shape = [this.rows.length, longest, ...this.shape];
    const data = allocate(this.spec.dtype, countOf(shape));
    for (const [row, steps] of this.rows.entries()) {
      for (const [step, values] of steps.entries()) {
        if (values !== undefined) putValues(data, (row * longest + step) * this.stride, values.values);
      }
    }
    const lengths = this.rows.map((steps) => steps.length);
    return [tensorOver(this.spec.dtype, shape, data), int64Tensor([lengths.length], lengths)];
  }
}

/** A feature of any number of values at each step. */
abstract class ListStepColumn implements StepColumn {
  readonly key: string;
  protected readonly values: ValueList;
  /** For each example, how many values each step has. */
  protected readonly lengths: number[][] = [];

  constructor(
    private readonly spec: FeatureSpec,
    private readonly blame: StepBlame,
  ) {
    this.key = spec.key;
    this.values = new ValueList(spec.dtype);
  }

  add(row: number, steps: Steps | undefined): void {
    this.lengths.push((steps ?? []).map((values) => values?.values.length ?? 0));
    for (const values of steps ?? []) {
      if (values === undefined) continue;
      checkStepKind(this.spec, values, this.blame(this.key, row));
      this.values.append(values.values);
    }
  }
}

export class SparseStepColumn extends ListStepColumn {
  /** Indices, values and shape. `batched`: with the example as the first coordinate. */
  tensors(batched: boolean): [indices: Tensor, values: Tensor, shape: Tensor] {
    const indices = new IndexRows(this.values.length, batched ? 3 : 2);
    let [steps, longest] = [0, 0];
    for (const [row, lengths] of this.lengths.entries()) {
      steps = Math.max(steps, lengths.length);
      for (const [step, length] of lengths.entries()) {
        longest = Math.max(longest, length);
        for (let i = 0; i < length; i++) {
          if (batched) indices.put(row);
          indices.put(step);
          indices.put(i);
        }
      }
    }
    const shape = batched ? [this.lengths.length, steps, longest] : [steps, longest];
    return [indices.tensor(), this.values.vector(), int64Tensor([shape.length], shape)];
  }
}

export class RaggedStepColumn extends ListStepColumn {
  constructor(
    spec: FeatureSpec,
    private readonly splitsDtype: "int32" | "int64",
    blame: StepBlame,
  ) {
    super(spec, blame);
  }

  /** Values, the steps of each example, and the values of each step. */
  tensors(): [values: Tensor, outerSplits: Tensor, innerSplits: Tensor] {
    const outer = runningTotals(this.lengths.map((steps) => steps.length));
    const inner = runningTotals(this.lengths.flat());
    return [
      this.values.vector(),
      indexTensor(this.splitsDtype, [outer.length], outer),
      indexTensor(this.splitsDtype, [inner.length], inner),
    ];
  }
}
