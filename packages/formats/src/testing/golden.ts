/**
 * Golden cases for tests: models that real TensorFlow saved, with its inputs and outputs, in the folder `shared`
 * beside the repository (`shared/golden` and `shared/op_cases`; shared/golden/README.md defines case.json).
 * The folder is not part of the repository: tests pass `goldenSkip()` as `skip` and stay silent without it.
 */
import { AssertionError } from "node:assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type DType, dtypeFromName, dtypeInfo } from "../dtype.js";
import { isSmallFloat, toFloat32 } from "../float16.js";
import { elementCount, sameShape, shapeText } from "../shape.js";
import { invalidArgument } from "../status.js";
import { dataFromBytes, type NumericTensor, type Tensor, tensor } from "../tensor.js";

/** A tensor as case.json writes it. */
export interface GoldenTensor {
  /** Such as "DT_FLOAT". */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Base64 of little-endian, row-major bytes; absent for strings. */
  readonly content?: string;
  /** Base64 of each string. */
  readonly strings?: readonly string[];
}

/** How close numbers must be; all default to 0. */
export interface Tolerance {
  readonly rtol?: number;
  readonly atol?: number;
  /** Decoded images: integers too are compared by atol, and the mean difference may be this. */
  readonly mean_atol?: number;
  /** Both sides are clipped to ±mtol before they are compared. */
  readonly mtol?: number;
}

/** An input or output of a signature as case.json writes it. */
export interface GoldenTensorInfo {
  /** Null for a sparse triple. */
  readonly name: string | null;
  readonly dtype: string;
  /** Null for an unknown rank, -1 for an unknown size. */
  readonly shape: readonly number[] | null;
  readonly coo_sparse?: Readonly<Record<string, string>>;
}

export interface GoldenSignature {
  readonly method_name: string;
  readonly inputs: Readonly<Record<string, GoldenTensorInfo>>;
  readonly outputs: Readonly<Record<string, GoldenTensorInfo>>;
  readonly defaults?: Readonly<Record<string, GoldenTensor>>;
}

export interface GoldenCall extends Tolerance {
  readonly signature?: string;
  readonly method: "predict" | "classify" | "regress" | "multi_inference";
  readonly inputs?: Readonly<Record<string, GoldenTensor>>;
  /** Base64 of serialized tf.Examples, for the methods other than predict. */
  readonly examples?: readonly string[];
  readonly context?: string;
  readonly tasks?: readonly { readonly signature: string; readonly method: string }[];
  readonly output_filter?: readonly string[];
  /** Tensors for predict; classes, values or results for the others. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** "shape": only dtypes and shapes count. */
  readonly check?: "shape";
  readonly tol?: Readonly<Record<string, Tolerance>>;
}

export interface GoldenError {
  readonly stage?: "load";
  readonly signature?: string;
  readonly method?: string;
  readonly inputs?: Readonly<Record<string, GoldenTensor>>;
  readonly examples?: readonly string[];
  readonly output_filter?: readonly string[];
  readonly code: string;
  readonly message?: string;
  readonly about?: string;
  /** TFRecord cases: the file that must fail, and how many records come before. */
  readonly file?: string;
  readonly records_before?: number;
}

/** case.json, with the folder it lies in. Which fields are there depends on `kind`. */
export interface GoldenCase {
  readonly dir: string;
  readonly name: string;
  readonly about: string;
  readonly kind: string;
  /** The model, relative to `dir`. */
  readonly path: string;
  readonly tags: readonly string[];
  readonly ops: readonly string[];
  readonly calls?: readonly GoldenCall[];
  readonly errors?: readonly GoldenError[];
  readonly signatures?: Readonly<Record<string, GoldenSignature>>;
  readonly feeds?: Readonly<Record<string, GoldenTensorInfo>>;
  readonly fetches?: Readonly<Record<string, GoldenTensorInfo>>;
  readonly all?: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
  }[];
  readonly variables?: Readonly<Record<string, GoldenTensor>>;
  readonly files?: readonly string[];
  readonly records?: readonly { readonly bytes: string; readonly features: unknown }[];
  readonly [field: string]: unknown;
}

/** The two collections of cases. */
export type GoldenSuite = "golden" | "op_cases";

const repositoryRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../..");

/** The folder `shared` beside the repository, whether it exists or not. */
export const sharedFolder = path.resolve(repositoryRoot, "../shared");

function casesFolder(suite: GoldenSuite): string {
  return suite === "golden"
    ? path.join(sharedFolder, "golden", "cases")
    : path.join(sharedFolder, "op_cases");
}

/** False when the cases are there, otherwise a line for `skip` of node:test. */
export function goldenSkip(suite: GoldenSuite = "golden"): string | false {
  return existsSync(casesFolder(suite)) ? false : `the cases of ../shared/${suite} are not on this machine`;
}

/** The names of all cases, sorted; none when the folder is missing. */
export function caseNames(suite: GoldenSuite = "golden"): string[] {
  if (goldenSkip(suite) !== false) return [];
  const folder = casesFolder(suite);
  return readdirSync(folder)
    .filter((name) => existsSync(path.join(folder, name, "case.json")))
    .sort();
}

/** One case by name. */
export function loadCase(name: string, suite: GoldenSuite = "golden"): GoldenCase {
  const dir = path.join(casesFolder(suite), name);
  return { ...JSON.parse(readFileSync(path.join(dir, "case.json"), "utf8")), dir };
}

/** All cases, for instance those of one kind; none when the folder is missing. */
export function loadCases(
  accept: (golden: GoldenCase) => boolean = () => true,
  suite: GoldenSuite = "golden",
): GoldenCase[] {
  return caseNames(suite)
    .map((name) => loadCase(name, suite))
    .filter(accept);
}

/** The tensor of case.json's form. */
export function decodeTensor(golden: GoldenTensor): Tensor {
  const dtype = dtypeFromName(golden.dtype);
  if (dtype === undefined) throw invalidArgument(`case.json has a tensor of dtype ${golden.dtype}`);
  if (dtype === "string") {
    const strings = golden.strings ?? [];
    return tensor(dtype, golden.shape, strings.map(decodeBase64));
  }
  const data = dataFromBytes(dtype, decodeBase64(golden.content ?? ""));
  return tensor(dtype as DType, golden.shape, data) as Tensor;
}

/** The tensors of an `inputs` or `outputs` object. */
export function decodeTensors(golden: Readonly<Record<string, GoldenTensor>>): Map<string, Tensor> {
  return new Map(Object.entries(golden).map(([name, value]) => [name, decodeTensor(value)]));
}

/** Base64 as bytes in a buffer of their own. */
export function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "base64"));
}

/** The tolerance of one output of a call. */
export function toleranceOf(call: GoldenCall, output: string): Tolerance {
  return { ...call, ...call.tol?.[output] };
}

/**
 * Compares by the rules of the golden cases: |a-b| <= atol + rtol·|b| for floats (NaN equal to NaN, infinities equal
 * to themselves), integers, booleans and strings exactly.
 *
 * @param what names the tensor in the error
 * @throws AssertionError that says where the largest difference is
 */
export function compareTensor(
  actual: Tensor,
  expected: Tensor,
  tolerance: Tolerance = {},
  what = "tensor",
): void {
  compareForm(actual, expected, what);
  if (actual.dtype === "string" || expected.dtype === "string") compareStrings(actual, expected, what);
  else compareNumbers(actual, expected, tolerance, what);
}

/** Only dtype and shape, for outputs of random ops. */
export function compareForm(actual: Tensor, expected: Tensor, what = "tensor"): void {
  if (actual.dtype !== expected.dtype || !sameShape(actual.shape, expected.shape)) {
    fail(what, describe(actual), describe(expected), "dtype or shape differs");
  }
}

function describe(value: Tensor): string {
  return `${value.dtype}${shapeText(value.shape)}`;
}

function fail(what: string, actual: unknown, expected: unknown, message: string): never {
  throw new AssertionError({
    message: `${what}: ${message}: got ${String(actual)}, expected ${String(expected)}`,
    actual,
    expected,
    operator: "compareTensor",
    stackStartFn: compareTensor,
  });
}

function compareStrings(actual: Tensor, expected: Tensor, what: string): void {
  const got = actual.data as Uint8Array[];
  const wanted = expected.data as Uint8Array[];
  const differing = wanted.flatMap((bytes, i) => (isSameString(got[i] as Uint8Array, bytes) ? [] : [i]));
  const first = differing[0];
  if (first === undefined) return;
  fail(
    what,
    JSON.stringify(Buffer.from(got[first] as Uint8Array).toString("latin1")),
    JSON.stringify(Buffer.from(wanted[first] as Uint8Array).toString("latin1")),
    `${differing.length} of ${wanted.length} strings differ, the first at ${indexText(first, expected.shape)}`,
  );
}

/** The cases were recorded through NumPy, which drops the zero bytes at the end of a string. */
function isSameString(got: Uint8Array, wanted: Uint8Array): boolean {
  return (
    Buffer.compare(wanted, got.subarray(0, wanted.length)) === 0 &&
    got.subarray(wanted.length).every((byte) => byte === 0)
  );
}

function compareNumbers(
  actual: NumericTensor,
  expected: NumericTensor,
  tolerance: Tolerance,
  what: string,
): void {
  const { kind } = dtypeInfo(expected.dtype);
  const inexact = kind === "float" || kind === "complex" || tolerance.mean_atol !== undefined;
  if (inexact) compareWithin(actual, expected, tolerance, what);
  else compareExactly(actual, expected, what);
}

function compareExactly(actual: NumericTensor, expected: NumericTensor, what: string): void {
  const got: ArrayLike<number | bigint> = actual.data;
  const wanted: ArrayLike<number | bigint> = expected.data;
  let first = -1;
  let differing = 0;
  for (let i = 0; i < wanted.length; i++) {
    if (got[i] === wanted[i]) continue;
    if (first < 0) first = i;
    differing++;
  }
  if (differing === 0) return;
  const where = indexText(first, expected.shape);
  fail(
    what,
    got[first],
    wanted[first],
    `${differing} of ${wanted.length} elements of ${describe(expected)} differ, the first at ${where}`,
  );
}

function compareWithin(
  actual: NumericTensor,
  expected: NumericTensor,
  tolerance: Tolerance,
  what: string,
): void {
  const { lanes } = dtypeInfo(expected.dtype);
  const { atol = 0, rtol = 0, mean_atol, mtol } = tolerance;
  const got = numbersOf(actual, mtol);
  const wanted = numbersOf(expected, mtol);
  const count = elementCount(expected.shape);
  let differing = 0;
  let total = 0;
  let worst = { excess: Number.NEGATIVE_INFINITY, at: 0 };
  for (let i = 0; i < count; i++) {
    const difference = distance(got, wanted, i, lanes);
    const excess = difference - (atol + rtol * magnitude(wanted, i, lanes));
    total += difference;
    if (excess > 0) differing++;
    if (excess > worst.excess) worst = { excess, at: i };
  }
  const where = indexText(worst.at, expected.shape);
  const [a, b] = [elementText(got, worst.at, lanes), elementText(wanted, worst.at, lanes)];
  if (differing > 0) {
    fail(what, a, b, `${differing} of ${count} elements of ${describe(expected)} differ, most at ${where}`);
  }
  if (mean_atol !== undefined && total > mean_atol * count) {
    fail(what, a, b, `the mean difference ${total / count} is over ${mean_atol}, the largest is at ${where}`);
  }
}

/** Elements as numbers, complex ones as pairs of them. */
function numbersOf(value: NumericTensor, mtol: number | undefined): ArrayLike<number> {
  const numbers = isSmallFloat(value.dtype)
    ? toFloat32(value.dtype, value.data as Uint16Array)
    : value.data instanceof BigInt64Array || value.data instanceof BigUint64Array
      ? Float64Array.from(value.data, Number)
      : value.data;
  if (mtol === undefined) return numbers as ArrayLike<number>;
  return Float64Array.from(numbers as ArrayLike<number>, (x) => Math.min(Math.max(x, -mtol), mtol));
}

/** |a-b| of element i: 0 for equal ones (NaN and infinities included), infinite where only one is no number. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>, i: number, lanes: number): number {
  if (lanes === 1) return gap(a[i] as number, b[i] as number);
  return Math.hypot(
    gap(a[2 * i] as number, b[2 * i] as number),
    gap(a[2 * i + 1] as number, b[2 * i + 1] as number),
  );
}

function gap(a: number, b: number): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
}

/** |b| of element i, 0 when it is no finite number: no relative tolerance then. */

function magnitude(values: ArrayLike<number>, i: number, lanes: number): number {
  const size =
    lanes === 1
      ? Math.abs(values[i] as number)
      : Math.hypot(values[2 * i] as number, values[2 * i + 1] as number);
  return Number.isFinite(size) ? size : 0;
}

function elementText(values: ArrayLike<number>, i: number, lanes: number): string {
  return lanes === 1 ? String(values[i]) : `${values[2 * i]}+${values[2 * i + 1]}i`;
}

/** "[1,2]" for element 5 of a [2,3] tensor. */
function indexText(element: number, shape: readonly number[]): string {
  let rest = element;
  const index = shape
    .map((_, axis) => shape[shape.length - 1 - axis] as number)
    .map((size) => {
      const here = rest % size;
      rest = Math.floor(rest / size);
      return here;
    });
  return `[${index.reverse().join(",")}]`;
}
