import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, type DType, dtypeInfo, StatusError, type Tensor, tensor } from "@servable/formats";
import { ModelProtoSchema, TensorProto_DataLocation } from "@servable/formats/protobuf/onnx/onnx-ml_pb";
import { type ConstantSource, constantOf } from "../graph/constant.js";
import { OnnxSession } from "../runtime/session.js";
import { writeModel } from "./model-writer.js";
import type { OnnxGraph, OnnxOp } from "./onnx-graph.js";

const op = (type: string, inputs: string[], outputs: string[], attrs: OnnxOp["attrs"] = {}): OnnxOp => ({
  type,
  name: outputs[0] as string,
  inputs,
  outputs,
  attrs,
});

const dataOf = (result: Tensor | undefined): number[] => Array.from(result?.data ?? [], Number);
const floats = (...values: number[]): Tensor => tensor("float32", [values.length], Float32Array.from(values));

function runModel(graph: OnnxGraph, feeds: readonly Tensor[]): Tensor[] {
  const session = OnnxSession.create(graph, { intraOpThreads: 1 });
  try {
    return session.run(feeds);
  } finally {
    session.dispose();
  }
}

/** A graph without inputs whose output is a constant, cast to float32. */
function showConstant(source: ConstantSource): OnnxGraph {
  return {
    name: "show",
    inputs: [],
    outputs: [{ name: "out", dtype: "float32", shape: source.shape }],
    ops: [op("Cast", ["c"], ["out"], { to: { dtype: "float32" } })],
    initializers: new Map([["c", source]]),
  };
}

describe("a written model", () => {
  it("runs in ONNX Runtime with inputs of unknown rank, unknown sizes and constants", () => {
    const graph: OnnxGraph = {
      name: "axpy",
      inputs: [
        { name: "x", dtype: "float32", shape: [-1] },
        { name: "y", dtype: "float32", shape: null },
      ],
      outputs: [{ name: "z", dtype: "float32", shape: null }],
      ops: [op("Mul", ["a", "x"], ["ax"]), op("Add", ["ax", "y"], ["z"])],
      initializers: new Map([["a", constantOf(tensor("float32", [], Float32Array.of(3)))]]),
    };
    const [z] = runModel(graph, [floats(1, 2), floats(10, 20)]);
    assert.deepEqual(dataOf(z), [13, 26]);
    assert.deepEqual(z?.shape, [2]);
  });

  const constants: readonly { dtype: DType; data: number[]; shows: number[] }[] = [
    { dtype: "float32", data: [1.5, -2], shows: [1.5, -2] },
    { dtype: "float64", data: [1.5, -2], shows: [1.5, -2] },
    { dtype: "float16", data: [0x3e00, 0xc000], shows: [1.5, -2] },
    { dtype: "bfloat16", data: [0x3fc0, 0xc000], shows: [1.5, -2] },
    { dtype: "int8", data: [-128, 127], shows: [-128, 127] },
    { dtype: "qint8", data: [-128, 127], shows: [-128, 127] },
    { dtype: "uint8", data: [0, 255], shows: [0, 255] },
    { dtype: "int16", data: [-300, 300], shows: [-300, 300] },
    { dtype: "uint16", data: [0, 65535], shows: [0, 65535] },
    { dtype: "int32", data: [-70000, 70000], shows: [-70000, 70000] },
    { dtype: "qint32", data: [-70000, 70000], shows: [-70000, 70000] },
    { dtype: "uint32", data: [0, 70000], shows: [0, 70000] },
    { dtype: "int64", data: [-5, 5], shows: [-5, 5] },
    { dtype: "uint64", data: [0, 5], shows: [0, 5] },
    { dtype: "bool", data: [0, 1], shows: [0, 1] },
    { dtype: "int4", data: [-8, 7, -1], shows: [-8, 7, -1] },
    { dtype: "uint4", data: [0, 15, 1], shows: [0, 15, 1] },
    { dtype: "float8_e5m2", data: [0x3e, 0xc0], shows: [1.5, -2] },
    { dtype: "float8_e4m3fn", data: [0x3c, 0xc0], shows: [1.5, -2] },
  ];
  for (const { dtype, data, shows } of constants) {
    it(`holds ${dtype} constants`, () => {
      const { array } = dtypeInfo(dtype);
      assert.ok(array !== undefined);
      const memory = new array(new ArrayBuffer(data.length * dtypeInfo(dtype).size));
      data.forEach((value, i) => {
        if (memory instanceof BigInt64Array || memory instanceof BigUint64Array) memory[i] = BigInt(value);
        else memory[i] = value;
      });
      const source = constantOf({ dtype, shape: [data.length], data: memory } as Tensor);
      const [shown] = runModel(showConstant(source), []);
      assert.deepEqual(dataOf(shown), shows);
    });
  }

  it("holds constants without elements", () => {
    const [shown] = runModel(showConstant(constantOf(tensor("float32", [0, 3], new Float32Array()))), []);
    assert.deepEqual(shown?.shape, [0, 3]);
  });

  it("holds graphs in attributes, with their own constants and ONNX Runtime's own operators", () => {
    const branch = (name: string, value: number, type: string): OnnxGraph => ({
      name,
      inputs: [],
      outputs: [{ name: `${name}_out`, dtype: "float32", shape: null }],
      ops: [
        {
          ...op(type, ["x", `${name}_c`], [`${name}_out`]),
          domain: type === "BiasGelu" ? "com.microsoft" : "",
        },
      ],
      initializers: new Map([[`${name}_c`, constantOf(floats(value))]]),
    });
    const graph: OnnxGraph = {
      name: "choice",
      inputs: [
        { name: "which", dtype: "bool", shape: [] },
        { name: "x", dtype: "float32", shape: [1] },
      ],
      outputs: [{ name: "y", dtype: "float32", shape: null }],
      ops: [
        op("If", ["which"], ["y"], {
          then_branch: { graph: branch("yes", 2, "Mul") },
          else_branch: { graph: branch("no", 0, "BiasGelu") },
        }),
      ],
      initializers: new Map(),
    };
    const run = (which: number) => runModel(graph, [tensor("bool", [], Uint8Array.of(which)), floats(10)])[0];
    assert.equal(dataOf(run(1))[0], 20);
    assert.equal(Math.round(dataOf(run(0))[0] ?? 0), 10);
    const { opsetImport } = fromBinary(ModelProtoSchema, writeModel(graph).bytes);
    assert.deepEqual(
      opsetImport.map(({ domain }) => domain),
      ["", "com.microsoft"],
    );
  });

  it("holds attributes of every kind", () => {
    const graph: OnnxGraph = {
      name: "attributes",
      inputs: [],
      outputs: [{ name: "out", dtype: "float32", shape: null }],
      ops: [
        {
          ...op("Anything", [], ["out"]),
          attrs: {
            int: -3,
            ints: [1, -2],
            none: [],
            float: { float: 0.5 },
            floats: { floats: [0.5, 2] },
            string: "SAME_UPPER",
            strings: { strings: ["a", "b"] },
            tensor: { tensor: floats(7) },
            type: { dtype: "bool" },
          },
        },
      ],
      initializers: new Map(),
    };
    const attrs = fromBinary(ModelProtoSchema, writeModel(graph).bytes).graph?.node[0]?.attribute ?? [];
    const byName = new Map(attrs.map((attr) => [attr.name, attr]));
    const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();
    assert.equal(byName.get("int")?.i, -3n);
    assert.deepEqual(byName.get("ints")?.ints, [1n, -2n]);
    assert.deepEqual(byName.get("none")?.ints, []);
    assert.equal(byName.get("float")?.f, 0.5);
    assert.deepEqual(byName.get("floats")?.floats, [0.5, 2]);
    assert.equal(text(byName.get("string")?.s), "SAME_UPPER");
    assert.deepEqual(byName.get("strings")?.strings.map(text), ["a", "b"]);
    assert.deepEqual(byName.get("tensor")?.t?.dims, [1n]);
    assert.equal(byName.get("type")?.i, 9n);
  });

  it("refuses attributes that no 64-bit integer holds", () => {
    for (const attrs of [{ strides: [1, 2 ** 63] }, { axis: Number.NaN }]) {
      const graph: OnnxGraph = {
        name: "attributes",
        inputs: [],
        outputs: [],
        ops: [{ ...op("Anything", [], ["out"]), attrs }],
        initializers: new Map(),
      };
      const message = /is no 64-bit integer/;
      assert.throws(() => writeModel(graph), { codeName: "INVALID_ARGUMENT", message });
    }
  });
});

describe("constants that lie in files", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "servable-"));
  after(() => rmSync(folder, { recursive: true }));

  const values = Float32Array.from({ length: 1000 }, (_, i) => i / 4);
  /** The values in a file, after one odd byte. */
  function inFile(name: string, count = values.length): ConstantSource {
    const file = path.join(folder, name);
    writeFileSync(file, Buffer.concat([Buffer.of(1), Buffer.from(values.buffer)]));
    return {
      dtype: "float32",
      shape: [count],
      external: { file, offset: 1, length: count * 4 },
      read: () => tensor("float32", [count], values.subarray(0, count)),
    };
  }

  it("are read from there by ONNX Runtime, at any offset", () => {
    const source = { ...inFile("variables.data-00000-of-00001"), read: () => assert.fail("was read") };
    assert.equal(writeModel(showConstant(source)).externalFolder, folder);
    assert.deepEqual(runModel(showConstant(source), [])[0]?.data, values);
  });

  it("are read from there in graphs of attributes too", () => {
    const branch = (name: string): OnnxGraph => ({
      name,
      inputs: [],
      outputs: [{ name: `${name}_out`, dtype: "float32", shape: null }],
      ops: [op("Neg", [`${name}_c`], [`${name}_out`])],
      initializers: new Map([[`${name}_c`, inFile("nested")]]),
    });
    const graph: OnnxGraph = {
      name: "nested",
      inputs: [{ name: "which", dtype: "bool", shape: [] }],
      outputs: [{ name: "y", dtype: "float32", shape: null }],
      ops: [
        op("If", ["which"], ["y"], {
          then_branch: { graph: branch("a") },
          else_branch: { graph: branch("b") },
        }),
      ],
      initializers: new Map(),
    };
    const [y] = runModel(graph, [tensor("bool", [], Uint8Array.of(1))]);
    assert.equal(dataOf(y)[8], -2);
  });

  it("are written in place when they are small", () => {
    const model = writeModel(showConstant(inFile("small", 4)));
    assert.equal(model.externalFolder, undefined);
    assert.deepEqual(dataOf(runModel(showConstant(inFile("small", 4)), [])[0]), [0, 0.25, 0.5, 0.75]);
  });

  it("are written in place when they lie in another folder than most", () => {
    const elsewhere: ConstantSource = {
      ...inFile("b"),
      external: { file: path.join(folder, "other", "file"), offset: 0, length: 3996 },
    };
    const graph: OnnxGraph = {
      name: "two",
      inputs: [],
      outputs: [{ name: "out", dtype: "float32", shape: null }],
      ops: [op("Add", ["a", "b"], ["out"])],
      initializers: new Map([
        ["a", inFile("a")],
        ["b", elsewhere],
      ]),
    };
    const tensors = fromBinary(ModelProtoSchema, writeModel(graph).bytes).graph?.initializer ?? [];
    assert.deepEqual(
      tensors.map(({ dataLocation }) => dataLocation === TensorProto_DataLocation.EXTERNAL),
      [true, false],
    );
    assert.equal(dataOf(runModel(graph, [])[0])[4], 2);
  });
});

describe("constants that don't fit", () => {
  it("are RESOURCE_EXHAUSTED, naming the biggest, before any is read", () => {
    const huge = (elements: number): ConstantSource => ({
      dtype: "float32",
      shape: [elements],
      read: () => assert.fail("was read"),
    });
    const graph: OnnxGraph = {
      name: "huge",
      inputs: [],
      outputs: [],
      ops: [],
      initializers: new Map([
        ["embedding", huge(2 ** 28)],
        ["dense/kernel", huge(2 ** 29)],
      ]),
    };
    assert.throws(
      () => writeModel(graph),
      (error) =>
        error instanceof StatusError &&
        error.code === Code.RESOURCE_EXHAUSTED &&
        /"dense\/kernel", has 2147483648/.test(error.message),
    );
  });
});
