/**
 * gRPC's interoperability tests (doc/interop-test-descriptions.md of gRPC) against our HTTP/2 server, by the client of
 * grpc-go:
 *
 *     npm run build
 *     go install google.golang.org/grpc/interop/client@latest
 *     node conformance/grpc-interop.mjs [path of the client]
 *
 * In clear and over TLS. Left out: custom_metadata, since no method of TensorFlow Serving sends metadata of its own, and
 * what asks for authentication. The exit status is 1 when a case fails.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import protobuf from "protobufjs";
import { StatusError } from "../packages/formats/dist/index.js";
import { startLean } from "../packages/server/dist/grpc/http2/lean-transport.js";
import { selfSignedCertificate } from "../packages/server/dist/testing/self-signed-certificate.js";

const CASES = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "timeout_on_sleeping_server",
  "cancel_after_begin",
  "cancel_after_first_response",
  "status_code_and_message",
  "special_status_message",
  "unimplemented_method",
  "unimplemented_service",
];

/** The part of grpc/testing/messages.proto that these cases use. */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message Payload { int32 type = 1; bytes body = 2; }
  message EchoStatus { int32 code = 1; string message = 2; }
  message SimpleRequest { int32 response_size = 2; Payload payload = 3; EchoStatus response_status = 7; }
  message SimpleResponse { Payload payload = 1; }
  message StreamingInputCallRequest { Payload payload = 1; }
  message StreamingInputCallResponse { int32 aggregated_payload_size = 1; }
  message ResponseParameters { int32 size = 1; int32 interval_us = 2; }
  message StreamingOutputCallRequest {
    repeated ResponseParameters response_parameters = 2;
    Payload payload = 3;
    EchoStatus response_status = 7;
  }
  message StreamingOutputCallResponse { Payload payload = 1; }
`,
  { keepCase: true },
);

const decode = (name, bytes) =>
  root.lookupType(name).toObject(root.lookupType(name).decode(bytes), { defaults: true });
const encode = (name, value) => root.lookupType(name).encode(value).finish();
const payloadOf = (size) => ({ payload: { body: Buffer.alloc(size) } });

/** Fails as the caller wishes. */
function checkStatus({ response_status: status }) {
  if (status?.code) throw new StatusError(status.code, status.message);
}

async function* outputs(request) {
  checkStatus(request);
  for (const { size, interval_us: pause } of request.response_parameters) {
    if (pause > 0) await sleep(pause / 1000);
    yield encode("StreamingOutputCallResponse", payloadOf(size));
  }
}

const methods = [
  { kind: "unary", name: "EmptyCall", handler: async () => new Uint8Array(0) },
  {
    kind: "unary",
    name: "UnaryCall",
    async handler(bytes) {
      const request = decode("SimpleRequest", bytes);
      checkStatus(request);
      return encode("SimpleResponse", payloadOf(request.response_size));
    },
  },
  {
    kind: "server-stream",
    name: "StreamingOutputCall",
    handler: (bytes) => outputs(decode("StreamingOutputCallRequest", bytes)),
  },
  {
    kind: "bidi-stream",
    name: "StreamingInputCall",
    async *handler(requests) {
      let size = 0;
      for await (const bytes of requests)
        size += decode("StreamingInputCallRequest", bytes).payload.body.length;
      yield encode("StreamingInputCallResponse", { aggregated_payload_size: size });
    },
  },
  {
    kind: "bidi-stream",
    name: "FullDuplexCall",
    async *handler(requests) {
      for await (const bytes of requests) yield* outputs(decode("StreamingOutputCallRequest", bytes));
    },
  },
].map(({ name, ...method }) => ({ ...method, path: `/grpc.testing.TestService/${name}` }));

/** Runs a case; resolves with what went wrong, or nothing. */
function run(program, args) {
  return new Promise((resolve) => {
    const client = spawn(program, args);
    let output = "";
    for (const stream of [client.stdout, client.stderr]) {
      stream.on("data", (text) => {
        output += text;
      });
    }
    client.on("error", ({ message }) => resolve(message));
    client.on("close", (status) => resolve(status === 0 ? undefined : output.trim()));
  });
}

const [program = "client"] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "grpc-interop-"));

/** @param {boolean} isSecure */
async function failures(isSecure) {
  const { key, certificate } = selfSignedCertificate();
  writeFileSync(join(folder, "ca.pem"), certificate);
  const tls = isSecure ? { tls: { key, certificate, requireClientCertificate: false } } : {};
  const options = {
    addresses: ["127.0.0.1:0"],
    maxRequestBytes: 1 << 24,
    channelArguments: new Map(),
    ...tls,
  };
  const transport = await startLean(methods, options);
  const secure = [
    "--use_tls",
    "--use_test_ca",
    `--ca_file=${folder}/ca.pem`,
    "--server_host_override=localhost",
  ];
  const server = [
    "--server_host=127.0.0.1",
    `--server_port=${transport.ports[0]}`,
    ...(isSecure ? secure : []),
  ];
  let failed = 0;
  for (const name of CASES) {
    const problem = await run(program, [...server, `--test_case=${name}`]);
    if (problem !== undefined) failed++;
    console.log(`${isSecure ? "TLS  " : "clear"} ${name.padEnd(30)} ${problem ?? "passed"}`);
  }
  transport.close();
  return failed;
}

const failed = (await failures(false)) + (await failures(true));
rmSync(folder, { recursive: true });
console.log(failed === 0 ? "all passed" : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
