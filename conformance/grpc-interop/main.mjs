/**
 * gRPC's interoperability tests (doc/interop-test-descriptions.md of gRPC) against our HTTP/2 server, by clients in C++,
 * Go and Python, in clear and over TLS:
 *
 *     npm run build
 *     node conformance/grpc-interop/main.mjs [case ...] [--go PROGRAM] [--python PROGRAM] [--cpp PROGRAM]
 *
 * The clients in C++ and Python are here (interop_client.*), that in Go is grpc-go's own. Those that are not installed
 * are skipped, with a line that says how to install them. Prints one table; "-" is a case that the client does not have,
 * "*" one of compressed answers whose client can't see whether they are. The exit status is 1 when a case fails, or no
 * client is there.
 *
 * Left out is what asks for authentication, for caches, or for more than one server.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startLean } from "../../packages/server/dist/grpc/http2/lean-transport.js";
import { selfSignedCertificate } from "../../packages/server/dist/testing/self-signed-certificate.js";
import { testService } from "./test-service.mjs";

const CASES = [
  "empty_unary",
  "large_unary",
  "client_compressed_unary",
  "server_compressed_unary",
  "client_streaming",
  "client_compressed_streaming",
  "server_streaming",
  "server_compressed_streaming",
  "ping_pong",
  "empty_stream",
  "custom_metadata",
  "status_code_and_message",
  "special_status_message",
  "unimplemented_method",
  "unimplemented_service",
  "cancel_after_begin",
  "cancel_after_first_response",
  "timeout_on_sleeping_server",
];

const CASE_TIMEOUT_MS = 30_000;
/** Of grpc.default_compression_algorithm. */
const GZIP = 2;

const here = (name) => join(import.meta.dirname, name);

const { values: programs, positionals: chosen } = parseArgs({
  allowPositionals: true,
  options: {
    cpp: { type: "string", default: here("dist/interop_client") },
    go: { type: "string", default: "client" },
    python: { type: "string", default: "python3" },
  },
});

/** `lacks`: cases that the client does not have. `seesCompression`: whether it can check that answers are compressed. */
const clients = [
  {
    name: "C++",
    command: [programs.cpp],
    lacks: [],
    seesCompression: true,
    install:
      "apt-get install g++ make pkg-config libgrpc++-dev protobuf-compiler-grpc, and make -C conformance/grpc-interop",
  },
  {
    name: "Go",
    command: [programs.go, "--use_test_ca=true"],
    lacks: CASES.filter((name) => name.includes("compressed")),
    seesCompression: false,
    install: "go install google.golang.org/grpc/interop/client@latest",
  },
  {
    name: "Python",
    command: [programs.python, here("interop_client.py")],
    lacks: ["client_compressed_streaming"],
    seesCompression: false,
    install: "pip install grpcio-tools",
  },
];

/** Whether the program is there, and one that takes cases. */
function isInstalled({ command: [program, ...args] }) {
  const { stdout, stderr } = spawnSync(program, [...args, "--help"], { encoding: "utf8" });
  return `${stdout}${stderr}`.includes("-test_case");
}

/** What a program said in the end. */
const lastLines = (output) => output.trim().split("\n").slice(-10).join("\n");

/** Runs a case; resolves with what went wrong, or nothing. */
function run([program, ...args], name, server) {
  return new Promise((resolve) => {
    const client = spawn(program, [...args, ...server, `--test_case=${name}`], { timeout: CASE_TIMEOUT_MS });
    let output = "";
    for (const stream of [client.stdout, client.stderr]) {
      stream.on("data", (text) => {
        output += text;
      });
    }
    client.on("error", ({ message }) => resolve(message));
    client.on("close", (status, signal) => {
      if (status === 0) resolve(undefined);
      else resolve(lastLines(output) || `ended by ${signal ?? `status ${status}`}`);
    });
  });
}

/** Servers with and without compression of answers; most cases are to take the way of most calls, which is without. */
async function startServers(isSecure) {
  const { key, certificate } = selfSignedCertificate();
  if (isSecure) writeFileSync(certificateFile, certificate);
  const start = (channelArguments) =>
    startLean(testService, {
      addresses: ["127.0.0.1:0"],
      maxRequestBytes: 1 << 24,
      channelArguments: new Map(Object.entries(channelArguments)),
      ...(isSecure ? { tls: { key, certificate, requireClientCertificate: false } } : {}),
    });
  const plain = await start({});
  const compressing = await start({ "grpc.default_compression_algorithm": GZIP });
  return { isSecure, plain, compressing };
}

/** The arguments that the clients have in common. */
function argumentsFor({ isSecure, plain, compressing }, name) {
  const { ports } = name.startsWith("server_compressed") ? compressing : plain;
  const secure = ["--use_tls=true", `--ca_file=${certificateFile}`, "--server_host_override=localhost"];
  const server = ["--server_host=127.0.0.1", `--server_port=${ports[0]}`];
  return isSecure ? [...server, ...secure] : server;
}

/** A case by a client on a server: what the table says of it, and what went wrong. */
async function outcome(name, { client, server }) {
  if (client.lacks.includes(name)) return { cell: "-" };
  const problem = await run(client.command, name, argumentsFor(server, name));
  if (problem !== undefined) return { cell: "FAILED", problem };
  return { cell: client.seesCompression || !name.startsWith("server_compressed") ? "ok" : "ok*" };
}

/** Runs all, prints the table line by line, and gives what went wrong. */
async function runTable(cases, columns) {
  const caseWidth = Math.max(...cases.map(({ length }) => length)) + 2;
  const print = (first, cells) => {
    const padded = cells.map((cell, i) => cell.padEnd(columns[i].title.length + 2));
    console.log(`${first.padEnd(caseWidth)}${padded.join("").trimEnd()}`);
  };
  const titles = columns.map(({ title }) => title);
  print("", titles);
  const problems = [];
  for (const name of cases) {
    const cells = [];
    for (const column of columns) {
      const { cell, problem } = await outcome(name, column);
      cells.push(cell);
      if (problem !== undefined) problems.push(`${name}, ${column.title}:\n${problem}\n`);
    }
    print(name, cells);
  }
  return problems;
}

const unknown = chosen.filter((name) => !CASES.includes(name));
if (unknown.length > 0) throw new Error(`No case has the name ${unknown}; there are ${CASES.join(", ")}`);
const installed = clients.filter(isInstalled);
for (const { name, install } of clients.filter((client) => !installed.includes(client))) {
  console.log(`skipped: the client in ${name} is not installed (${install})`);
}
if (installed.length === 0) throw new Error("No client is installed");

const folder = mkdtempSync(join(tmpdir(), "grpc-interop-"));
const certificateFile = join(folder, "ca.pem");
const servers = [await startServers(false), await startServers(true)];
const columns = installed.flatMap((client) =>
  servers.map((server) => ({
    client,
    server,
    title: `${client.name} ${server.isSecure ? "TLS" : "clear"}`,
  })),
);
const problems = await runTable(chosen.length > 0 ? chosen : CASES, columns);
for (const { plain, compressing } of servers) {
  plain.close();
  compressing.close();
}
rmSync(folder, { recursive: true });
console.log(["", ...problems, problems.length === 0 ? "all passed" : `${problems.length} failed`].join("\n"));
process.exitCode = problems.length === 0 ? 0 : 1;
