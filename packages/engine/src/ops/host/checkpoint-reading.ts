/**
 * Reading checkpoints from inside a graph, as restoring does. Values are not read here: each output knows where it
 * lies, and is read by whoever looks at it. Behaviour: tensorflow/core/kernels/save_restore_v2_ops.cc
 * and save_restore_tensor.cc.
 */
import {
  type CheckpointReader,
  Code,
  decodeText,
  invalidArgument,
  notFound,
  openCheckpoint,
  StatusError,
  type Tensor,
} from "@servable/formats";
import { type ConstantSource, restoredTensor } from "../../graph/constant.js";
import type { ResourceManager } from "../../runtime/resource-manager.js";
import { asTensorOf, type Resource, type Value } from "../../values.js";
import type { HostTable, Kernel, NodeFacts } from "../op-table.js";
import { stateful } from "./stateful.js";

function restoreV2(node: NodeFacts): Kernel {
  const types = node.attrs.types("dtypes");
  return ([prefixInput, namesInput, slicesInput], { resources }) => {
    const prefix = textOf(prefixInput)[0] ?? "";
    const names = textOf(namesInput);
    const slices = textOf(slicesInput);
    if (names.length !== types.length || slices.length !== types.length) {
      throw invalidArgument(`${types.length} dtypes, ${names.length} tensor names, ${slices.length} slices`);
    }
    const reader = missingIsUnknown(() => openedCheckpoint(resources, prefix));
    return names.map((name, i) =>
      restore(reader, prefix, name, slices[i] as string, types[i] as Tensor["dtype"]),
    );
  };
}

/**
 * Restore and RestoreSlice, each of which reads one tensor of a checkpoint, in either format, that is given by its
 * path or the pattern of its shards. A graph has one for every variable: they share a reader.
 */
function restoreOne(node: NodeFacts): Kernel {
  const dtype = node.attrs.type("dt");
  return ([patternInput, nameInput, sliceInput], { resources }) => {
    const pattern = onlyText(patternInput, "file_pattern");
    const name = onlyText(nameInput, "tensor_name");
    const slice = sliceInput === undefined ? "" : onlyText(sliceInput, "shape_and_slice");
    const reader = openedCheckpoint(resources, pattern);
    return [restore(reader, pattern, name, slice, dtype)];
  };
}

function openedCheckpoint(resources: ResourceManager, path: string): CheckpointReader {
  const name = `checkpoint ${path}`;
  return resources.lookupOrCreate<OpenedCheckpoint>(
    "Checkpoint",
    name,
    () => new OpenedCheckpoint(name, openCheckpoint(path)),
  ).reader;
}

/** A checkpoint's reader among the resources of a model: values are read from it when first asked for. */
class OpenedCheckpoint implements Resource {
  readonly kind = "Checkpoint";

  constructor(
    readonly name: string,
    readonly reader: CheckpointReader,
  ) {}

  close(): void {
    this.reader.close();
  }
}

function onlyText(value: Value | undefined, what: string): string {
  const [text, ...more] = textOf(value);
  if (text === undefined || more.length > 0) {
    throw invalidArgument(`${what} must be one string, got ${text === undefined ? 0 : 1 + more.length}`);
  }
  return text;
}

/** A checkpoint with a missing shard is UNKNOWN to TensorFlow, and so to those who watch for its codes. */
function missingIsUnknown<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const status = StatusError.from(error);
    throw status.code === Code.NOT_FOUND
      ? new StatusError(Code.UNKNOWN, status.message, { cause: error })
      : status;
  }
}

function textOf(value: Value | undefined): string[] {
  return asTensorOf(value, "string").data.map(decodeText);
}

function restore(
  reader: CheckpointReader,
  prefix: string,
  name: string,
  slice: string,
  dtype: Tensor["dtype"],
): Tensor {
  if (!reader.has(name)) throw notFound(`Key ${name} not found in checkpoint ${prefix}`);
  const info = reader.info(name);
  if (info.dtype !== dtype) {
    throw invalidArgument(
      `tensor_name = ${name}; expected dtype ${dtype} does not equal original dtype ${info.dtype}`,
    );
  }
  if (slice === "") return restoredTensor(sourceOf(reader, name, info.shape, dtype));
  const { shape, start, length } = parseSlice(slice, name);
  if (shape.length !== info.shape.length || shape.some((size, axis) => size !== info.shape[axis])) {
    throw invalidArgument(
      `tensor_name = ${name}; shape in shape_and_slice spec [${shape}] does not match the shape stored in checkpoint: [${info.shape}]`,
    );
  }
  return restoredTensor({ dtype, shape: length, read: () => reader.readSlice(name, { start, length }) });
}

function sourceOf(
  reader: CheckpointReader,
  name: string,
  shape: readonly number[],
  dtype: Tensor["dtype"],
): ConstantSource {
  const external = reader.location(name);
  return {
    dtype,
    shape,
    ...(external === undefined
      ? {}
      : { external, verify: () => missingIsUnknown(() => reader.verify(name)) }),
    read: () => missingIsUnknown(() => reader.read(name)),
  };
}

/** "10 20 0,5:-": the whole tensor's shape, then a `start,length` or "-" (all) per dimension. */
function parseSlice(text: string, name: string): { shape: number[]; start: number[]; length: number[] } {
  const fields = text.trim().split(/ +/);
  const spec = (fields.pop() ?? "").split(":");
  const shape = fields.map(Number);
  const start: number[] = [];
  const length: number[] = [];
  spec.forEach((part, axis) => {
    const [from, count] = part === "-" ? [0, shape[axis]] : part.split(",").map(Number);
    start.push(from ?? Number.NaN);
    length.push(count ?? Number.NaN);
  });
  const isValid =
    spec.length === shape.length &&
    [...shape, ...start, ...length].every((n) => n >= 0 && Number.isInteger(n));
  if (!isValid) throw invalidArgument(`tensor_name = ${name}; malformed shape_and_slice "${text}"`);
  return { shape, start, length };
}

export const checkpointReadingKernels: HostTable = {
  Restore: stateful(restoreOne),
  RestoreSlice: stateful(restoreOne),
  RestoreV2: stateful(restoreV2),
};
