/** Server reflection as a client sees it: what it learns must describe the services for it to call them. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { create, createFileRegistry, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials } from "@grpc/grpc-js";
import {
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "@servable/formats/protobuf/grpc/reflection/v1/reflection_pb";
import { modelAt, startTestServer, type TestServer } from "../testing/test-server.js";

type Question = MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"];

for (const version of ["v1", "v1alpha"]) {
  describe(`server reflection ${version}`, () => {
    let folder: string;
    let server: TestServer;
    let client: Client;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "reflection-"));
      server = await startTestServer([modelAt("m", folder)]);
      client = new Client(`127.0.0.1:${server.server.grpcPorts[0]}`, credentials.createInsecure());
    });
    after(async () => {
      client.close();
      await server.stop();
      await rm(folder, { recursive: true });
    });

    /** Asks on one stream, each question after the answer to the one before. */
    function ask(
      ...questions: NonNullable<Question>[]
    ): Promise<ServerReflectionResponse["messageResponse"][]> {
      return new Promise((resolve, reject) => {
        const answers: ServerReflectionResponse["messageResponse"][] = [];
        const stream = client.makeBidiStreamRequest(
          `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
          (bytes: Uint8Array) => Buffer.from(bytes),
          (bytes: Buffer) => fromBinary(ServerReflectionResponseSchema, bytes),
        );
        const next = () => {
          const messageRequest = questions.shift();
          if (messageRequest === undefined) stream.end();
          else
            stream.write(
              toBinary(
                ServerReflectionRequestSchema,
                create(ServerReflectionRequestSchema, { host: "here", messageRequest }),
              ),
            );
        };
        stream.on("data", (response: ServerReflectionResponse) => {
          assert.equal(response.validHost, "here");
          answers.push(response.messageResponse);
          next();
        });
        stream.on("end", () => resolve(answers));
        stream.on("error", reject);
        next();
      });
    }

    it("lists the services", async () => {
      const [answer] = await ask({ case: "listServices", value: "" });
      assert.ok(answer?.case === "listServicesResponse");
      const names = answer.value.service.map(({ name }) => name);
      for (const name of [
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "tensorflow.serving.SessionService",
        "inference.GRPCInferenceService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
      ]) {
        assert.ok(names.includes(name), `${name} is not among ${names}`);
      }
    });

    it("gives each service's files, all that they need included", async () => {
      const [list] = await ask({ case: "listServices", value: "" });
      assert.ok(list?.case === "listServicesResponse");
      const names = list.value.service.map(({ name }) => name);
      const answers = await ask(...names.map((value) => ({ case: "fileContainingSymbol", value }) as const));
      for (const [i, answer] of answers.entries()) {
        assert.ok(answer?.case === "fileDescriptorResponse", names[i]);
        const file = answer.value.fileDescriptorProto.map((bytes) =>
          fromBinary(FileDescriptorProtoSchema, bytes),
        );
        const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
        const service = registry.getService(names[i] as string);
        assert.ok(service !== undefined && service.methods.length > 0, names[i]);
      }
    });

    it("finds files by their names, and by what is in them", async () => {
      const questions = [
        ["fileByFilename", "tensorflow_serving/apis/predict.proto"],
        ["fileContainingSymbol", "tensorflow.serving.PredictRequest"],
        ["fileContainingSymbol", "tensorflow.serving.PredictRequest.inputs"],
        ["fileContainingSymbol", "tensorflow.serving.PredictionService.Predict"],
        ["fileContainingSymbol", "tensorflow.DataType"],
        ["fileContainingSymbol", "grpc.health.v1.HealthCheckResponse.ServingStatus"],
      ] as const;
      const answers = await ask(...questions.map(([kind, value]) => ({ case: kind, value }) as const));
      const files = answers.map((answer) => {
        assert.ok(answer.case === "fileDescriptorResponse");
        return fromBinary(FileDescriptorProtoSchema, answer.value.fileDescriptorProto[0] as Uint8Array).name;
      });
      assert.deepEqual(files, [
        "tensorflow_serving/apis/predict.proto",
        "tensorflow_serving/apis/predict.proto",
        "tensorflow_serving/apis/predict.proto",
        "tensorflow_serving/apis/prediction_service.proto",
        "tensorflow/core/framework/types.proto",
        "grpc/health/v1/health.proto",
      ]);
    });

    it("says what it does not know, and goes on", async () => {
      const answers = await ask(
        { case: "fileByFilename", value: "none.proto" },
        { case: "fileContainingSymbol", value: "no.such.Symbol" },
        { case: undefined },
        { case: "allExtensionNumbersOfType", value: "tensorflow.serving.PredictRequest" },
      );
      const kinds = answers.map((answer) =>
        answer.case === "errorResponse" ? answer.value.errorCode : answer.case,
      );
      assert.deepEqual(kinds, [5, 5, 12, "allExtensionNumbersResponse"]);
    });
  });
}
