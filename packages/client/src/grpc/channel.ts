/**
 * One gRPC channel and unary calls on it: protobuf-es messages over @grpc/grpc-js, gRPC's errors as StatusError.
 */
import {
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type ChannelCredentials,
  type ChannelOptions,
  credentials,
  Client as GrpcClient,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { Code, codeName, StatusError } from "@servable/formats";
import { type CallContext, cancelled, throwIfOver } from "../call-context.js";
import type { TlsOptions } from "../tls-options.js";

export interface ChannelSettings {
  /** host:port, or any other name that gRPC resolves, such as unix:/run/servable.sock. */
  readonly target: string;
  readonly tls: TlsOptions | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export class Channel {
  readonly #client: GrpcClient;
  readonly #metadata = new Metadata();

  constructor({ target, tls, headers }: ChannelSettings) {
    this.#client = new GrpcClient(target, channelCredentials(tls), channelOptions(tls));
    for (const [name, value] of Object.entries(headers)) this.#metadata.set(name, value);
  }

  /** Calls a unary method. Rejects with the server's status, CANCELLED, DEADLINE_EXCEEDED or UNAVAILABLE. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    context: CallContext,
  ): Promise<MessageShape<O>> {
    throwIfOver(context);
    const { signal } = context;
    return new Promise((resolve, reject) => {
      const settle = (error: ServiceError | null, response?: MessageShape<O>) => {
        signal?.removeEventListener("abort", abort);
        if (signal?.aborted) reject(cancelled(signal));
        else if (error !== null) reject(statusOf(error));
        else resolve(response as MessageShape<O>);
      };
      const call = this.#client.makeUnaryRequest(
        `/${method.parent.typeName}/${method.name}`,
        (message: MessageShape<I>) => asBuffer(toBinary(method.input, message)),
        (bytes) => fromBinary(method.output, plainBytes(bytes)),
        request,
        this.#metadata.clone(),
        { deadline: context.deadline },
        settle,
      );
      const abort = () => call.cancel();
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  close(): void {
    this.#client.close();
  }
}

function channelCredentials(tls: TlsOptions | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(bufferOf(tls.ca), bufferOf(tls.key), bufferOf(tls.cert), {
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  });
}

function channelOptions(tls: TlsOptions | undefined): ChannelOptions {
  return {
    // Tensors have no natural size limit; TensorFlow's own clients lift gRPC's 4 MiB as well.
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    // Retries only by the caller's policy, never by one that DNS hands out.
    "grpc.service_config_disable_resolution": 1,
    ...(tls?.serverName === undefined
      ? {}
      : { "grpc.ssl_target_name_override": tls.serverName, "grpc.default_authority": tls.serverName }),
  };
}

const bufferOf = (pem: string | Uint8Array | undefined): Buffer | null =>
  pem === undefined ? null : Buffer.from(pem as Uint8Array);

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Not a Buffer: fields of type bytes become views of the same class, and callers are promised a Uint8Array. */
const plainBytes = (buffer: Buffer): Uint8Array =>
  new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);

function statusOf(error: ServiceError): StatusError {
  return new StatusError(Code[codeName(error.code)], error.details || error.message, { cause: error });
}
