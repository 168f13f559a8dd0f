/**
 * The service of proto/classification.proto for @grpc/grpc-js: its server with any classifier behind, and its client.
 * This is all that a gRPC service of one's own needs: the messages are generated, the engine is a function call.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  Client,
  credentials,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { StatusError, unavailable } from "@servable/formats";
import type { NamedScore } from "./classifier.js";
import {
  type ClassificationRequest,
  ClassificationRequestSchema,
  type ClassificationResponse,
  ClassificationResponseSchema,
  ClassificationService,
} from "./gen/classification_pb.js";

/** Larger requests are refused before they are read. */
export const MAX_INPUT_BYTES = 32 * 2 ** 20;

const classifyMethod: MethodDefinition<ClassificationRequest, ClassificationResponse> = {
  path: `/${ClassificationService.typeName}/${ClassificationService.method.classify.name}`,
  requestStream: false,
  responseStream: false,
  requestSerialize: (request) => Buffer.from(toBinary(ClassificationRequestSchema, request)),
  requestDeserialize: (bytes) => fromBinary(ClassificationRequestSchema, bytes),
  responseSerialize: (response) => Buffer.from(toBinary(ClassificationResponseSchema, response)),
  responseDeserialize: (bytes) => fromBinary(ClassificationResponseSchema, bytes),
};

/** Classifies the bytes of one input; a StatusError's code and message become the answer's. */
export type Classify = (input: Uint8Array) => NamedScore[];

export interface RunningService {
  readonly port: number;
  /** Ends the service when the calls under way are answered. */
  stop(): Promise<void>;
}

/** Serves a classifier on a port, 0 for a free one. UNAVAILABLE when the port can't be had. */
export async function startClassificationService(port: number, classify: Classify): Promise<RunningService> {
  const server = new Server({ "grpc.max_receive_message_length": MAX_INPUT_BYTES + 1024 });
  server.addService(
    { classify: classifyMethod },
    {
      classify: (
        call: ServerUnaryCall<ClassificationRequest, ClassificationResponse>,
        answer: sendUnaryData<ClassificationResponse>,
      ) => {
        try {
          answer(null, create(ClassificationResponseSchema, { classes: classify(call.request.input) }));
        } catch (reason) {
          const { code, message } = StatusError.from(reason);
          answer({ code, details: message });
        }
      },
    },
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`0.0.0.0:${port}`, ServerCredentials.createInsecure(), (error, boundPort) =>
      error === null
        ? resolve(boundPort)
        : reject(unavailable(`Port ${port} can't be used: ${error.message}`)),
    );
  });
  return {
    port: bound,
    stop: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
  };
}

/** A client of the service. */
export class ClassificationClient {
  private readonly client: Client;

  /** @param address host and port; connected when it is first needed */
  constructor(readonly address: string) {
    this.client = new Client(address, credentials.createInsecure());
  }

  /**
   * The classes of one input, the best first.
   * Rejects with the service's StatusError, UNAVAILABLE without connection, DEADLINE_EXCEEDED.
   */
  classify(input: Uint8Array, deadlineMs: number): Promise<NamedScore[]> {
    const { path, requestSerialize, responseDeserialize } = classifyMethod;
    const request = create(ClassificationRequestSchema, { input });
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        { deadline: Date.now() + deadlineMs },
        (error, response) => (error === null ? resolve(response?.classes ?? []) : reject(statusError(error))),
      );
    });
  }

  close(): void {
    this.client.close();
  }
}

function statusError({ code, details }: ServiceError): StatusError {
  return new StatusError(code as StatusError["code"], details);
}
