/**
 * Runs h2spec, the test suite for HTTP/2 servers (https://github.com/summerwind/h2spec), against a server of ours, in
 * clear and over TLS:
 *
 *     npm run build
 *     go install github.com/summerwind/h2spec/cmd/h2spec@latest
 *     node conformance/h2spec.mjs [path of h2spec]
 *
 * The exit status is 1 when a test fails.
 */
import { spawn } from "node:child_process";
import { startLean } from "../packages/server/dist/grpc/http2/lean-transport.js";
import { selfSignedCertificate } from "../packages/server/dist/testing/self-signed-certificate.js";

const [program = "h2spec"] = process.argv.slice(2);

/** @param {boolean} isSecure */
async function passes(isSecure) {
  const tls = isSecure ? { tls: { ...selfSignedCertificate(), requireClientCertificate: false } } : {};
  const options = {
    addresses: ["127.0.0.1:0"],
    maxRequestBytes: 1 << 20,
    channelArguments: new Map(),
    ...tls,
  };
  const transport = await startLean([], options);
  const secure = isSecure ? ["--tls", "--insecure"] : [];
  const h2spec = spawn(program, ["--host", "127.0.0.1", "--port", `${transport.ports[0]}`, ...secure]);
  let report = "";
  h2spec.stdout.on("data", (text) => {
    report += text;
  });
  const ended = new Promise((resolve) => {
    h2spec.on("error", ({ message }) => resolve(message));
    h2spec.on("close", () => resolve(undefined));
  });
  const problem = await ended;
  transport.close();
  console.log(`${isSecure ? "over TLS" : "in clear"}:\n${problem ?? report}`);
  return / 0 failed/.test(report);
}

const results = [await passes(false), await passes(true)];
process.exitCode = results.every(Boolean) ? 0 : 1;
