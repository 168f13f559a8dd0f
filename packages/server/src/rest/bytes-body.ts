/**
 * Bodies of type application/octet-stream that are one tensor: its elements, little-endian and row-major, and nothing
 * else. Dtype and shape come from the signature, or stand in headers; those of an answer always do.
 *
 *     Tensor-Type: float32
 *     Tensor-Shape: [1,224,224,3]
 */
import {
  bytesOf,
  dataFromBytes,
  dtypeInfo,
  elementCount,
  invalidArgument,
  type PartialShape,
  type Shape,
  shapeText,
  type Tensor,
  type TensorSpec,
} from "@servable/formats";
import { checkBools } from "../open-inference/raw-contents.js";

export const TENSOR_NAME = "Tensor-Name";
export const TENSOR_TYPE = "Tensor-Type";
export const TENSOR_SHAPE = "Tensor-Shape";

/** Reads a header of the request; undefined when it is not there. */
export type HeaderOf = (name: string) => string | undefined;

/**
 * The tensor of an input of numbers: a view on the bytes where their alignment allows. INVALID_ARGUMENT when they don't
 * fit its dtype and shape.
 */
export function tensorOfBytes(
  name: string,
  { dtype, shape: declared }: TensorSpec,
  bytes: Uint8Array,
  header: HeaderOf,
): Tensor {
  if (dtype === "string")
    throw invalidArgument(`input "${name}" is a string: its elements have no fixed size`);
  const type = header(TENSOR_TYPE.toLowerCase()) ?? dtype;
  if (type !== dtype) throw invalidArgument(`${TENSOR_TYPE} is ${type}, but input "${name}" is ${dtype}`);
  const shape = shapeOf(name, { dtype, declared, sent: header(TENSOR_SHAPE.toLowerCase()) }, bytes.length);
  if (dtype === "bool") checkBools(bytes);
  return { dtype, shape, data: dataFromBytes(dtype, bytes) } as Tensor;
}

interface ShapeSources {
  readonly dtype: TensorSpec["dtype"];
  readonly declared: PartialShape;
  /** The header. */
  readonly sent: string | undefined;
}

function shapeOf(name: string, { dtype, declared, sent }: ShapeSources, length: number): Shape {
  const partial = sent === undefined ? declared : shapeOfText(sent);
  const open = openAxes(partial);
  if (partial === null || open.length > 1) {
    const why = partial === null ? "its rank" : `axes ${open.join(" and ")}`;
    throw invalidArgument(
      `input "${name}" is ${dtype} of shape ${shapeText(partial)}: the bytes don't say ${why}; ` +
        `send the whole shape in a header such as ${TENSOR_SHAPE}: [1,8]`,
    );
  }
  const unit = elementCount(partial.filter((size) => size >= 0)) * dtypeInfo(dtype).size;
  const [axis] = open;
  const count = axis === undefined ? 1 : unit === 0 ? 0 : length / unit;
  if (!Number.isInteger(count) || count * unit !== length) {
    const expected = axis === undefined ? `${unit} bytes` : `a multiple of ${unit} bytes`;
    throw invalidArgument(
      `input "${name}" is ${dtype} of shape ${shapeText(partial)}, which takes ${expected}, but ${length} came`,
    );
  }
  return partial.map((size) => (size < 0 ? count : size));
}

function openAxes(shape: PartialShape): number[] {
  return (shape ?? []).flatMap((size, axis) => (size < 0 ? [axis] : []));
}

function shapeOfText(text: string): Shape {
  const sizes = /^\[\s*(\d{1,10}(?:\s*,\s*\d{1,10})*)?\s*\]$/.exec(text.trim());
  if (sizes === null) throw invalidArgument(`${TENSOR_SHAPE} is no list of sizes such as [1,8] or []`);
  return (sizes[1] ?? "").split(",").filter(Boolean).map(Number);
}

/** The bytes of the only output, or of its only string, and the headers that say what they are. */
export function bytesOfOutput(outputs: ReadonlyMap<string, Tensor>): {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
} {
  const [first] = outputs;
  if (first === undefined || outputs.size !== 1) {
    throw invalidArgument(
      `Bytes hold one tensor and the answer has {${[...outputs.keys()].join(",")}}: accept ` +
        "application/x-npz, or choose one with output_filter",
    );
  }
  const [name, tensor] = first;
  const headers = {
    // Header values have no other characters.
    [TENSOR_NAME]: encodeURIComponent(name),
    [TENSOR_TYPE]: tensor.dtype,
    [TENSOR_SHAPE]: shapeText(tensor.shape),
  };
  if (tensor.dtype !== "string") return { body: bytesOf(tensor.data), headers };
  const [only] = tensor.data;
  if (only !== undefined && tensor.data.length === 1) return { body: only, headers };
  throw invalidArgument(
    `Bytes hold one string, and output "${name}" has ${tensor.data.length}: accept application/x-npy or JSON`,
  );
}
