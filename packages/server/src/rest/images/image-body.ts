/**
 * Image files as inputs of numbers: the pixels' levels, 0 to 255, as `tf.cast(tf.io.decode_image(file, channels), dtype)`
 * gives them, in the shape that the signature declares.
 */
import {
  dtypeInfo,
  invalidArgument,
  type PartialShape,
  shapeText,
  type Tensor,
  type TensorSpec,
} from "@servable/formats";
import type { CallSignal } from "../../call-abort.js";
import { decodeImage } from "./image-decoder.js";
import type { ImageTask, PixelType } from "./image-task.js";

export interface ImageOptions {
  /** How a picture of another size becomes one of the input's, by the query; undefined to refuse it. */
  readonly resize: string | undefined;
  /** Aborted with a StatusError when nobody waits any more. */
  readonly signal: CallSignal;
}

const BATCH_RANK = 4;
const IMAGE_RANK = 3;
/** Colours where the signature leaves their number open. */
const DEFAULT_CHANNELS = 3;

/** INVALID_ARGUMENT for an input that is no image's, and for a file that can't be decoded or has another size. */
export async function tensorOfImage(
  name: string,
  { dtype, shape }: TensorSpec,
  file: Uint8Array,
  { resize, signal }: ImageOptions,
): Promise<Tensor> {
  if (resize !== undefined && resize !== "bilinear") {
    throw invalidArgument(`resize is "${resize.slice(0, 40)}", but only bilinear is known`);
  }
  const size = sizeOfInput(name, dtype, shape);
  const task: ImageTask = { ...size, file, resizes: resize !== undefined };
  if (task.resizes && (task.height === undefined || task.width === undefined)) {
    throw invalidArgument(`input "${name}" of shape ${shapeText(shape)} says no size to resize to`);
  }
  const pixels = await decodeImage(`input "${name}"`, task, signal);
  return shape?.length === IMAGE_RANK ? pixels : ({ ...pixels, shape: [1, ...pixels.shape] } as Tensor);
}

function sizeOfInput(
  name: string,
  dtype: TensorSpec["dtype"],
  shape: PartialShape,
): Pick<ImageTask, "dtype" | "channels" | "height" | "width"> {
  const { kind } = dtypeInfo(dtype);
  const hasLevels = kind === "float" || kind === "int" || kind === "uint";
  const axes = imageAxes(shape);
  if (!hasLevels || axes === undefined) {
    throw invalidArgument(
      `An image is for a string or for levels of shape [1,height,width,channels], 1, 3 or 4 channels last; ` +
        `"${name}" is ${dtype} of shape ${shapeText(shape)}: send it as application/octet-stream, ` +
        "application/x-npy, application/x-protobuf or JSON",
    );
  }
  const [height, width, channels] = axes.map((size) => (size < 0 ? undefined : size));
  return { dtype: dtype as PixelType, height, width, channels: channels ?? DEFAULT_CHANNELS };
}

const ANY_SIZE = [-1, -1, -1];

/** Height, width and channels, negative where they are open; undefined when a single image has no such shape. */
function imageAxes(shape: PartialShape): readonly number[] | undefined {
  if (shape === null) return ANY_SIZE;
  const axes = shape.slice(-IMAGE_RANK);
  const channels = axes[2] as number;
  const isOneImage =
    shape.length === IMAGE_RANK || (shape.length === BATCH_RANK && (shape[0] as number) <= 1);
  return isOneImage && (channels < 0 || [1, 3, 4].includes(channels)) ? axes : undefined;
}
