/**
 * What stands before the network, so that clients send pictures as they are in files: each is decoded, brought to the
 * network's size and to numbers from -1 to 1.
 */
import {
  type GraphBuilder,
  type GraphFunction,
  type Output,
  stringTensor,
  type Tensor,
  tensor,
} from "@servable/formats";

const scalar = (value: number): Tensor => tensor("int32", [], Int32Array.of(value));
const number = (value: number): Tensor => tensor("float32", [], Float32Array.of(value));

/** The feature of a tf.Example that holds the file's bytes. */
const IMAGE_FEATURE = "image/encoded";

/**
 * The files in serialized tf.Examples.
 *
 * @param examples string [n]
 * @returns string [n]
 */
export function parseImageExamples(graph: GraphBuilder, examples: Output): Output {
  const none = stringTensor([0], []);
  const noDefault = stringTensor([0], []);
  const parse = graph.op(
    "ParseExampleV2",
    [examples, none, none, stringTensor([1], [IMAGE_FEATURE]), none, [noDefault]],
    {
      num_sparse: 0,
      sparse_types: [],
      ragged_value_types: [],
      ragged_split_types: [],
      dense_shapes: [[]],
    },
    { name: "ParseExample" },
  );
  return parse.output();
}

/**
 * Decodes files one by one, for they differ in size.
 *
 * @param files JPEG, and whatever else TensorFlow decodes: PNG, GIF, BMP, WebP; string [n]
 * @returns float32 [n, size, size, 3], from -1 to 1
 */
export function decodeImages(graph: GraphBuilder, files: Output, size: number): Output {
  const shape = [size, size, 3];
  const count = graph.compute("Size", [files], { out_type: "int32" });
  const elementShape = tensor("int32", [3], Int32Array.from(shape));
  const list = graph.compute("TensorListReserve", [elementShape, count], { element_dtype: "float32" });
  const loop = graph.op(
    "StatelessWhile",
    [[scalar(0), count, files, list]],
    { cond: isNotDone(graph).name, body: decodeNext(graph, size).name, output_shapes: [[], [], [-1], []] },
    { name: "decode" },
  );
  const stacked = graph.compute("TensorListStack", [loop.output(3), elementShape], {
    element_dtype: "float32",
  });
  return graph.compute("EnsureShape", [stacked], { shape: [-1, ...shape] }, { name: "images" });
}

const loopParameters = [
  { name: "i", type: "int32", shape: [] },
  { name: "count", type: "int32", shape: [] },
  { name: "files", type: "string", shape: [-1] },
  { name: "images", type: "variant", shape: [] },
] as const;

function isNotDone(graph: GraphBuilder): GraphFunction {
  return graph.function("decode_cond", loopParameters, (body, ...[i, count]) => ({
    is_not_done: body.compute("Less", [i as Output, count as Output]),
  }));
}

function decodeNext(graph: GraphBuilder, size: number): GraphFunction {
  return graph.function("decode_body", loopParameters, (body, ...parameters) => {
    const [i, count, files, images] = parameters as [Output, Output, Output, Output];
    const file = body.compute("GatherV2", [files, i, scalar(0)]);
    const set = body.compute("TensorListSetItem", [images, i, decodeImage(body, file, size)]);
    return {
      next: body.compute("AddV2", [i, scalar(1)]),
      same_count: count,
      same_files: files,
      more_images: set,
    };
  });
}

/** One file: string [] → float32 [size, size, 3]. */
function decodeImage(graph: GraphBuilder, file: Output, size: number): Output {
  const levels = graph.compute("DecodeImage", [file], { channels: 3, expand_animations: false });
  const unit = graph.compute("Mul", [graph.compute("Cast", [levels], { DstT: "float32" }), number(1 / 255)]);
  const batch = graph.compute("ExpandDims", [unit, scalar(0)]);
  const resized = graph.compute("ResizeBilinear", [batch, tensor("int32", [2], Int32Array.of(size, size))]);
  const image = graph.compute("Squeeze", [resized], { squeeze_dims: [0] });
  return graph.compute("Mul", [graph.compute("Sub", [image, number(0.5)]), number(2)]);
}
