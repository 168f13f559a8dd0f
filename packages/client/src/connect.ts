/** Makes a client for a server's address, by either of its two APIs. */
import { invalidArgument } from "@servable/formats";
import type { Client } from "./client.js";
import { GrpcTransport } from "./grpc/grpc-transport.js";
import { RestTransport } from "./rest/rest-transport.js";
import type { TlsOptions } from "./tls-options.js";
import { type CallDefaults, TransportClient } from "./transport-client.js";

interface CommonOptions extends CallDefaults {
  /** Sent with every call, as gRPC metadata or HTTP headers: credentials for a proxy, for example. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface GrpcOptions extends CommonOptions {
  /** `host:port` of the gRPC API, or `unix:/path` of a socket. */
  readonly grpc: string;
  /** true trusts Node.js's certificate authorities. Default: no encryption. */
  readonly tls?: boolean | TlsOptions | undefined;
}

export interface RestOptions extends CommonOptions {
  /** URL of the REST API, such as http://localhost:8501; encrypted when it begins with https. */
  readonly rest: string;
  readonly tls?: TlsOptions | undefined;
}

export type ConnectOptions = GrpcOptions | RestOptions;

/**
 * A client of TensorFlow Serving or Servable. Connections are opened when they are needed and opened again when they
 * break; an address that nobody listens at shows in the first call, as UNAVAILABLE.
 *
 *     const client = connect({ grpc: "localhost:8500" });
 *     const { outputs } = await client.predict({ model: "half_plus_two", inputs: { x: [1, 2, 5] } });
 *     toNested(outputs.get("y")); // [2.5, 3, 4.5]
 *     client.close();
 */
export function connect(options: ConnectOptions): Client {
  const headers = options.headers ?? {};
  if ("grpc" in options) {
    const tls = options.tls === true ? {} : options.tls || undefined;
    return new TransportClient(new GrpcTransport({ target: options.grpc, tls, headers }), options);
  }
  if ("rest" in options) {
    return new TransportClient(new RestTransport({ url: options.rest, tls: options.tls, headers }), options);
  }
  throw invalidArgument('connect needs an address: { grpc: "host:8500" } or { rest: "http://host:8501" }');
}
