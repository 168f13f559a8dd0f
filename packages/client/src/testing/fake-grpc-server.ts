/**
 * A gRPC server on a real socket whose answers a test writes as protobuf messages: PredictionService and ModelService
 * over @grpc/grpc-js and the generated code, independent of the client's own mapping.
 */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { StatusError } from "@servable/formats";
import { ModelService } from "@servable/formats/protobuf/tensorflow_serving/apis/model_service_pb";
import { PredictionService } from "@servable/formats/protobuf/tensorflow_serving/apis/prediction_service_pb";

const methods = { ...PredictionService.method, ...ModelService.method };
type Methods = typeof methods;

/** What a test answers a method with; throwing a StatusError makes it the call's status. */
export type FakeHandlers = {
  [Name in keyof Methods]?: (
    request: MessageShape<Methods[Name]["input"]>,
    call: {
      readonly metadata: Metadata;
      readonly deadline: Date | number;
      onCancel(listener: () => void): void;
    },
  ) => Promise<MessageInitShape<Methods[Name]["output"]>> | MessageInitShape<Methods[Name]["output"]>;
};

export interface FakeServer {
  readonly port: number;
  close(): void;
}

export async function startFakeGrpcServer(
  handlers: FakeHandlers,
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
): Promise<FakeServer> {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  for (const service of [PredictionService, ModelService]) {
    const own = service.methods.filter((method) => Object.hasOwn(handlers, method.localName));
    if (own.length === 0) continue;
    server.addService(
      Object.fromEntries(own.map((method) => [method.name, definitionOf(method as DescMethodUnary)])),
      Object.fromEntries(
        own.map((method) => [
          method.name,
          unary(method as DescMethodUnary, handlers[method.localName as keyof Methods] as Handler),
        ]),
      ),
    );
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return { port, close: () => server.forceShutdown() };
}

type Handler = (request: MessageShape<DescMessage>, call: object) => unknown;

function definitionOf(method: DescMethodUnary) {
  const asBuffer = (schema: DescMessage) => (message: MessageShape<DescMessage>) =>
    Buffer.from(toBinary(schema, message));
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: asBuffer(method.input),
    requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
    responseSerialize: asBuffer(method.output),
    responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}

function unary(method: DescMethodUnary, handler: Handler) {
  return async (
    call: ServerUnaryCall<MessageShape<DescMessage>, MessageShape<DescMessage>>,
    callback: sendUnaryData<MessageShape<DescMessage>>,
  ) => {
    try {
      const onCancel = (listener: () => void) => call.on("cancelled", listener);
      const context = { metadata: call.metadata, deadline: call.getDeadline(), onCancel };
      callback(
        null,
        create(method.output, (await handler(call.request, context)) as Record<string, unknown>),
      );
    } catch (reason) {
      const { code, message } = StatusError.from(reason);
      callback({ code, details: message });
    }
  };
}
