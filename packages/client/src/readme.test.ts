/** The JavaScript of README.md, run in its order as one program against a server with the model that it talks of. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { notFound, tensorFromProto } from "@servable/formats";
import type { TensorProto } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import { DataType } from "@servable/formats/protobuf/tensorflow/core/framework/types_pb";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import { ModelVersionStatus_State as State } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import { type FakeHandlers, startFakeGrpcServer } from "./testing/fake-grpc-server.js";

const run = promisify(execFile);
const packageFolder = fileURLToPath(new URL("..", import.meta.url));

const spec = { name: "half_plus_two", versionChoice: { case: "version", value: { value: 1n } } } as const;
const floats = {
  dtype: DataType.DT_FLOAT,
  tensorShape: { unknownRank: true },
  encoding: { case: "name", value: "t:0" },
} as const;
const signatureDef = { serving_default: { inputs: { x: floats }, outputs: { y: floats } } };

const halfPlusTwo: FakeHandlers = {
  predict({ modelSpec, inputs }) {
    if (modelSpec?.name !== spec.name) throw notFound("Servable not found");
    const x = inputs.x as TensorProto;
    const values = tensorFromProto(x, "x").data as Float32Array;
    const { dtype, tensorShape } = x;
    const y = {
      dtype,
      floatVal: Array.from(values, (value) => value / 2 + 2),
      ...(tensorShape && { tensorShape }),
    };
    return { modelSpec: spec, outputs: { y } };
  },
  regress: ({ input }) => {
    assert.ok(input?.kind.case === "exampleList");
    const xs = input.kind.value.examples.map(({ features }) => features?.feature.x?.kind.value?.value[0]);
    return { result: { regressions: xs.map((x) => ({ value: Number(x) / 2 + 2 })) } };
  },
  getModelMetadata({ modelSpec }) {
    if (modelSpec?.name !== spec.name) throw notFound("Servable not found");
    const map = create(SignatureDefMapSchema, { signatureDef });
    return { modelSpec: spec, metadata: { signature_def: anyPack(SignatureDefMapSchema, map) } };
  },
  getModelStatus: () => ({ modelVersionStatus: [{ version: 1n, state: State.AVAILABLE }] }),
};

it("README.md does what it says", async () => {
  const server = await startFakeGrpcServer(halfPlusTwo);
  const text = readFileSync(`${packageFolder}README.md`, "utf8");
  const program = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code).join("\n");
  const promised = [...program.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, output]) => output);
  const code = program.replaceAll("localhost:8500", `127.0.0.1:${server.port}`);
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: packageFolder });
  server.close();
  assert.ok(promised.length >= 5);
  assert.deepEqual(stdout.trim().split("\n"), promised);
});
