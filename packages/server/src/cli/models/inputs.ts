/**
 * Values for a signature's inputs, from the command line: `NAME=VALUE` with JSON, a file, or a way to fill the shape;
 * saved_model_cli's lists `NAME=FILE;NAME=FILE[KEY]` and its examples.
 */
import { existsSync, readFileSync } from "node:fs";
import {
  allocate,
  attempt,
  Code,
  decodeText,
  elementCount,
  encodeText,
  examplesFromJson,
  invalidArgument,
  isNpy,
  isZip,
  NpzFile,
  notFound,
  readNpy,
  type Shape,
  type Signature,
  StatusError,
  shapeText,
  stringTensor,
  type Tensor,
  type TensorSpec,
  tensorsFromJson,
} from "@servable/formats";
import { UsageError } from "../arguments.js";
import { nearestName } from "../nearest-name.js";
import { convertTensor } from "./convert-tensor.js";
import { defaultRange, type ImageRange, imageTensor, isImage } from "./image-input.js";

/** How a value is written. */
export type InputForm = "value" | "file" | "json" | "examples";

export interface GivenInput {
  readonly name: string;
  readonly form: InputForm;
  readonly text: string;
}

/** "NAME=VALUE". UsageError when it is none. */
export function givenInput(text: string, form: InputForm, option: string): GivenInput {
  const at = text.indexOf("=");
  if (at <= 0) throw new UsageError(`--${option} needs NAME=VALUE, got "${text}"`);
  return { name: text.slice(0, at).trim(), form, text: text.slice(at + 1) };
}

/** The parts of a list separated by semicolons, but for those inside of JSON's strings and brackets. */
export function splitList(list: string): string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  let inString = false;
  for (let i = 0; i < list.length; i++) {
    const char = list[i] as string;
    if (inString && char === "\\") part += char + (list[++i] ?? "");
    else if (char === ";" && !inString && depth === 0) {
      parts.push(part);
      part = "";
    } else {
      if (char === '"') inString = !inString;
      if (!inString) depth += "[{".includes(char) ? 1 : "]}".includes(char) ? -1 : 0;
      part += char;
    }
  }
  return [...parts, part].map((each) => each.trim()).filter((each) => each !== "");
}

export interface ReadOptions {
  /** Of decoded images; what suits the dtype when absent. */
  readonly imageRange?: ImageRange;
}

/** Tensors by input. INVALID_ARGUMENT and NOT_FOUND for all that is wrong with them, at once. */
export function readInputs(
  given: readonly GivenInput[],
  signature: Signature,
  options: ReadOptions,
): Map<string, Tensor> {
  const values = new Map<string, Tensor>();
  const faults: string[] = [];
  for (const input of given) {
    const spec = signature.inputs.get(input.name);
    if (spec === undefined) faults.push(unknownInput(input.name, signature));
    else if (values.has(input.name)) faults.push(`input "${input.name}" is given more than once`);
    else {
      const value = attempt(
        () => readInput(input, spec, options),
        ({ code }) => code !== Code.INTERNAL,
      );
      if (value instanceof StatusError) faults.push(`input "${input.name}": ${value.message}`);
      else values.set(input.name, value);
    }
  }
  faults.push(...missingInputs(signature, given));
  if (faults.length > 0) throw invalidArgument(faults.join("; "));
  return values;
}

function unknownInput(name: string, { name: signature, inputs }: Signature): string {
  const names = [...inputs.keys()];
  const nearest = nearestName(name, names);
  const advice =
    nearest === undefined ? `it has ${names.join(", ") || "none"}` : `did you mean "${nearest}"?`;
  return `signature "${signature}" has no input "${name}", ${advice}`;
}

function missingInputs({ inputs, defaults }: Signature, given: readonly GivenInput[]): string[] {
  const names = new Set(given.map(({ name }) => name));
  return [...inputs]
    .filter(([name]) => !names.has(name) && !defaults.has(name))
    .map(
      ([name, { dtype, shape }]) =>
        `input "${name}" (${dtype} ${shapeText(shape)}) is missing: give --input '${name}=…'`,
    );
}

function readInput({ form, text }: GivenInput, spec: TensorSpec, options: ReadOptions): Tensor {
  switch (form) {
    case "json":
      return fromJson(text, spec);
    case "examples":
      return fromExamples(text, spec);
    case "file":
      return fromFile(text, spec, options);
    case "value":
      return fromValue(text, spec, options);
  }
}

/** A file, a way to fill the shape, or JSON, whichever it is. */
function fromValue(text: string, spec: TensorSpec, options: ReadOptions): Tensor {
  const filled = /^(zeros|ones|random)(?:\[([\d,\s]*)\])?$/.exec(text);
  if (filled !== null) return fill(filled[1] as Filling, shapeOf(filled[2], spec), spec);
  if (existsSync(withoutKey(text).file)) return fromFile(text, spec, options);
  if (
    /^[\s]*([[{"\d+.-]|true|false|NaN|Infinity)/.test(text) &&
    !/\.(npy|npz|json|png|jpe?g|gif|bmp)(\[.*\])?$/i.test(text)
  )
    return fromJson(text, spec);
  const asText = spec.dtype === "string" ? `; a text is written as JSON: '${JSON.stringify(text)}'` : "";
  throw notFound(`there is no file ${text}, and it is no JSON${asText}`);
}

type Filling = "zeros" | "ones" | "random";

/** The shape that is given, or the declared one with 1 for what is unknown. */
function shapeOf(sizes: string | undefined, { shape }: TensorSpec): Shape {
  if (sizes !== undefined) return (sizes.match(/\d+/g) ?? []).map(Number);
  if (shape === null) throw invalidArgument("its rank is not known: give the sizes too, as in zeros[1,3]");
  return shape.map((size) => (size < 0 ? 1 : size));
}

/** More than a run on made-up values needs. */
const MAX_FILLED = 2 ** 28;

function fill(how: Filling, shape: Shape, { dtype }: TensorSpec): Tensor {
  const count = elementCount(shape);
  if (count > MAX_FILLED)
    throw invalidArgument(`shape ${shapeText(shape)} has more than ${MAX_FILLED} elements`);
  if (dtype === "string" && how !== "zeros")
    throw invalidArgument(`strings can be filled with zeros (empty ones) only, not with ${how}`);
  if (how === "zeros") return { dtype, shape, data: allocate(dtype, count) } as Tensor;
  const random = randomNumbers();
  const values = Float32Array.from({ length: count }, how === "ones" ? () => 1 : random);
  const whole = dtype.startsWith("float") || dtype === "bfloat16" ? values : values.map(Math.round);
  return convertTensor({ dtype: "float32", shape, data: whole }, dtype);
}

/** Between 0 and 1, the same ones every time, so that runs can be compared (a Lehmer generator). */
function randomNumbers(): () => number {
  let state = 42;
  return () => {
    state = (state * 48_271) % (2 ** 31 - 1);
    return state / (2 ** 31 - 1);
  };
}

function fromJson(text: string, { dtype }: TensorSpec): Tensor {
  const specs = new Map([["value", { dtype }]]);
  const tensors = tensorsFromJson(encodeText(`{"inputs": {"value": ${text}\n}}`), () => specs);
  return tensors.tensors.get("value") as Tensor;
}

/** A list of features by name → serialized tf.Examples. */
function fromExamples(text: string, { dtype }: TensorSpec): Tensor {
  if (dtype !== "string") throw invalidArgument(`it takes ${dtype}, not serialized examples`);
  const { examples } = examplesFromJson(encodeText(`{"examples": ${text}\n}`));
  return stringTensor([examples.length], examples);
}

/** "data.npz[key]" */
function withoutKey(text: string): { file: string; key?: string } {
  const [, file, key] = /^(.+)\[([^\][]*)\]$/.exec(text) ?? [];
  return file === undefined || existsSync(text) ? { file: text } : { file, key: key as string };
}

/** NumPy's files, JSON, images; any other file is a string of bytes. */
function fromFile(text: string, spec: TensorSpec, { imageRange }: ReadOptions): Tensor {
  const { file, key } = withoutKey(text);
  const bytes = new Uint8Array(readFileSync(file));
  if (isNpy(bytes)) return convertTensor(readNpy(bytes, file), spec.dtype);
  if (isZip(bytes) && file.endsWith(".npz")) return convertTensor(fromNpz(bytes, file, key), spec.dtype);
  if (spec.dtype === "string" && !file.endsWith(".json")) return oneString(bytes, spec);
  if (isImage(bytes))
    return imageTensor(bytes, spec.dtype, spec.shape, imageRange ?? defaultRange(spec.dtype));
  if (file.endsWith(".json")) return fromJson(decodeText(bytes), spec);
  throw invalidArgument(`${file} is neither an .npy, .npz or .json file nor an image`);
}

function fromNpz(bytes: Uint8Array, file: string, key: string | undefined): Tensor {
  const archive = new NpzFile(bytes, file);
  const names = archive.names();
  const name = key ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined)
    throw invalidArgument(`${file} has arrays ${names.join(", ")}: name one, ${file}[${names[0] ?? "KEY"}]`);
  const array = archive.read(name);
  if (array === undefined) throw notFound(`${file} has no array "${name}"; it has ${names.join(", ")}`);
  return array;
}

/** A file's bytes as the only element. */
function oneString(bytes: Uint8Array, { shape }: TensorSpec): Tensor {
  return stringTensor(shape === null ? [1] : shape.map(() => 1), [bytes]);
}
