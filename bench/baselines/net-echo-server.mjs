/**
 * The least that a Node server can do with a payload: node:net, which writes back what it reads, as it reads it. What
 * is left is what the system and Node charge for moving the bytes in and out.
 *
 *     node bench/baselines/net-echo-server.mjs --port=8500
 */
import { createServer } from "node:net";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { port: { type: "string", default: "8500" } } });

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
});
server.listen(Number(values.port), "127.0.0.1");
