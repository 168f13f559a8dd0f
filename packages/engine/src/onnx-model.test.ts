/** Files in ONNX's own format, written here field by field (onnx/onnx-ml.proto). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { StatusError, tensor } from "@servable/formats";
import {
  ModelProtoSchema,
  TensorProto_DataType,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "@servable/formats/protobuf/onnx/onnx-ml_pb";
import { loadOnnxModel } from "./onnx-model.js";

const folder = mkdtempSync(path.join(tmpdir(), "servable-onnx-model-"));
after(() => rmSync(folder, { recursive: true }));

/** A float32 vector of any length. */
function vector(name: string): ValueInfoProto {
  const dim = [{ value: { case: "dimParam" as const, value: "n" } }];
  const tensorType = { elemType: TensorProto_DataType.FLOAT, shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value: tensorType } } });
}

/** y = -x, with the outputs that are given. */
function negation(name: string, output: readonly ValueInfoProto[]): string {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "negation",
      node: [{ opType: "Neg", input: ["x"], output: ["y"] }],
      input: [vector("x")],
      output: [...output],
    },
  });
  const file = path.join(folder, name);
  writeFileSync(file, toBinary(ModelProtoSchema, model));
  return file;
}

describe("a model in ONNX's own format", () => {
  it("has one signature, of the file's inputs and outputs", () => {
    const model = loadOnnxModel(negation("negation.onnx", [vector("y")]));
    assert.deepEqual([...model.signatures.keys()], ["serving_default"]);
    const { inputs, outputs } = model.signatures.get("serving_default") ?? {};
    assert.deepEqual([...(inputs?.keys() ?? [])], ["x"]);
    assert.deepEqual([...(outputs?.keys() ?? [])], ["y"]);
    const x = tensor("float32", [3], Float32Array.of(1, -2, 0.5));
    const answer = model.run("serving_default", new Map([["x", x]]));
    assert.deepEqual(answer.get("y"), tensor("float32", [3], Float32Array.of(-1, 2, -0.5)));
  });

  it("is refused without outputs, of which nothing could be asked", () => {
    const file = negation("no-outputs.onnx", []);
    assert.throws(
      () => loadOnnxModel(file),
      (error) =>
        error instanceof StatusError &&
        error.codeName === "INVALID_ARGUMENT" &&
        error.message === `${file}: the graph has no outputs`,
    );
  });

  it("is refused when it is something else", () => {
    const file = path.join(folder, "text.onnx");
    writeFileSync(file, "no model");
    assert.throws(
      () => loadOnnxModel(file),
      (error) =>
        error instanceof StatusError &&
        error.codeName === "INVALID_ARGUMENT" &&
        error.message.startsWith(file),
    );
  });
});
