/** An HTTP server on a real socket that gives fixed answers: one exchange a row, as TensorFlow Serving's REST API has them. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { FakeServer } from "./fake-grpc-server.js";

export interface FakeRequest {
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

export interface FakeAnswer {
  readonly status?: number;
  readonly body: string;
}

/** By "METHOD /path". Without a row, the answer is TensorFlow Serving's for a malformed request. */
export type FakeExchanges = Readonly<
  Record<string, (request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>>
>;

export async function startFakeRestServer(exchanges: FakeExchanges): Promise<FakeServer> {
  const server = createServer(async (request, response) => {
    const exchange = exchanges[`${request.method} ${request.url}`];
    const asked = { body: await textOf(request), headers: request.headers };
    const { status = 200, body } = (await exchange?.(asked)) ?? {
      status: 400,
      body: `{ "error": "Malformed request: ${request.method} ${request.url}" }`,
    };
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
