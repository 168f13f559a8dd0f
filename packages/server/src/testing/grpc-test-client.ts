/** A gRPC client that knows the wire and nothing of the server's code: generated messages in, generated messages out. */

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type ChannelCredentials, Client, credentials, Metadata } from "@grpc/grpc-js";

/** What a failed call throws: a gRPC status. */
export interface CallFailure extends Error {
  readonly code: number;
  readonly details: string;
}

export class GrpcTestClient {
  readonly #client: Client;

  constructor(address: string, channel: ChannelCredentials = credentials.createInsecure()) {
    this.#client = new Client(address, channel, {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
    });
  }

  /** @param method such as "tensorflow.serving.PredictionService/Predict" */
  async call<In extends DescMessage, Out extends DescMessage>(
    method: string,
    request: In,
    response: Out,
    message: MessageInitShape<In>,
    deadlineMs = 60_000,
  ): Promise<MessageShape<Out>> {
    const bytes = toBinary(request, create(request, message));
    return fromBinary(response, await this.callBytes(method, bytes, deadlineMs));
  }

  callBytes(method: string, request: Uint8Array, deadlineMs = 60_000): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        `/${method}`,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer) => new Uint8Array(bytes),
        request,
        new Metadata(),
        { deadline: Date.now() + deadlineMs },
        (error, value) => (error === null ? resolve(value as Uint8Array) : reject(error)),
      );
    });
  }

  /** A call with a stream of answers, which are collected until it is cancelled. */
  watchBytes(method: string, request: Uint8Array): { messages: Uint8Array[]; cancel: () => void } {
    const messages: Uint8Array[] = [];
    const call = this.#client.makeServerStreamRequest(
      `/${method}`,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => new Uint8Array(bytes),
      request,
    );
    call.on("data", (message: Uint8Array) => messages.push(message));
    call.on("error", () => {});
    return { messages, cancel: () => call.cancel() };
  }

  close(): void {
    this.#client.close();
  }
}
