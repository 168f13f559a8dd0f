/**
 * Runs h2spec, the test suite for HTTP/2 servers (https://github.com/summerwind/h2spec), against a server of ours:
 *
 *     npm run build
 *     go install github.com/summerwind/h2spec/cmd/h2spec@latest
 *     node conformance/h2spec.mjs [path of h2spec]
 *
 * h2spec asks with GET, which a gRPC server answers by HTTP status 405 without a body, and before a second request is
 * there. So three of its tests find nothing to look at, and are expected to fail; the exit status is 1 when others do.
 */
import { spawn } from "node:child_process";
import { startLean } from "../packages/server/dist/grpc/http2/lean-transport.js";

/** They wait for DATA, or for more streams at a time than the server allows. */
const EXPECTED_FAILURES = [
  "Sends a WINDOW_UPDATE frame on half-closed (remote) stream",
  "Sends a PRIORITY frame on half-closed (remote) stream",
  "Sends HEADERS frames that causes their advertised concurrent stream limit to be exceeded",
];

const [program = "h2spec"] = process.argv.slice(2);
const transport = await startLean([], {
  addresses: ["127.0.0.1:0"],
  maxRequestBytes: 1 << 20,
  channelArguments: new Map(),
});
const h2spec = spawn(program, ["--host", "127.0.0.1", "--port", `${transport.ports[0]}`]);
let report = "";
h2spec.stdout.on("data", (text) => {
  report += text;
});
h2spec.on("error", ({ message }) => {
  console.error(`${program}: ${message}`);
  process.exitCode = 1;
  transport.close();
});
h2spec.on("close", () => {
  console.log(report);
  const failures = new Set([...report.matchAll(/× (?:\d+: )?(.*)/g)].map(([, title = ""]) => title.trim()));
  const unexpected = [...failures].filter((title) => !EXPECTED_FAILURES.includes(title));
  if (unexpected.length > 0 || !report.includes("tests,")) process.exitCode = 1;
  console.log(`unexpected failures: ${unexpected.join("; ") || "none"}`);
  transport.close();
});
