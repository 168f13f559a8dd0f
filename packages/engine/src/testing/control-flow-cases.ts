/** TF1 graphs with control flow and what TensorFlow made of them, as conformance/control-flow recorded it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { create, fromBinary } from "@bufbuild/protobuf";
import { allocate, type DType, elementCount, type Shape, type Tensor } from "@servable/formats";
import { GraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import {
  type MetaGraphDef,
  MetaGraphDefSchema,
} from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";

interface JsonTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly values: readonly (number | boolean)[];
}

/** A graph, and runs of it in one session. */
export interface ControlFlowCase {
  readonly title: string;
  /** A serialized GraphDef, base64. */
  readonly graph: string;
  readonly runs: readonly {
    readonly targets?: readonly string[];
    readonly feeds?: Readonly<Record<string, JsonTensor>>;
    readonly fetches?: readonly string[];
    readonly results?: readonly JsonTensor[];
  }[];
}

const file = new URL("../../src/passes/fixtures/control-flow.json", import.meta.url);
export const controlFlowCases = JSON.parse(readFileSync(file, "utf8")) as ControlFlowCase[];

export function metaGraphOf({ graph }: ControlFlowCase): MetaGraphDef {
  return create(MetaGraphDefSchema, { graphDef: fromBinary(GraphDefSchema, Buffer.from(graph, "base64")) });
}

export function assertClose(actual: Tensor, expected: Tensor, where: string): void {
  assert.equal(actual.dtype, expected.dtype, where);
  assert.deepEqual(actual.shape, expected.shape, where);
  for (const [i, value] of [...(expected.data as Float32Array)].entries()) {
    const off = Math.abs(Number(actual.data[i]) - Number(value));
    assert.ok(off <= 1e-5 * (1 + Math.abs(Number(value))), `${where}[${i}]: ${actual.data[i]}, not ${value}`);
  }
}

export function tensorOf({ dtype, shape, values }: JsonTensor): Tensor {
  const data = allocate(dtype, elementCount(shape)) as Float32Array;
  values.forEach((value, i) => {
    data[i] = Number(value);
  });
  return { dtype, shape, data } as Tensor;
}
