/** Values of one feature gathered over many examples, and how features' kinds and tensors' dtypes go together. */
import { allocate, type FeatureValues, internal, type Tensor, type TensorData } from "@servable/formats";
import { copyEntries } from "../element-memory.js";

/** The dtypes that features have. */
export type FeatureDType = "float32" | "int64" | "string";

const kinds: Readonly<Record<FeatureDType, FeatureValues["kind"]>> = {
  float32: "float",
  int64: "int64",
  string: "bytes",
};

/** The kind of the features that make tensors of a dtype. INTERNAL for dtypes that no feature has. */
export function kindOf(dtype: string): FeatureValues["kind"] {
  const kind = kinds[dtype as FeatureDType];
  if (kind === undefined) throw internal(`features hold no ${dtype}`);
  return kind;
}

/** As TensorFlow's messages name kinds. */
const kindNames: Readonly<Record<FeatureValues["kind"], string>> = {
  float: "float",
  int64: "int64",
  bytes: "string",
};

/** What is wrong with a feature of one kind where another was expected. */
export function kindMismatch(expected: FeatureValues["kind"], actual: FeatureValues["kind"]): string {
  return `Data types don't match. Data type: ${kindNames[actual]} but expected type: ${kindNames[expected]}`;
}

export function kindName(kind: FeatureValues["kind"]): string {
  return kindNames[kind];
}

/** A growing list of the values of a feature. */
export class ValueList {
  private readonly parts: FeatureValues["values"][] = [];
  length = 0;

  constructor(private readonly dtype: FeatureDType) {}

  append(values: FeatureValues["values"]): void {
    if (values.length === 0) return;
    this.parts.push(values);
    this.length += values.length;
  }

  /** All values as a vector. */
  vector(): Tensor {
    const data = allocate(this.dtype, this.length);
    let at = 0;
    for (const part of this.parts) {
      putValues(data, at, part);
      at += part.length;
    }
    return { dtype: this.dtype, shape: [this.length], data } as Tensor;
  }
}

/** Writes values into a tensor's memory; both are of one dtype. */
export function putValues(data: TensorData, at: number, values: FeatureValues["values"]): void {
  copyEntries(data, at, values, 0, values.length);
}

/** Rows of coordinates for a sparse tensor, written as 32-bit halves of int64. */
export class IndexRows {
  readonly data: BigInt64Array;
  private readonly halves: Int32Array;
  private at = 0;

  constructor(
    private readonly rows: number,
    private readonly rank: number,
  ) {
    this.data = allocate("int64", rows * rank);
    this.halves = new Int32Array(this.data.buffer);
  }

  /** Appends a coordinate; those of a row one after another. */
  put(coordinate: number): void {
    this.halves[2 * this.at++] = coordinate;
  }

  tensor(): Tensor {
    return { dtype: "int64", shape: [this.rows, this.rank], data: this.data };
  }
}
