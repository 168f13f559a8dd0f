/**
 * A @grpc/grpc-js server that answers each message with the same message: neither parsed nor written anew, and no model.
 *
 *     node bench/baselines/grpc-js-echo-server.mjs --port=8500
 */
import { parseArgs } from "node:util";
import { Server, ServerCredentials } from "@grpc/grpc-js";

const { values } = parseArgs({ options: { port: { type: "string", default: "8500" } } });

const same = (/** @type {Buffer} */ bytes) => bytes;
/** @type {import("@grpc/grpc-js").ServiceDefinition} */
const service = {
  Predict: {
    path: "/tensorflow.serving.PredictionService/Predict",
    requestStream: false,
    responseStream: false,
    requestDeserialize: same,
    requestSerialize: same,
    responseDeserialize: same,
    responseSerialize: same,
  },
};
/** @type {import("@grpc/grpc-js").handleUnaryCall<Buffer, Buffer>} */
const echo = ({ request }, callback) => callback(null, request);

const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
server.addService(service, { Predict: echo });
server.bindAsync(`127.0.0.1:${values.port}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
