import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { ServerCredentials } from "@grpc/grpc-js";
import { Code } from "@servable/formats";
import { type ConnectOptions, connect } from "./connect.js";
import { TEST_HOST, testCertificate, testKey } from "./testing/certificate.js";
import { type FakeServer, startFakeGrpcServer } from "./testing/fake-grpc-server.js";

/** A server that asks for a client certificate as well, and knows one model without versions. */
const transports: Readonly<Record<string, () => Promise<FakeServer & { options: ConnectOptions }>>> = {
  async gRPC() {
    const pair = { private_key: Buffer.from(testKey), cert_chain: Buffer.from(testCertificate) };
    const credentials = ServerCredentials.createSsl(Buffer.from(testCertificate), [pair], true);
    const server = await startFakeGrpcServer({ getModelStatus: () => ({}) }, credentials);
    return { ...server, options: { grpc: `127.0.0.1:${server.port}` } };
  },
  async REST() {
    const tls = { key: testKey, cert: testCertificate, ca: testCertificate, requestCert: true };
    const server = createServer(tls, (_, response) => response.end("{}"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const close = () => {
      server.closeAllConnections();
      server.close();
    };
    return { port, close, options: { rest: `https://127.0.0.1:${port}` } };
  },
};

const own = { ca: testCertificate, cert: testCertificate, key: testKey };

for (const [name, start] of Object.entries(transports)) {
  describe(`an encrypted connection over ${name}`, () => {
    const status = async (tls: ConnectOptions["tls"]) => {
      const server = await start();
      const client = connect({ ...server.options, tls, deadlineMs: 5_000 } as ConnectOptions);
      try {
        return await client.getModelStatus({ model: "m" });
      } finally {
        client.close();
        server.close();
      }
    };

    it("works with certificates of both sides and the name that the server's bears", async () => {
      assert.deepEqual(await status({ ...own, serverName: TEST_HOST }), []);
    });

    it("is refused when the certificate is another host's", () =>
      assert.rejects(status(own), { code: Code.UNAVAILABLE }));

    it("is refused when nobody trusted has signed the certificate", () =>
      assert.rejects(status({ serverName: TEST_HOST }), { code: Code.UNAVAILABLE }));
  });
}
