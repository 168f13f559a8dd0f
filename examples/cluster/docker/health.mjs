// Whether the server answers requests: asks grpc.health.v1.Health/Check, and ends with 0 for SERVING. A shell, curl and
// grpc_health_probe are not in the image. `node health.mjs [port]`.
import { connect } from "node:http2";

const port = process.argv[2] ?? "8500";
/** A gRPC message of no bytes: the request for the server as a whole. */
const EMPTY_MESSAGE = Buffer.alloc(5);
/** HealthCheckResponse { status: SERVING }. */
const SERVING = Buffer.from([0x08, 0x01]);
const LIMIT_MS = 2000;

function end(isServing) {
  process.exit(isServing ? 0 : 1);
}

const session = connect(`http://localhost:${port}`).on("error", () => end(false));
const call = session.request({
  ":method": "POST",
  ":path": "/grpc.health.v1.Health/Check",
  "content-type": "application/grpc",
  te: "trailers",
});
const chunks = [];
call.on("data", (chunk) => chunks.push(chunk));
call.on("error", () => end(false));
call.on("end", () => end(Buffer.concat(chunks).subarray(EMPTY_MESSAGE.length).equals(SERVING)));
call.setTimeout(LIMIT_MS, () => end(false));
call.end(EMPTY_MESSAGE);
