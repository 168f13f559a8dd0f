/**
 * The thread that decodes image files, with TensorFlow's own ops as the engine runs them, so that a picture has the
 * pixels that a model's own DecodeImage would see. image-decoder.ts is its only caller. Nothing here may be imported
 * from anywhere else.
 */
import { parentPort } from "node:worker_threads";
import { create } from "@bufbuild/protobuf";
import { type ImageSize, imageSize, Session } from "@servable/engine";
import {
  dtypeInfo,
  GraphBuilder,
  internal,
  invalidArgument,
  type Output,
  stringTensor,
  type Tensor,
  tensor,
} from "@servable/formats";
import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { packError } from "../../servables/worker-protocol.js";
import type { ImageAnswer, ImageTask } from "./image-task.js";

const port = parentPort;
if (port === null) throw internal("image-thread.js runs in a worker thread only");

/** What a small file may become: a compressed body inflates to no more. */
const MAX_PIXEL_BYTES = 2 ** 29;

function decode(task: ImageTask): Tensor {
  const size = imageSize(task.file);
  checkSize(size, task);
  const isResized = task.resizes && (size.height !== task.height || size.width !== task.width);
  const decoder = decoderOf(isResized ? task : { ...task, height: undefined, width: undefined });
  const [pixels] = decoder.run(new Map([["file:0", stringTensor([], [task.file])]]), ["pixels:0"]);
  return pixels as Tensor;
}

function checkSize({ height, width }: ImageSize, task: ImageTask): void {
  // Resizing counts in float32.
  const bytesPerValue = task.resizes ? Float32Array.BYTES_PER_ELEMENT : dtypeInfo(task.dtype).size;
  const bytes = height * width * task.channels * bytesPerValue;
  if (bytes > MAX_PIXEL_BYTES) {
    throw invalidArgument(
      `an image of ${height} x ${width} pixels takes ${bytes} bytes, more than ${MAX_PIXEL_BYTES}`,
    );
  }
  const fits = (actual: number, wanted: number | undefined) => wanted === undefined || wanted === actual;
  if (task.resizes || (fits(height, task.height) && fits(width, task.width))) return;
  const isKnown = task.height !== undefined && task.width !== undefined;
  throw invalidArgument(
    `the image has ${height} x ${width} pixels (height x width), but the signature wants ` +
      `${task.height ?? "?"} x ${task.width ?? "?"}${isKnown ? ": resize it, or ask for ?resize=bilinear" : ""}`,
  );
}

type Conversion = Pick<ImageTask, "dtype" | "channels" | "height" | "width">;

/** Few models mean few conversions; more than these are compiled again. */
const MAX_DECODERS = 16;
const decoders = new Map<string, Session>();

function decoderOf(conversion: Conversion): Session {
  const { dtype, channels, height, width } = conversion;
  const key = [dtype, channels, height, width].join();
  const known = decoders.get(key);
  if (known !== undefined) return known;
  const [oldest] = decoders.keys();
  if (decoders.size >= MAX_DECODERS && oldest !== undefined) {
    decoders.get(oldest)?.close();
    decoders.delete(oldest);
  }
  const session = compile(conversion);
  decoders.set(key, session);
  return session;
}

/** tf.cast(tf.image.resize(tf.io.decode_image(file, channels, expand_animations=False), size), dtype) as a graph. */
function compile({ dtype, channels, height, width }: Conversion): Session {
  const g = new GraphBuilder();
  const file = g.placeholder("string", [], { name: "file" });
  let image = g.compute("DecodeImage", [file], { channels, expand_animations: false });
  if (height !== undefined && width !== undefined) image = resized(g, image, height, width);
  image = g.compute("Cast", [image], { DstT: dtype });
  g.compute("Identity", [image], {}, { name: "pixels" });
  return Session.fromGraph(create(MetaGraphDefSchema, { graphDef: g.toGraphDef() }));
}

function resized(g: GraphBuilder, image: Output, height: number, width: number): Output {
  const batch = g.compute("ExpandDims", [image, tensor("int32", [], Int32Array.of(0))]);
  const size = tensor("int32", [2], Int32Array.of(height, width));
  const result = g.compute("ResizeBilinear", [batch, size], { half_pixel_centers: true });
  return g.compute("Squeeze", [result], { squeeze_dims: [0] });
}

port.on("message", (task: ImageTask) => {
  try {
    const pixels = decode(task);
    const answer: ImageAnswer = { kind: "pixels", tensor: pixels };
    const { buffer } = pixels.data as Uint8Array<ArrayBuffer>;
    port.postMessage(answer, [buffer]);
  } catch (reason) {
    port.postMessage({ kind: "error", error: packError(reason) } satisfies ImageAnswer);
  }
});
