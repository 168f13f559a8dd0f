/**
 * A node:http server that collects a body and does nothing with it but count its bytes, or with `?echo` send it back:
 * what Node's HTTP takes by itself.
 *
 *     node bench/baselines/plain-body-server.mjs --port=8501
 */
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { port: { type: "string", default: "8501" } } });

const server = createServer((request, response) => {
  /** @type {Buffer[]} */
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    const answer = request.url?.endsWith("?echo")
      ? body
      : Buffer.from(JSON.stringify({ bytes: body.length }));
    response.writeHead(200, { "Content-Length": answer.length }).end(answer);
  });
});
server.listen(Number(values.port), "127.0.0.1");
