/** What server reflection answers: from the descriptors that the code was generated from. */
import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, decodeMessage } from "@servable/formats";
import { file_grpc_health_v1_health } from "@servable/formats/protobuf/grpc/health/v1/health_pb";
import {
  file_grpc_reflection_v1_reflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "@servable/formats/protobuf/grpc/reflection/v1/reflection_pb";
import { file_grpc_reflection_v1alpha_reflection } from "@servable/formats/protobuf/grpc/reflection/v1alpha/reflection_pb";
import { file_open_inference_grpc } from "@servable/formats/protobuf/open_inference_grpc_pb";
import { file_tensorflow_serving_apis_model_service } from "@servable/formats/protobuf/tensorflow_serving/apis/model_service_pb";
import { file_tensorflow_serving_apis_prediction_service } from "@servable/formats/protobuf/tensorflow_serving/apis/prediction_service_pb";
import { file_tensorflow_serving_apis_session_service } from "@servable/formats/protobuf/tensorflow_serving/apis/session_service_pb";

/** The files of services that a server may offer, by the services' names. */
const serviceFiles: ReadonlyMap<string, DescFile> = new Map(
  [
    file_tensorflow_serving_apis_prediction_service,
    file_tensorflow_serving_apis_model_service,
    file_tensorflow_serving_apis_session_service,
    file_open_inference_grpc,
    file_grpc_health_v1_health,
    file_grpc_reflection_v1_reflection,
    file_grpc_reflection_v1alpha_reflection,
  ].flatMap((file) => file.services.map((service) => [service.typeName, file] as const)),
);

type Answer = ServerReflectionResponse["messageResponse"];

/** A serialized ServerReflectionResponse to a serialized request. */
export function reflect(bytes: Uint8Array, descriptors: Descriptors): Uint8Array {
  const request = decodeMessage(ServerReflectionRequestSchema, bytes, "ServerReflectionRequest");
  const response = create(ServerReflectionResponseSchema, {
    validHost: request.host,
    originalRequest: request,
    messageResponse: answerTo(request.messageRequest, descriptors),
  });
  return toBinary(ServerReflectionResponseSchema, response);
}

function answerTo(asked: ServerReflectionRequest["messageRequest"], descriptors: Descriptors): Answer {
  switch (asked.case) {
    case "listServices":
      return answer("listServicesResponse", { service: descriptors.services.map((name) => ({ name })) });
    case "fileByFilename":
      return filesAnswer(descriptors.file(asked.value), `file ${asked.value}`);
    case "fileContainingSymbol":
      return filesAnswer(descriptors.fileOf(asked.value), `symbol ${asked.value}`);
    case "allExtensionNumbersOfType":
      // The files have proto3's messages, which can't be extended.
      if (descriptors.fileOf(asked.value) === undefined) return notFoundAnswer(`type ${asked.value}`);
      return answer("allExtensionNumbersResponse", { baseTypeName: asked.value });
    case "fileContainingExtension":
      return notFoundAnswer(`extension ${asked.value.extensionNumber} of ${asked.value.containingType}`);
    default:
      return errorAnswer(Code.UNIMPLEMENTED, "the request asks for nothing that is known");
  }
}

/** One case of a response, whose message is made from its fields. */
function answer(kind: NonNullable<Answer["case"]>, fields: object): Answer {
  return create(ServerReflectionResponseSchema, { messageResponse: { case: kind, value: fields } as never })
    .messageResponse;
}

function errorAnswer(errorCode: Code, errorMessage: string): Answer {
  return answer("errorResponse", { errorCode, errorMessage });
}

const notFoundAnswer = (what: string) => errorAnswer(Code.NOT_FOUND, `${what} not found`);

/** A file and all that it depends on, which spares the client further questions. */
function filesAnswer(file: DescFile | undefined, what: string): Answer {
  if (file === undefined) return notFoundAnswer(what);
  return answer("fileDescriptorResponse", {
    fileDescriptorProto: withDependencies(file).map(({ proto }) =>
      toBinary(FileDescriptorProtoSchema, proto),
    ),
  });
}

/** Each file before those that it depends on. */
function withDependencies(file: DescFile): DescFile[] {
  const done = new Set<DescFile>();
  const visit = (each: DescFile) => {
    if (done.has(each)) return;
    for (const dependency of each.dependencies) visit(dependency);
    done.add(each);
  };
  visit(file);
  return [...done].reverse();
}

/** The descriptors of the services that a server offers, by the names of everything in them. */
export class Descriptors {
  readonly services: readonly string[];
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();

  constructor(offered: readonly string[]) {
    this.services = offered.filter((name) => serviceFiles.has(name));
    for (const name of this.services) this.#add(serviceFiles.get(name) as DescFile);
  }

  /** By a name such as "tensorflow_serving/apis/predict.proto". */
  file(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** By the name of a service, method, message, field, enum or its value. */
  fileOf(symbol: string): DescFile | undefined {
    return this.#symbols.get(symbol) ?? this.#symbols.get(symbol.slice(0, symbol.lastIndexOf(".")));
  }

  #add(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    for (const { typeName } of [...file.services, ...file.enums]) this.#symbols.set(typeName, file);
    const messages = [...file.messages];
    for (const { typeName, nestedMessages, nestedEnums } of messages) {
      this.#symbols.set(typeName, file);
      for (const { typeName: nested } of nestedEnums) this.#symbols.set(nested, file);
      messages.push(...nestedMessages);
    }
    for (const dependency of file.dependencies) this.#add(dependency);
  }
}
