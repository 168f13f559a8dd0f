import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import type { Json, JsonObject } from "../keras/config.js";
import { Code } from "../status.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { readTfjsModel } from "./reader.js";

const topology: JsonObject = {
  class_name: "Sequential",
  config: {
    name: "m",
    layers: [
      { class_name: "Dense", config: { name: "y", units: 2, use_bias: true, batch_input_shape: [null, 2] } },
    ],
  },
};

function folderWith(
  modelTopology: Json,
  weights: Json[],
  shards: Readonly<Record<string, Uint8Array>>,
): string {
  const folder = path.join(temporaryFolder(), "model");
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(shards)) writeFileSync(path.join(folder, name), bytes);
  const manifest = [{ paths: Object.keys(shards), weights }];
  writeFileSync(
    path.join(folder, "model.json"),
    JSON.stringify({ modelTopology, weightsManifest: manifest }),
  );
  return path.join(folder, "model.json");
}

const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const kernel = { name: "y/kernel", shape: [2, 2], dtype: "float32" };
const bias = { name: "y/bias", shape: [2], dtype: "float32" };

function weightsOf(file: string): Record<string, number[]> {
  const found = readTfjsModel(file);
  assert.equal(found.kind, "layers");
  if (found.kind !== "layers") return {};
  return Object.fromEntries(
    [...found.model.weights].map(([key, value]) => [key, Array.from(value.data as Float32Array)]),
  );
}

describe("a TensorFlow.js layers model", () => {
  it("has its weights spread over shards", () => {
    const all = bytesOf(Float32Array.of(1, 2, 3, 4, 5, 6));
    const file = folderWith(topology, [kernel, bias], { a: all.subarray(0, 10), b: all.subarray(10) });
    assert.deepEqual(weightsOf(file), {
      "layers/dense/kernel": [1, 2, 3, 4],
      "layers/dense/bias": [5, 6],
    });
  });

  const quantized: readonly (readonly [string, Uint8Array, JsonObject, number[]])[] = [
    ["uint8", Uint8Array.of(0, 1, 2, 255), { dtype: "uint8", scale: 0.5, min: -1 }, [-1, -0.5, 0, 126.5]],
    [
      "uint16",
      bytesOf(Uint16Array.of(0, 1, 2, 65535)),
      { dtype: "uint16", scale: 2, min: 1 },
      [1, 3, 5, 131071],
    ],
    ["float16", bytesOf(Uint16Array.of(0x3c00, 0xc000, 0, 0x3800)), { dtype: "float16" }, [1, -2, 0, 0.5]],
  ];
  for (const [name, bytes, quantization, expected] of quantized) {
    it(`has weights quantized to ${name}`, () => {
      const shard = new Uint8Array([...bytes, ...new Uint8Array(8)]);
      const file = folderWith(topology, [{ ...kernel, quantization }, bias], { a: shard });
      assert.deepEqual(weightsOf(file)["layers/dense/kernel"], expected);
    });
  }

  const wrong: readonly (readonly [string, Json[], Readonly<Record<string, Uint8Array>>, number, RegExp])[] =
    [
      [
        "ends too early",
        [kernel, bias],
        { a: new Uint8Array(20) },
        Code.DATA_LOSS,
        /"y\/bias" needs 8 bytes at 16/,
      ],
      [
        "has too much",
        [kernel, bias],
        { a: new Uint8Array(40) },
        Code.DATA_LOSS,
        /have 40 bytes, the weights 24/,
      ],
      [
        "lacks a weight",
        [kernel],
        { a: new Uint8Array(16) },
        Code.INVALID_ARGUMENT,
        /model has 2 weights, the file 1/,
      ],
      [
        "has a weight of another dtype",
        [{ ...kernel, dtype: "float8" }],
        { a: new Uint8Array(16) },
        Code.UNIMPLEMENTED,
        /"y\/kernel" has the dtype "float8"/,
      ],
    ];
  for (const [what, weights, shards, code, message] of wrong) {
    it(`that ${what} is refused`, () => {
      assert.throws(() => readTfjsModel(folderWith(topology, weights, shards)), { code, message });
    });
  }

  it("reads no shard outside of its folder", () => {
    const file = folderWith(topology, [kernel, bias], { a: new Uint8Array(24) });
    const manifest = [{ paths: ["../a"], weights: [kernel, bias] }];
    writeFileSync(file, JSON.stringify({ modelTopology: topology, weightsManifest: manifest }));
    assert.throws(() => readTfjsModel(file), {
      code: Code.INVALID_ARGUMENT,
      message: /the shard "\.\.\/a" is not in the model's folder/,
    });
  });
});

describe("a TensorFlow.js graph model", () => {
  const type = { type: "DT_FLOAT" };
  const node = (name: string, op: string, input: string[], attr: JsonObject) => ({ name, op, input, attr });
  const graph = {
    node: [
      node("x", "Placeholder", [], {
        dtype: type,
        shape: { shape: { dim: [{ size: "-1" }, { size: "2" }] } },
      }),
      node("w", "Const", [], {
        dtype: type,
        value: { tensor: { dtype: "DT_FLOAT", tensorShape: { dim: [{ size: "2" }, { size: "1" }] } } },
      }),
      node("b", "Const", [], {
        dtype: type,
        value: { tensor: { dtype: "DT_FLOAT", tensorShape: { dim: [{ size: "1" }] } } },
      }),
      node("y", "_FusedMatMul", ["x", "w", "b"], {
        T: type,
        fused_ops: {
          list: { s: [Buffer.from("BiasAdd").toString("base64"), Buffer.from("Relu").toString("base64")] },
        },
        num_args: { i: "1" },
      }),
    ],
    versions: { producer: 1000 },
  };
  const weights = [
    { name: "w", shape: [2, 1], dtype: "float32" },
    { name: "b", shape: [1], dtype: "float32" },
  ];

  it("has its constants from the shards, and its fused ops taken apart", () => {
    const shard = bytesOf(Float32Array.of(1, 2, 3));
    const found = readTfjsModel(folderWith(graph as unknown as Json, weights, { a: shard }));
    assert.equal(found.kind, "graph");
    if (found.kind !== "graph") return;
    assert.deepEqual(
      found.metaGraph.graphDef?.node.map(({ name, op, input }) => `${name} ${op} ${input.join(",")}`),
      [
        "x Placeholder ",
        "w Const ",
        "b Const ",
        "y/fused_0 MatMul x,w",
        "y/fused_1 BiasAdd y/fused_0,b",
        "y Relu y/fused_1",
      ],
    );
    assert.deepEqual(Object.keys(found.metaGraph.signatureDef.serving_default?.outputs ?? {}), ["y"]);
  });

  it("without the weight of a constant is refused", () => {
    const shard = bytesOf(Float32Array.of(1, 2));
    const file = folderWith(graph as unknown as Json, weights.slice(0, 1), { a: shard });
    assert.throws(() => readTfjsModel(file), {
      code: Code.DATA_LOSS,
      message: /the constant "b" has no weight/,
    });
  });
});
