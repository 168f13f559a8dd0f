/**
 * Files of pictures to numbers and back, by TensorFlow's own ops on our engine: models of a few operations, made and
 * loaded on the spot.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadModel } from "@servable/engine";
import {
  GraphBuilder,
  type Output,
  predictSignatureDef,
  SavedModelBuilder,
  stringTensor,
  type Tensor,
  tensor,
} from "@servable/formats";

const CHANNELS = 3;
const scalar = (value: number): Tensor => tensor("int32", [], Int32Array.of(value));

/**
 * A picture as a JPEG file.
 *
 * @param levels of red, green and blue, from 0 to 255: [height, width, 3]
 */
export function encodeJpeg(levels: Uint8Array, width: number, height: number): Uint8Array {
  const image = tensor("uint8", [height, width, CHANNELS], levels);
  const file = runOnce(image, (graph) => {
    const input = graph.placeholder("uint8", [-1, -1, CHANNELS]);
    return { input, output: graph.compute("EncodeJpeg", [input], { format: "rgb" }) };
  });
  return file.data[0] as Uint8Array;
}

/**
 * A picture's file as numbers from 0 to 1, brought to a size: [size, size, 3].
 * INVALID_ARGUMENT for what is no picture.
 */
export function decodePicture(file: Uint8Array, size: number): Float32Array {
  const image = runOnce(stringTensor([], [file]), (graph) => {
    const input = graph.placeholder("string", []);
    const levels = graph.compute("DecodeImage", [input], { channels: CHANNELS, expand_animations: false });
    const batch = graph.compute("ExpandDims", [
      graph.compute("Cast", [levels], { DstT: "float32" }),
      scalar(0),
    ]);
    const resized = graph.compute("ResizeBilinear", [batch, tensor("int32", [2], Int32Array.of(size, size))]);
    const whole = tensor("float32", [], Float32Array.of(255));
    return { input, output: graph.compute("RealDiv", [resized, whole]) };
  });
  return image.data as Float32Array;
}

/** Builds a model with one input and one output, runs it and throws it away. */
function runOnce(input: Tensor, build: (graph: GraphBuilder) => { input: Output; output: Output }): Tensor {
  const folder = mkdtempSync(path.join(tmpdir(), "picture-"));
  try {
    const builder = new SavedModelBuilder(path.join(folder, "1"));
    const graph = new GraphBuilder();
    const built = build(graph);
    const signatures = { run: predictSignatureDef({ input: built.input }, { output: built.output }) };
    builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables: new Map() });
    builder.save();
    const model = loadModel(builder.exportDir);
    try {
      return model.run("run", new Map([["input", input]])).get("output") as Tensor;
    } finally {
      model.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
