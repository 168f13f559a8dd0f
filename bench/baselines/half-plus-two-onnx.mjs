/**
 * half_plus_two as an ONNX model, written by hand through the message types of onnx.proto: what somebody would have
 * who had converted the model ahead of time.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { bytesOf } from "@servable/formats";
import { ModelProtoSchema, TensorProto_DataType } from "@servable/formats/protobuf/onnx/onnx-ml_pb";

const FLOAT = TensorProto_DataType.FLOAT;
/** Version of the ONNX file format that goes with opset 13. */
const IR_VERSION = 7n;
const OPSET = 13n;

/**
 * A scalar weight.
 * @param {string} name
 * @param {number} value
 */
const scalar = (name, value) => ({ name, dataType: FLOAT, rawData: bytesOf(new Float32Array([value])) });

/**
 * A float tensor of shape [batch, 1].
 * @param {string} name
 */
const column = (name) => ({
  name,
  type: {
    value: {
      case: /** @type {const} */ ("tensorType"),
      value: {
        elemType: FLOAT,
        shape: {
          dim: [
            { value: { case: /** @type {const} */ ("dimParam"), value: "batch" } },
            { value: { case: /** @type {const} */ ("dimValue"), value: 1n } },
          ],
        },
      },
    },
  },
});

/** The bytes of the model: y = a * x + b. */
export function halfPlusTwoOnnx() {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    opsetImport: [{ domain: "", version: OPSET }],
    graph: {
      name: "half_plus_two",
      node: [
        { opType: "Mul", input: ["x", "a"], output: ["ax"] },
        { opType: "Add", input: ["ax", "b"], output: ["y"] },
      ],
      initializer: [scalar("a", 0.5), scalar("b", 2)],
      input: [column("x")],
      output: [column("y")],
    },
  });
  return toBinary(ModelProtoSchema, model);
}
