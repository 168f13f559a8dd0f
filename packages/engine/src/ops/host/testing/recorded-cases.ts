/**
 * Runs the kernels of this folder on the cases that conformance/kernels recorded from TensorFlow.
 *
 * A fixture file is an array of cases; each is a list of steps in one ResourceManager, so that a case can tell a
 * story about a table. A step is a node (op, attributes as JSON of AttrValue), its inputs (a tensor, or [step, output] of an
 * earlier one) and what TensorFlow gave: outputs (null for handles and variants), or the error's code and message.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import {
  allocate,
  type CodeName,
  DT_RESOURCE,
  DT_VARIANT,
  type DType,
  dtypeFromNumber,
  dtypeInfo,
  elementCount,
  fromFloat32,
  inputTypes,
  isSmallFloat,
  type NumericTensor,
  opDef,
  outputTypes,
  type Shape,
  StatusError,
  smallFloatsOf,
  stringTensor,
  type Tensor,
  tensor,
} from "@servable/formats";
import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { Attrs } from "../../../graph/attrs.js";
import type { ValueType } from "../../../graph/graph.js";
import { ResourceManager } from "../../../runtime/resource-manager.js";
import { asTensor, isTensor, type Value } from "../../../values.js";
import type { HostTable, NodeFacts } from "../../op-table.js";

type JsonNumber = number | string | [JsonNumber, JsonNumber];
interface JsonTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  /** Numbers (past 2^53, NaN and infinities as strings, complex ones as pairs); strings as text or {b64}. */
  readonly values: readonly (JsonNumber | { b64: string })[];
  /** In place of values: the elements of a large uint8 tensor, in base64. */
  readonly bytes?: string;
}

interface Step {
  readonly op: string;
  readonly name?: string;
  readonly attrs?: Readonly<Record<string, JsonValue>>;
  readonly inputs: readonly (JsonTensor | [step: number, output: number])[];
  readonly outputs?: readonly (JsonTensor | null)[];
  readonly error?: { readonly code: CodeName; readonly message: string };
}

interface RecordedCase {
  readonly title: string;
  readonly rtol?: number;
  readonly atol?: number;
  /** Integers too may differ by so much (decoded images). */
  readonly integerTolerance?: number;
  /** A file that the steps read by this path; the tests put it elsewhere. */
  readonly file?: { readonly path: string; readonly b64: string };
  readonly steps: readonly Step[];
}

/** Declares one test per case of a fixture file: `recordedCases("strings", stringRows)`. */
export function recordedCases(fixture: string, rows: HostTable): void {
  const file = new URL(`../../../../src/ops/host/fixtures/${fixture}.json`, import.meta.url);
  const cases = JSON.parse(readFileSync(file, "utf8")) as RecordedCase[];
  for (const recorded of cases)
    it(recorded.title, () => withFile(recorded, (placed) => runCase(placed, rows)));
}

/** The case with its file in a folder of its own and that path in its inputs. */
function withFile(recorded: RecordedCase, run: (placed: RecordedCase) => void): void {
  if (recorded.file === undefined) {
    run(recorded);
    return;
  }
  const folder = mkdtempSync(path.join(tmpdir(), "recorded-"));
  try {
    const place = path.join(folder, "file");
    writeFileSync(place, Buffer.from(recorded.file.b64, "base64"));
    run(
      JSON.parse(
        JSON.stringify(recorded).replaceAll(JSON.stringify(recorded.file.path), JSON.stringify(place)),
      ),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Says what the group of tests of a fixture is about. */
export function describeRecorded(fixture: string, rows: HostTable): void {
  describe(`${fixture}, as TensorFlow recorded them`, () => recordedCases(fixture, rows));
}

function runCase(recorded: RecordedCase, rows: HostTable): void {
  const context = { resources: new ResourceManager() };
  const results: (readonly Value[])[] = [];
  for (const [index, step] of recorded.steps.entries()) {
    const inputs = step.inputs.map((input) =>
      isReference(input) ? (results[input[0]]?.[input[1]] as Value) : tensorOf(input),
    );
    const run = (): readonly Value[] => kernelOf(step, index, rows)(inputs, context);
    if (step.error !== undefined) {
      assertFails(run, step.error, step.op);
      return;
    }
    const outputs = run();
    results.push(outputs);
    assert.equal(outputs.length, step.outputs?.length, `${step.op}: number of outputs`);
    for (const [i, expected] of (step.outputs ?? []).entries()) {
      if (expected === null)
        assert.ok(!isTensor(outputs[i] as Value), `${step.op}:${i} is a handle or a variant`);
      else assertTensor(asTensor(outputs[i]), expected, recorded, `step ${index}, ${step.op}:${i}`);
    }
  }
}

function isReference(input: JsonTensor | [number, number]): input is [number, number] {
  return Array.isArray(input);
}

function kernelOf(step: Step, index: number, rows: HostTable): ReturnType<HostTable[string]["kernel"]> {
  const row = rows[step.op];
  assert.ok(row, `there is a host row for ${step.op}`);
  return row.kernel(nodeFacts(step.op, step.name ?? `${step.op}_${index}`, step.attrs ?? {}));
}

/** A node by its op and attributes, as the importer would make it. */
export function nodeFacts(op: string, name: string, attrs: Readonly<Record<string, JsonValue>>): NodeFacts {
  const def = opDef(op);
  assert.ok(def, `TensorFlow has an op ${op}`);
  const values = Object.fromEntries(
    Object.entries(attrs).map(([key, value]) => [key, fromJson(AttrValueSchema, value)]),
  );
  return {
    name,
    op,
    attrs: new Attrs(`${op} node "${name}"`, values, def),
    inputTypes: inputTypes(def, values).map(valueType),
    outputTypes: outputTypes(def, values).map(valueType),
  };
}

function valueType(number: number): ValueType {
  if (number === DT_RESOURCE) return "resource";
  if (number === DT_VARIANT) return "variant";
  return dtypeFromNumber(number) as DType;
}

function assertFails(run: () => unknown, error: { code: CodeName; message: string }, op: string): void {
  assert.throws(run, (thrown: unknown) => {
    assert.ok(thrown instanceof StatusError, `${op} throws a StatusError: ${String(thrown)}`);
    assert.equal(thrown.codeName, error.code, `code of "${thrown.message}" for "${error.message}"`);
    return true;
  });
}

function tensorOf(json: JsonTensor): Tensor {
  if (json.bytes !== undefined) {
    return tensor("uint8", json.shape, new Uint8Array(Buffer.from(json.bytes, "base64")));
  }
  if (json.dtype === "string") {
    return stringTensor(json.shape, json.values.map(bytesOfJson));
  }
  const numbers = json.values.flat(1) as (number | string)[];
  if (isSmallFloat(json.dtype)) {
    const data = fromFloat32(json.dtype, Float32Array.from(numbers, Number));
    return { dtype: json.dtype, shape: json.shape, data } as Tensor;
  }
  const data = allocate(json.dtype, elementCount(json.shape)) as unknown as (number | bigint)[];
  const big = json.dtype === "int64" || json.dtype === "uint64";
  for (const [i, number] of numbers.entries()) data[i] = big ? BigInt(number) : Number(number);
  return { dtype: json.dtype, shape: json.shape, data } as unknown as Tensor;
}

function bytesOfJson(value: JsonNumber | { b64: string }): Uint8Array | string {
  return typeof value === "object" && "b64" in value
    ? new Uint8Array(Buffer.from(value.b64, "base64"))
    : String(value);
}

function assertTensor(actual: Tensor, json: JsonTensor, recorded: RecordedCase, where: string): void {
  const expected = tensorOf(json);
  assert.equal(actual.dtype, expected.dtype, `${where}: dtype`);
  assert.deepEqual([...actual.shape], [...expected.shape], `${where}: shape`);
  if (actual.dtype === "string" || expected.dtype === "string") {
    const texts = (tensor: Tensor): string[] =>
      (tensor.data as Uint8Array[]).map((bytes) => Buffer.from(bytes).toString("latin1"));
    assert.deepEqual(texts(actual), texts(expected), where);
    return;
  }
  const [got, wanted] = [comparable(actual), comparable(expected)];
  const { kind } = dtypeInfo(actual.dtype);
  const isFloat = kind === "float" || kind === "complex";
  const rtol = isFloat ? (recorded.rtol ?? 0) : 0;
  const atol = isFloat ? (recorded.atol ?? 0) : (recorded.integerTolerance ?? 0);
  if (rtol === 0 && atol === 0) {
    assert.deepEqual(got, wanted, where);
    return;
  }
  assert.equal(got.length, wanted.length, `${where}: number of elements`);
  for (const [i, value] of wanted.entries()) {
    const close =
      Object.is(got[i], value) ||
      Math.abs(Number(got[i]) - Number(value)) <= atol + rtol * Math.abs(Number(value));
    assert.ok(close, `${where}, element ${i}: got ${got[i]}, TensorFlow gave ${value}`);
  }
}

function comparable(tensor: NumericTensor): (number | bigint)[] {
  const data = isSmallFloat(tensor.dtype) ? smallFloatsOf(tensor) : tensor.data;
  return Array.from(data as ArrayLike<number | bigint>);
}
