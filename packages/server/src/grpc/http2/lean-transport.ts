/**
 * The gRPC transport on an HTTP/2 server of our own: the transport is most of what a request to a small model costs,
 * and a general HTTP/2 stack does much that a gRPC server never needs. Listens, watches over connections, drains.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { unavailable } from "@servable/formats";
import type { Method, RunningTransport, ServerTls, StartTransport, TransportOptions } from "../transport.js";
import { Connection } from "./connection.js";
import { GrpcCall } from "./grpc-call.js";
import { compressionOf } from "./message.js";
import { receiveInto } from "./received-bytes.js";

export interface LeanLimits {
  /** Calls of one connection under way at the same time. */
  readonly maxCalls: number;
  /** A client that makes no progress for so long is cut off (at the latest after twice as long). */
  readonly stallMs: number;
  /** Bytes that a compressed message may inflate to. */
  readonly maxInflatedBytes: number;
}

const defaultLimits: LeanLimits = { maxCalls: 1000, stallMs: 30_000, maxInflatedBytes: 2 ** 29 };
/** How often ages and standstills are looked at. */
const TICK_MS = 1000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** gRPC's defaults for servers. */
const KEEP_ALIVE_TIME_MS = 2 * 3_600_000;
const KEEP_ALIVE_TIMEOUT_MS = 20_000;
/** A client that does not answer the ping of a drain has had this long to hear of it. */
const DRAIN_NOTICE_MS = 1000;

export function startLeanWith(
  limits: Partial<LeanLimits>,
  methods: readonly Method[],
  options: TransportOptions,
): Promise<RunningTransport> {
  return new LeanTransport(methods, options, { ...defaultLimits, ...limits }).start();
}

export const startLean: StartTransport = (methods, options) => startLeanWith({}, methods, options);

class LeanTransport {
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #connections = new Set<Connection>();
  readonly #servers: Server[] = [];
  readonly #limits: LeanLimits;
  #ticks: NodeJS.Timeout | undefined;
  /** Called when the last connection is closed. */
  #onIdle = () => {};

  constructor(
    methods: readonly Method[],
    private readonly options: TransportOptions,
    limits: LeanLimits,
  ) {
    this.#methods = new Map(methods.map((method) => [method.path, method]));
    this.#limits = { ...limits, maxCalls: this.#argument("grpc.max_concurrent_streams") ?? limits.maxCalls };
  }

  async start(): Promise<RunningTransport> {
    const ports: number[] = [];
    try {
      for (const address of this.options.addresses) ports.push(await this.#listen(address));
    } catch (reason) {
      this.#close();
      throw reason;
    }
    const tickMs = Math.min(TICK_MS, this.#limits.stallMs);
    const ticksPerCheck = Math.round(this.#limits.stallMs / tickMs);
    let ticks = 0;
    this.#ticks = setInterval(() => this.#tick(++ticks % ticksPerCheck === 0), tickMs).unref();
    return { ports, drain: () => this.#drain(), close: () => this.#close() };
  }

  #listen(address: string): Promise<number> {
    const server = this.#server();
    return new Promise((resolve, reject) => {
      server.once("error", (cause) =>
        reject(unavailable(`Cannot listen at ${address}: ${cause.message}`, { cause })),
      );
      server.listen(listenOptions(address), () => {
        this.#servers.push(server);
        const bound = server.address();
        resolve(bound !== null && typeof bound === "object" ? bound.port : 0);
      });
    });
  }

  #server(): Server {
    const { tls } = this.options;
    if (tls === undefined) return createServer((socket) => this.#accept(socket));
    const server = createTlsServer(tlsOptions(tls), (socket: TLSSocket) => {
      if (socket.alpnProtocol === "h2") this.#accept(socket);
      else socket.destroy();
    });
    // A failed handshake is the client's affair.
    return server.on("tlsClientError", (_, socket) => socket.destroy());
  }

  #accept(accepted: Socket): void {
    const { maxRequestBytes } = this.options;
    const { maxCalls, maxInflatedBytes } = this.#limits;
    const compression = compressionOf(this.#argument("grpc.default_compression_algorithm"));
    const callLimits = {
      maxRequestBytes,
      maxInflatedBytes: Math.min(maxInflatedBytes, maxRequestBytes),
      ...(compression === undefined ? {} : { compression }),
    };
    const socket = receiveInto(accepted, (bytes, isLent) => connection.receive(bytes, isLent));
    const connection: Connection = new Connection(socket, {
      open: (stream, headers, on) => new GrpcCall(this.#methods, headers, stream, on, callLimits),
      maxCalls,
      onClosed: (closed) => this.#forget(closed),
    });
    this.#connections.add(connection);
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onIdle();
  }

  #tick(isCheck: boolean): void {
    const now = performance.now();
    const maxAgeMs = this.#argument("grpc.max_connection_age_ms") ?? Number.POSITIVE_INFINITY;
    const graceMs = this.#argument("grpc.max_connection_age_grace_ms") ?? Number.POSITIVE_INFINITY;
    const maxIdleMs = this.#argument("grpc.max_connection_idle_ms") ?? Number.POSITIVE_INFINITY;
    const timeMs = this.#argument("grpc.keepalive_time_ms") ?? KEEP_ALIVE_TIME_MS;
    const timeoutMs = this.#argument("grpc.keepalive_timeout_ms") ?? KEEP_ALIVE_TIMEOUT_MS;
    for (const connection of this.#connections) {
      if (isCheck) connection.check();
      connection.keepAlive(now, { timeMs, timeoutMs });
      const ageMs = now - connection.startedMs;
      const isIdleTooLong = connection.isIdle && now - connection.idleSinceMs > maxIdleMs;
      if (ageMs > maxAgeMs + graceMs) connection.destroy();
      else if (ageMs > maxAgeMs || isIdleTooLong) this.#drainConnection(connection);
    }
  }

  #argument(name: string): number | undefined {
    const value = this.options.channelArguments.get(name);
    return typeof value === "number" && value > 0 ? value : undefined;
  }

  #drainConnection(connection: Connection): void {
    connection.drain();
    setTimeout(() => connection.finishDrain(), DRAIN_NOTICE_MS).unref();
  }

  async #drain(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const connection of this.#connections) this.#drainConnection(connection);
    await Promise.all(closed);
    // A server does not count the connections whose sockets are ours.
    if (this.#connections.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    clearInterval(this.#ticks);
  }

  #close(): void {
    clearInterval(this.#ticks);
    for (const server of this.#servers) server.close();
    for (const connection of this.#connections) connection.destroy();
  }
}

function listenOptions(address: string): { path: string } | { host: string; port: number } {
  if (address.startsWith("unix:")) return { path: address.slice("unix:".length) };
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(address.slice(colon + 1)) };
}

function tlsOptions({ key, certificate, clientAuthority, requireClientCertificate }: ServerTls) {
  return {
    key,
    cert: certificate,
    ...(clientAuthority === undefined ? {} : { ca: clientAuthority }),
    requestCert: requireClientCertificate,
    rejectUnauthorized: requireClientCertificate,
    ALPNProtocols: ["h2"],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  };
}
