/**
 * The server that somebody would write in an afternoon: @grpc/grpc-js, generated protobuf code and onnxruntime-node on
 * the main thread, one model, Predict only. Servable must not be slower than this.
 *
 *     node bench/baselines/plain-node-server.mjs --port=8500
 */
import { parseArgs } from "node:util";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { bytesOf } from "@servable/formats";
import {
  PredictRequestSchema,
  PredictResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { halfPlusTwoOnnx } from "./half-plus-two-onnx.mjs";

/** @typedef {import("@bufbuild/protobuf").MessageShape<typeof PredictRequestSchema>} PredictRequest */
/** @typedef {import("@bufbuild/protobuf").MessageShape<typeof PredictResponseSchema>} PredictResponse */
/** @typedef {import("@servable/formats/protobuf/tensorflow/core/framework/tensor_pb").TensorProto} TensorProto */

const { values } = parseArgs({ options: { port: { type: "string", default: "8500" } } });
const session = await InferenceSession.create(halfPlusTwoOnnx());

/**
 * The floats of a TensorProto, in whichever of its two forms they come.
 * @param {TensorProto} proto
 */
function floatsOf({ tensorContent, floatVal }) {
  return tensorContent.length > 0
    ? new Float32Array(Uint8Array.from(tensorContent).buffer)
    : Float32Array.from(floatVal);
}

/** @param {PredictRequest} request */
async function predict(request) {
  const x = request.inputs.x;
  if (x === undefined) throw new Error('input "x" is missing');
  const shape = (x.tensorShape?.dim ?? []).map(({ size }) => Number(size));
  const { y } = await session.run({ x: new Tensor("float32", floatsOf(x), shape) });
  const data = /** @type {Float32Array} */ (y?.data);
  return create(PredictResponseSchema, {
    modelSpec: {
      name: "half_plus_two",
      signatureName: "serving_default",
      versionChoice: { case: "version", value: { value: 1n } },
    },
    outputs: {
      y: {
        dtype: x.dtype,
        ...(x.tensorShape && { tensorShape: x.tensorShape }),
        tensorContent: bytesOf(data),
      },
    },
  });
}

/** @type {import("@grpc/grpc-js").ServiceDefinition} */
const service = {
  Predict: {
    path: "/tensorflow.serving.PredictionService/Predict",
    requestStream: false,
    responseStream: false,
    requestDeserialize: (/** @type {Buffer} */ bytes) => fromBinary(PredictRequestSchema, bytes),
    requestSerialize: (/** @type {PredictRequest} */ message) =>
      Buffer.from(toBinary(PredictRequestSchema, message)),
    responseDeserialize: (/** @type {Buffer} */ bytes) => fromBinary(PredictResponseSchema, bytes),
    responseSerialize: (/** @type {PredictResponse} */ message) =>
      Buffer.from(toBinary(PredictResponseSchema, message)),
  },
};

/** @type {import("@grpc/grpc-js").handleUnaryCall<PredictRequest, PredictResponse>} */
const handlePredict = (call, callback) => {
  predict(call.request).then(
    (response) => callback(null, response),
    (reason) => callback({ code: status.INTERNAL, details: String(reason) }),
  );
};

const server = new Server();
server.addService(service, { Predict: handlePredict });
server.bindAsync(`127.0.0.1:${values.port}`, ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});
