/** gRPC as its clients see it, by the client of @grpc/grpc-js: the same expectations for both transports. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, Metadata, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import { Code, invalidArgument, StatusError } from "@servable/formats";
import { selfSignedCertificate } from "../../testing/self-signed-certificate.js";
import { startGrpcJs } from "../grpc-js-transport.js";
import type { BidiStreamHandler, Method, RunningTransport, TransportOptions } from "../transport.js";
import { startLean } from "./lean-transport.js";

const MAX_REQUEST_BYTES = 4_000_000;

/** Aborted calls, by what aborted them. */
const aborted: string[] = [];

const methods: readonly Method[] = [
  { kind: "unary", path: "/test/Echo", handler: async (request) => request.slice() },
  {
    kind: "unary",
    path: "/test/Fail",
    handler: () => Promise.reject(invalidArgument(" wrong: 100 % «ü»\nline two: ")),
  },
  {
    kind: "unary",
    path: "/test/Wait",
    handler: (_, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          aborted.push(StatusError.from(signal.reason).codeName);
          reject(signal.reason);
        });
      }),
  },
  { kind: "unary", path: "/test/Sleep", handler: (request) => sleep(300, request.slice()) },
  {
    kind: "server-stream",
    path: "/test/Count",
    async *handler(request) {
      for (let i = 0; i < 100; i++) yield new Uint8Array(request[0] === 0 ? 100_000 : 1).fill(i);
    },
  },
  {
    kind: "server-stream",
    path: "/test/FailLate",
    async *handler() {
      yield Uint8Array.of(1);
      throw invalidArgument("too late");
    },
  },
  {
    kind: "bidi-stream",
    path: "/test/EchoEach",
    async *handler(requests) {
      for await (const request of requests) yield request.slice();
    },
  },
  {
    kind: "bidi-stream",
    path: "/test/FailAtThird",
    async *handler(requests) {
      let count = 0;
      for await (const request of requests) {
        if (++count === 3) throw invalidArgument("three are too many");
        yield request.slice();
      }
    },
  },
  {
    kind: "bidi-stream",
    path: "/test/NeverRead",
    async *handler(_, { signal }) {
      await new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined)));
      yield Uint8Array.of(0);
    },
  },
];

/** Sends back what the caller asks for, as metadata of the method's own; echoes messages that are not empty. */
const echoMetadata: BidiStreamHandler = async function* (requests, context) {
  context.addInitialMetadata("x-initial", context.header("x-initial") ?? "");
  for await (const request of requests) {
    if (request.length > 0) yield request.slice();
  }
  context.addTrailingMetadata("x-trailing-bin", context.header("x-trailing-bin") ?? "");
  if (context.header("x-fail") !== undefined) throw invalidArgument("as asked");
};
const metadataMethods: readonly Method[] = [
  {
    kind: "unary",
    path: "/test/Metadata",
    async handler(request, context) {
      context.addInitialMetadata("x-initial", context.header("x-initial") ?? "");
      context.addTrailingMetadata("x-trailing-bin", context.header("x-trailing-bin") ?? "");
      if (context.header("x-fail") !== undefined) throw invalidArgument("as asked");
      return request.slice();
    },
  },
  { kind: "bidi-stream", path: "/test/MetadataEach", handler: echoMetadata },
  {
    kind: "bidi-stream",
    path: "/test/MetadataTooLate",
    async *handler(_, context) {
      yield Uint8Array.of(1);
      context.addInitialMetadata("x-initial", "too late");
    },
  },
];

function options(addresses: readonly string[], more: Partial<TransportOptions> = {}): TransportOptions {
  return { addresses, maxRequestBytes: MAX_REQUEST_BYTES, channelArguments: new Map(), ...more };
}

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes);

function clientOf(address: string, channel = credentials.createInsecure(), more = {}): Client {
  return new Client(address, channel, { "grpc.max_receive_message_length": -1, ...more });
}

function call(client: Client, path: string, request: Uint8Array, timeoutMs = 30_000): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      asBuffer,
      (bytes: Buffer) => bytes,
      request,
      new Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error, value) => (error === null ? resolve(value as Buffer) : reject(error)),
    );
  });
}

async function collect(client: Client, path: string, request: Uint8Array): Promise<Buffer[]> {
  const received: Buffer[] = [];
  const stream = client.makeServerStreamRequest(path, asBuffer, (bytes: Buffer) => bytes, request);
  for await (const message of stream) received.push(message as Buffer);
  return received;
}

for (const [name, start] of [
  ["lean", startLean],
  ["grpc-js", startGrpcJs],
] as const) {
  describe(`the ${name} transport`, () => {
    let transport: RunningTransport;
    let client: Client;
    before(async () => {
      transport = await start([...methods, ...metadataMethods], options(["127.0.0.1:0"]));
      client = clientOf(`127.0.0.1:${transport.ports[0]}`);
    });
    after(() => {
      client.close();
      transport.close();
    });

    for (const size of [0, 1, 16_379, 16_380, 100_000, 3_999_999]) {
      it(`answers a message of ${size} bytes`, async () => {
        const request = randomBytes(size);
        assert.deepEqual(await call(client, "/test/Echo", request), request);
      });
    }

    it("answers many calls at once, each with its own", async () => {
      const requests = Array.from({ length: 300 }, (_, i) => randomBytes(i * 97));
      const answers = await Promise.all(requests.map((request) => call(client, "/test/Echo", request)));
      assert.deepEqual(answers, requests);
    });

    const failures: readonly { about: string; path: string; code: number; details: RegExp }[] = [
      {
        about: "a failure with any text",
        path: "/test/Fail",
        code: Code.INVALID_ARGUMENT,
        details: /^ wrong: 100 % «ü»\nline two: $/,
      },
      {
        about: "a method that is not there",
        path: "/test/None",
        code: Code.UNIMPLEMENTED,
        details: /does not implement the method \/test\/None/,
      },
    ];
    for (const { about, path, code, details } of failures) {
      it(`tells of ${about}`, () => assert.rejects(call(client, path, Uint8Array.of(1)), { code, details }));
    }

    it("refuses messages beyond the limit", async () => {
      await assert.rejects(call(client, "/test/Echo", Buffer.alloc(MAX_REQUEST_BYTES + 1)), {
        code: Code.RESOURCE_EXHAUSTED,
      });
    });

    it("ends calls at their deadline", async () => {
      aborted.length = 0;
      await assert.rejects(call(client, "/test/Wait", Buffer.alloc(1), 100), {
        code: Code.DEADLINE_EXCEEDED,
      });
      await sleep(200);
      assert.equal(aborted.length, 1);
      assert.match(aborted[0] ?? "", /DEADLINE_EXCEEDED|CANCELLED/);
    });

    it("tells the handler of a cancelled call", async () => {
      aborted.length = 0;
      await new Promise<ServiceError | null>((resolve) => {
        const one = client.makeUnaryRequest("/test/Wait", asBuffer, asBuffer, Buffer.alloc(1), resolve);
        setTimeout(() => one.cancel(), 100);
      });
      await sleep(100);
      assert.deepEqual(aborted, ["CANCELLED"]);
    });

    it("streams messages, small ones and more than any window holds", async () => {
      for (const kind of [0, 1]) {
        const received = await collect(client, "/test/Count", Uint8Array.of(kind));
        assert.deepEqual(
          received.map((message) => message[0]),
          Array.from({ length: 100 }, (_, i) => i),
        );
      }
    });

    it("ends a stream with a failure behind its messages", async () => {
      await assert.rejects(collect(client, "/test/FailLate", Uint8Array.of(1)), {
        code: Code.INVALID_ARGUMENT,
        details: "too late",
      });
    });

    const echoEach = (path: string, channel = client) =>
      channel.makeBidiStreamRequest(path, asBuffer, (bytes: Buffer) => bytes, {
        deadline: Date.now() + 30_000,
      });

    it("answers each message of a stream before the next is sent", async () => {
      const duplex = echoEach("/test/EchoEach");
      const answers = duplex[Symbol.asyncIterator]();
      for (const size of [0, 1, 5, 16_379, 3_000_000, 10]) {
        const request = randomBytes(size);
        duplex.write(request);
        assert.deepEqual((await answers.next()).value, request);
      }
      duplex.end();
      assert.equal((await answers.next()).done, true);
    });

    it("takes many messages at once, more than any window holds", async () => {
      const duplex = echoEach("/test/EchoEach");
      const requests = Array.from({ length: 300 }, (_, i) => randomBytes(i * 200));
      for (const request of requests) duplex.write(request);
      duplex.end();
      assert.deepEqual(await duplex.toArray(), requests);
    });

    it("ends a stream of requests with a failure", async () => {
      const duplex = echoEach("/test/FailAtThird");
      for (const byte of [1, 2, 3, 4]) duplex.write(Buffer.of(byte));
      await assert.rejects(duplex.toArray(), {
        code: Code.INVALID_ARGUMENT,
        details: "three are too many",
      });
    });

    it("refuses messages of a stream beyond the limit", async () => {
      const duplex = echoEach("/test/EchoEach");
      duplex.write(Buffer.alloc(MAX_REQUEST_BYTES + 1));
      await assert.rejects(duplex.toArray(), { code: Code.RESOURCE_EXHAUSTED });
    });

    it("holds back a client whose requests are not read", async () => {
      const duplex = echoEach("/test/NeverRead");
      duplex.on("error", () => {});
      let written = 0;
      const write = () => duplex.write(Buffer.alloc(65_536), () => written++);
      for (let i = 0; i < 200; i++) write();
      await sleep(300);
      assert.ok(written < 100, `${written} of 200 messages were taken`);
      duplex.cancel();
    });

    for (const [algorithm, title] of [
      [1, "deflate"],
      [2, "gzip"],
    ] as const) {
      it(`reads messages compressed by ${title}`, async () => {
        const compressing = clientOf(`127.0.0.1:${transport.ports[0]}`, undefined, {
          "grpc.default_compression_algorithm": algorithm,
        });
        const request = Buffer.alloc(50_000, "servable ");
        assert.deepEqual(await call(compressing, "/test/Echo", request), request);
        compressing.close();
      });
    }

    for (const algorithm of [1, 2]) {
      it(`compresses answers by algorithm ${algorithm} where the client accepts it`, async () => {
        const channelArguments = new Map([["grpc.default_compression_algorithm", algorithm]]);
        const compressing = await start(methods, options(["127.0.0.1:0"], { channelArguments }));
        const own = clientOf(`127.0.0.1:${compressing.ports[0]}`);
        for (const request of [Buffer.alloc(50_000, "servable "), Buffer.of(1)]) {
          assert.deepEqual(await call(own, "/test/Echo", request), request);
        }
        assert.equal((await collect(own, "/test/Count", Uint8Array.of(0))).length, 100);
        own.close();
        compressing.close();
      });
    }

    /** What a call of one message came back with. */
    async function metadataOf(path: string, request: Uint8Array, sent: Metadata) {
      const duplex = client.makeBidiStreamRequest(path, asBuffer, (bytes: Buffer) => bytes, sent);
      const initial = new Promise<Metadata>((resolve) => duplex.once("metadata", resolve));
      const status = new Promise<StatusObject>((resolve) => duplex.once("status", resolve));
      duplex.end(request);
      const messages = await duplex.toArray().catch(() => []);
      return { messages, initial: (await initial).getMap(), status: await status };
    }

    for (const [path, size] of [
      ["/test/Metadata", 10],
      ["/test/Metadata", 100_000],
      ["/test/MetadataEach", 10],
      ["/test/MetadataEach", 0],
    ] as const) {
      for (const fails of [false, true]) {
        it(`sends metadata of a method's own: ${path}, ${size} bytes, ${fails ? "failed" : "OK"}`, async () => {
          const bytes = Buffer.of(0xab, 0, 0xff, 0xfe);
          const sent = new Metadata();
          sent.set("x-initial", "value: 1, 2");
          sent.set("x-trailing-bin", bytes);
          if (fails) sent.set("x-fail", "1");
          const request = randomBytes(size);
          const { messages, initial, status } = await metadataOf(path, request, sent);
          assert.equal(initial["x-initial"], "value: 1, 2");
          assert.deepEqual(status.metadata.get("x-trailing-bin"), [bytes]);
          assert.equal(status.code, fails ? Code.INVALID_ARGUMENT : Code.OK);
          if (!fails) assert.deepEqual(messages, size === 0 ? [] : [request]);
        });
      }
    }

    it("fails a call whose initial metadata comes behind the first message", async () => {
      const { status } = await metadataOf("/test/MetadataTooLate", Buffer.of(1), new Metadata());
      assert.equal(status.code, Code.INTERNAL);
      assert.match(status.details, /"x-initial" comes behind the first message/);
    });

    it("finishes calls under way when it is drained, and takes no new ones", async () => {
      const draining = await start(methods, options(["127.0.0.1:0"]));
      const own = clientOf(`127.0.0.1:${draining.ports[0]}`);
      const request = randomBytes(10);
      await call(own, "/test/Echo", request);
      const underWay = call(own, "/test/Sleep", request);
      await sleep(100);
      const drained = draining.drain();
      assert.deepEqual(await underWay, request);
      await drained;
      await assert.rejects(call(own, "/test/Echo", request, 1000));
      own.close();
    });

    it("says what it can't listen at", async () => {
      const address = `127.0.0.1:${transport.ports[0]}`;
      await assert.rejects(start(methods, options([address])), {
        code: Code.UNAVAILABLE,
        message: new RegExp(`^Cannot listen at ${address}: `),
      });
    });

    it("speaks TLS, and HTTP/2 over unix sockets", async () => {
      const folder = await mkdtemp(join(tmpdir(), "transport-"));
      const { key, certificate } = selfSignedCertificate();
      const tls = { key, certificate, requireClientCertificate: false };
      const secure = await start(methods, options(["127.0.0.1:0"], { tls }));
      const plain = await start(methods, options([`unix:${folder}/socket`]));
      assert.deepEqual(plain.ports, [0]);
      const request = randomBytes(100_000);
      const clients = [
        clientOf(`localhost:${secure.ports[0]}`, credentials.createSsl(Buffer.from(certificate))),
        clientOf(`unix:${folder}/socket`),
      ];
      for (const each of clients) {
        assert.deepEqual(await call(each, "/test/Echo", request), request);
        each.close();
      }
      secure.close();
      plain.close();
      await rm(folder, { recursive: true });
    });
  });
}
