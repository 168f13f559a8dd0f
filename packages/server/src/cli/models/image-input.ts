/** Image files as inputs: decoded by TensorFlow's own ops as we run them, so that a picture has a model's pixels. */
import { create } from "@bufbuild/protobuf";
import { Session } from "@servable/engine";
import {
  type DType,
  dtypeInfo,
  GraphBuilder,
  invalidArgument,
  type OpInput,
  type Output,
  type PartialShape,
  shapeText,
  stringTensor,
  type Tensor,
  tensor,
} from "@servable/formats";
import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";

/** What the darkest and the brightest pixel become. */
export type ImageRange = readonly [darkest: number, brightest: number];

/** Pixels as they are for integers, 0 to 1 for floats, as tf.image.convert_image_dtype has them. */
export function defaultRange(dtype: DType): ImageRange {
  return dtypeInfo(dtype).kind === "float" ? [0, 1] : [0, 255];
}

export function isImage(bytes: Uint8Array): boolean {
  const starts = (...prefix: number[]) => prefix.every((byte, i) => bytes[i] === byte);
  return (
    starts(0xff, 0xd8, 0xff) ||
    starts(0x89, 0x50, 0x4e, 0x47) ||
    starts(0x47, 0x49, 0x46, 0x38) ||
    starts(0x42, 0x4d)
  );
}

/** Where an image's axes lie in an input. */
interface ImageLayout {
  readonly hasBatch: boolean;
  readonly channelsFirst: boolean;
  /** Not positive where the model leaves them open. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * An image as the tensor of an input: resized to its height and width where they are fixed, in as many channels as it
 * has. INVALID_ARGUMENT for a shape that is none of an image's, and for a file that can't be decoded.
 */
export function imageTensor(file: Uint8Array, dtype: DType, shape: PartialShape, range: ImageRange): Tensor {
  const layout = layoutOf(shape);
  const { height, width, channels, hasBatch, channelsFirst } = layout;
  const g = new GraphBuilder();
  const contents = g.placeholder("string", [], { name: "file" });
  const decoded = g.compute("DecodeImage", [contents], { channels, expand_animations: false });
  const ints = (...values: number[]) => tensor("int32", [values.length], Int32Array.from(values));
  let image: Output = g.compute("ExpandDims", [
    g.compute("Cast", [decoded], { DstT: "float32" }),
    tensor("int32", [], Int32Array.of(0)),
  ]);
  if (height > 0 && width > 0)
    image = g.compute("ResizeBilinear", [image, ints(height, width)], { half_pixel_centers: true });
  image = scaled(g, image, range);
  if (dtypeInfo(dtype).kind !== "float") image = g.compute("Round", [image]);
  if (channelsFirst) image = g.compute("Transpose", [image, ints(0, 3, 1, 2)]);
  if (!hasBatch) image = g.compute("Squeeze", [image], { squeeze_dims: [0] });
  const result = dtype === "float32" ? image : g.compute("Cast", [image], { DstT: dtype });
  const session = Session.fromGraph(create(MetaGraphDefSchema, { graphDef: g.toGraphDef() }));
  const [value] = session.run(new Map([[contents.name, stringTensor([], [file])]]), [result.name]);
  session.close();
  return value as Tensor;
}

function scaled(g: GraphBuilder, image: Output, [darkest, brightest]: ImageRange): Output {
  if (darkest === 0 && brightest === 255) return image;
  const scalar = (value: number): OpInput => tensor("float32", [], Float32Array.of(value));
  const factor = (brightest - darkest) / 255;
  return g.compute("AddV2", [g.compute("Mul", [image, scalar(factor)]), scalar(darkest)]);
}

const CHANNELS: ReadonlySet<number> = new Set([1, 3, 4]);

function layoutOf(shape: PartialShape): ImageLayout {
  const sizes = shape?.length === 4 ? shape.slice(1) : shape;
  if (sizes?.length !== 3) throw notAnImage(shape);
  const [first, second, third] = sizes as [number, number, number];
  const hasBatch = shape?.length === 4;
  if (hasBatch && ((shape as readonly number[])[0] as number) > 1)
    throw invalidArgument(
      `an image is a batch of one, and its shape is ${shapeText(shape)}; give it as an .npy file`,
    );
  if (CHANNELS.has(third) || third < 0) {
    if (CHANNELS.has(first) && third < 0)
      return { hasBatch, channelsFirst: true, channels: first, height: second, width: third };
    return { hasBatch, channelsFirst: false, channels: third < 0 ? 3 : third, height: first, width: second };
  }
  if (CHANNELS.has(first))
    return { hasBatch, channelsFirst: true, channels: first, height: second, width: third };
  throw notAnImage(shape);
}

function notAnImage(shape: PartialShape): Error {
  return invalidArgument(
    `its shape ${shapeText(shape)} is none of an image: expected [?,height,width,channels] with 1, 3 or 4 channels; ` +
      "give it as an .npy file",
  );
}
