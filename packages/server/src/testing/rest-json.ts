/** JSON of the REST API as tests write and read it, with none of the server's own JSON code. */
import { fromBinary } from "@bufbuild/protobuf";
import { allocate, type DType, elementCount, type Tensor } from "@servable/formats";
import { ExampleSchema } from "@servable/formats/protobuf/tensorflow/core/example/example_pb";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

/** Nested lists of a tensor's elements, strings as base64. */
export function nestedJson(tensor: Tensor): string {
  const { shape, data } = tensor;
  let at = 0;
  const level = (axis: number): string => {
    if (axis === shape.length) return elementJson(tensor.dtype, data[at++]);
    return `[${Array.from({ length: shape[axis] as number }, () => level(axis + 1)).join(",")}]`;
  };
  return level(0);
}

function elementJson(dtype: DType, element: Tensor["data"][number] | undefined): string {
  if (element instanceof Uint8Array) return `{"b64":"${base64(element)}"}`;
  if (dtype === "bool") return element === 0 ? "false" : "true";
  // -0 would lose its sign.
  return Object.is(element, -0) ? "-0.0" : String(element);
}

/** Bodies of a Predict request: by columns, and by rows where the inputs have a batch dimension in common. */
export function predictBodies(
  inputs: ReadonlyMap<string, Tensor>,
  signatureName: string | undefined,
): { layout: "row" | "columnar"; body: string }[] {
  const head = signatureName === undefined ? "" : `"signature_name":${JSON.stringify(signatureName)},`;
  const columns = [...inputs].map(([name, tensor]) => `${JSON.stringify(name)}:${nestedJson(tensor)}`);
  const bodies: { layout: "row" | "columnar"; body: string }[] = [
    { layout: "columnar", body: `{${head}"inputs":{${columns.join(",")}}}` },
  ];
  const sizes = new Set([...inputs.values()].map(({ shape }) => shape[0]));
  const [size] = sizes;
  if (sizes.size === 1 && size !== undefined && size > 0) {
    const rows = Array.from({ length: size }, (_, row) => {
      const members = [...inputs].map(
        ([name, tensor]) => `${JSON.stringify(name)}:${nestedJson(rowOf(tensor, row))}`,
      );
      return `{${members.join(",")}}`;
    });
    bodies.push({ layout: "row", body: `{${head}"instances":[${rows.join(",")}]}` });
  }
  return bodies;
}

function rowOf(tensor: Tensor, row: number): Tensor {
  const shape = tensor.shape.slice(1);
  const size = elementCount(shape);
  return { ...tensor, shape, data: tensor.data.slice(row * size, (row + 1) * size) } as Tensor;
}

/** An answer's JSON, with NaN and the infinities as strings. */
export function parseAnswer(text: string): Record<string, unknown> {
  return JSON.parse(text.replace(/-?\b(NaN|Infinity)\b/g, '"$&"')) as Record<string, unknown>;
}

/** The outputs of a Predict answer. An answer with one output does not name it. */
export function outputsOf(
  text: string,
  layout: "row" | "columnar",
  expected: ReadonlyMap<string, Tensor>,
): Map<string, Tensor> {
  const answer = parseAnswer(text);
  const value = layout === "row" ? answer.predictions : answer.outputs;
  return new Map(
    [...expected].map(([name, { dtype }]) => {
      if (expected.size === 1) return [name, tensorOf(value, dtype)];
      const column =
        layout === "row"
          ? (value as Record<string, unknown>[]).map((row) => row[name])
          : (value as Record<string, unknown>)[name];
      return [name, tensorOf(column, dtype)];
    }),
  );
}

function tensorOf(value: unknown, dtype: DType): Tensor {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  const leaves = (Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value]) as unknown[];
  const data = allocate(dtype, leaves.length);
  for (const [i, leaf] of leaves.entries()) data[i] = elementOf(leaf, dtype) as never;
  return { dtype, shape, data } as Tensor;
}

function elementOf(leaf: unknown, dtype: DType): unknown {
  if (dtype === "string") {
    return typeof leaf === "string"
      ? new Uint8Array(Buffer.from(leaf))
      : new Uint8Array(Buffer.from((leaf as { b64: string }).b64, "base64"));
  }
  return dtype === "int64" || dtype === "uint64" ? BigInt(leaf as number) : Number(leaf);
}

/** The body of a Classify or Regress request. Undefined when an example is none. */
export function examplesBody(
  examples: readonly Uint8Array[],
  context: Uint8Array | undefined,
  signatureName: string | undefined,
): string | undefined {
  try {
    const members = [`"examples":[${examples.map(exampleJson).join(",")}]`];
    if (context !== undefined) members.push(`"context":${exampleJson(context)}`);
    if (signatureName !== undefined) members.push(`"signature_name":${JSON.stringify(signatureName)}`);
    return `{${members.join(",")}}`;
  } catch {
    return undefined;
  }
}

function exampleJson(bytes: Uint8Array): string {
  const features = Object.entries(fromBinary(ExampleSchema, bytes).features?.feature ?? {});
  const members = features.map(([name, { kind }]) => {
    const values = (kind.value?.value ?? []) as readonly (Uint8Array | number | bigint)[];
    return `${JSON.stringify(name)}:[${values.map(featureJson).join(",")}]`;
  });
  return `{${members.join(",")}}`;
}

/** A float is written with a point or an exponent: that is what makes it one. */
function featureJson(value: Uint8Array | number | bigint): string {
  if (value instanceof Uint8Array) return `{"b64":"${base64(value)}"}`;
  return typeof value === "number" && Number.isInteger(value) ? `${value}.0` : String(value);
}
