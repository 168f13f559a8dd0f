/**
 * The REST server that somebody would write in an afternoon: node:http, JSON.parse and onnxruntime-node on the main
 * thread, one model. Less than any web framework does.
 *
 *     node bench/baselines/plain-http-server.mjs --port=8501
 */
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { halfPlusTwoOnnx } from "./half-plus-two-onnx.mjs";

const { values } = parseArgs({ options: { port: { type: "string", default: "8501" } } });
const session = await InferenceSession.create(halfPlusTwoOnnx());

/** @param {string} body */
async function predict(body) {
  /** @type {{ instances: number[][] }} */
  const { instances } = JSON.parse(body);
  const x = new Tensor("float32", Float32Array.from(instances.flat()), [instances.length, 1]);
  const { y } = await session.run({ x });
  const data = /** @type {Float32Array} */ (y?.data);
  return JSON.stringify({ predictions: Array.from(data, (value) => [value]) });
}

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => {
    predict(body).then(
      (answer) => {
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": answer.length });
        response.end(answer);
      },
      (reason) => response.writeHead(500).end(String(reason)),
    );
  });
});
server.listen(Number(values.port), "127.0.0.1");
