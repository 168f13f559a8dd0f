import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { receiveInto } from "./received-bytes.js";

/** What a server has received over one connection, copied as it came. */
interface Received {
  readonly pieces: Buffer[];
  readonly lent: boolean[];
  readonly memory: Set<ArrayBufferLike>;
  readonly socket: Socket;
}

describe("What sockets receive", () => {
  const connections: Received[] = [];
  const server = createServer((accepted) => {
    const pieces: Buffer[] = [];
    const lent: boolean[] = [];
    const memory = new Set<ArrayBufferLike>();
    const socket = receiveInto(accepted, (bytes, isLent) => {
      pieces.push(Buffer.from(bytes));
      lent.push(isLent);
      memory.add(bytes.buffer);
    });
    connections.push({ pieces, lent, memory, socket });
    socket.on("end", () => socket.end("all here"));
  });

  before(() => once(server.listen(0, "127.0.0.1"), "listening"));
  after(() => server.close());

  it("is each connection's own, though all is read into the same memory", {
    skip: process.platform === "win32" ? "each socket has its own memory on Windows" : false,
  }, async () => {
    const { port } = server.address() as AddressInfo;
    const bodies = [1, 2, 3].map((value) => Buffer.alloc(3_000_000, value));
    const answers = await Promise.all(
      bodies.map(async (body) => {
        const client = connect(port, "127.0.0.1");
        client.end(body);
        const answer: Buffer[] = [];
        for await (const piece of client) answer.push(piece as Buffer);
        return Buffer.concat(answer).toString();
      }),
    );
    assert.deepEqual(answers, ["all here", "all here", "all here"]);
    const received = connections.map(({ pieces }) => Buffer.concat(pieces));
    received.sort((a, b) => (a[0] as number) - (b[0] as number));
    for (const [i, body] of bodies.entries()) assert.ok(received[i]?.equals(body), `connection ${i}`);
    assert.ok(connections.every(({ lent }) => lent.every(Boolean)));
    assert.equal(new Set(connections.flatMap(({ memory }) => [...memory])).size, 1);
  });

  it("comes over a socket that knows where it is from, and closes", async () => {
    connections.length = 0;
    const { port } = server.address() as AddressInfo;
    const client = connect(port, "127.0.0.1");
    await once(client, "connect");
    while (connections.length === 0) await new Promise(setImmediate);
    const [{ socket }] = connections as [Received];
    assert.equal(socket.remotePort, client.localPort);
    const closed = once(socket, "close");
    client.destroy();
    await closed;
  });
});
