import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeText, stringTensor, tensor } from "../tensor.js";
import {
  bytes,
  type FlatFields,
  float32s,
  int8,
  int32,
  int32s,
  int64s,
  table,
  tables,
  text,
  uint64,
  writeFlatBuffer,
} from "../testing/flat-writer.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { constantTensor } from "./constant.js";
import { parseTfliteModel, type TfliteTensor } from "./model.js";
import { optionTables, readOptions } from "./options.js";
import { builtinOperators, builtinOptions, builtinOptions2 } from "./schema.js";

const FLOAT32 = 0;
const INT8 = 9;
const CONV_2D = 3;
const CUSTOM = 32;
const CUMSUM = 128;
const CONV_2D_OPTIONS = 1;

const tensorOf = (name: string, fields: FlatFields = {}): FlatFields => ({
  0: int32s(1, 4),
  1: int8(FLOAT32),
  3: text(name),
  ...fields,
});

const subgraph: FlatFields = {
  0: tables(
    tensorOf("x", { 7: int32s(-1, 4) }),
    tensorOf("w", {
      0: int32s(2, 2),
      1: int8(INT8),
      2: int32(1),
      4: table({ 2: float32s(0.5, 0.25), 3: int64s(0n, -3n), 6: int32(1) }),
    }),
    tensorOf("y", { 5: int8(1) }),
  ),
  1: int32s(0),
  2: int32s(2),
  3: tables(
    {
      0: int32(0),
      1: int32s(0, 1, -1),
      2: int32s(2),
      3: int8(CONV_2D_OPTIONS),
      4: table({ 0: int8(1), 1: int32(2), 2: int32(3), 3: int8(3) }),
    },
    { 0: int32(1), 1: int32s(2), 2: int32s(2), 5: bytes(1, 2), 8: int32s(0) },
  ),
  4: text("main"),
};

/** y = CONV_2D(x, w), with one buffer, a signature and metadata. */
const parts: FlatFields = {
  0: int32(3),
  1: tables({ 0: int8(CONV_2D), 3: int32(CONV_2D) }, { 0: int8(CUSTOM), 1: text("Mine"), 2: int32(4) }),
  2: tables(subgraph),
  4: tables({}, { 0: bytes(1, 2, 3, 4) }),
  6: tables({ 0: text("note"), 1: int32(1) }),
  7: tables({
    0: tables({ 0: text("image"), 1: int32(0) }),
    1: tables({ 0: text("scores"), 1: int32(2) }),
    2: text("classify"),
  }),
};

const parse = (fields: FlatFields, identifier?: string) =>
  parseTfliteModel(writeFlatBuffer(fields, identifier), "m.tflite");

describe("a TensorFlow Lite model", () => {
  const model = parse(parts);
  const [main] = model.subgraphs;

  it("has tensors with types, shapes, quantization and buffers", () => {
    assert.deepEqual(main?.tensors, [
      { name: "x", type: "float32", shape: [1, 4], declaredShape: [-1, 4], isVariable: false },
      {
        name: "w",
        type: "int8",
        shape: [2, 2],
        declaredShape: [2, 2],
        isVariable: false,
        buffer: Uint8Array.of(1, 2, 3, 4),
        quantization: { scales: [0.5, 0.25], zeroPoints: [0, -3], axis: 1 },
      },
      { name: "y", type: "float32", shape: [1, 4], declaredShape: [1, 4], isVariable: true },
    ]);
    assert.deepEqual([main?.name, main?.inputs, main?.outputs], ["main", [0], [2]]);
  });

  it("has operators with typed options", () => {
    const [conv, custom] = main?.operators ?? [];
    assert.deepEqual(
      [conv?.name, conv?.inputs, conv?.outputs, conv?.version],
      ["CONV_2D", [0, 1, -1], [2], 1],
    );
    assert.deepEqual(conv?.options("Conv2DOptions"), {
      padding: "VALID",
      strideW: 2,
      strideH: 3,
      activation: "RELU6",
      dilationW: 1,
      dilationH: 1,
    });
    assert.deepEqual([custom?.name, custom?.isCustom, custom?.version], ["Mine", true, 4]);
    assert.deepEqual(custom?.customOptions, Uint8Array.of(1, 2));
    assert.deepEqual(custom?.intermediates, [0]);
  });

  it("gives options that are not there by their defaults, and refuses those of another kind", () => {
    const [conv, custom] = main?.operators ?? [];
    assert.deepEqual(custom?.options("BidirectionalSequenceLSTMOptions"), {
      activation: "NONE",
      cellClip: 0,
      projClip: 0,
      mergeOutputs: false,
      timeMajor: true,
    });
    assert.throws(() => conv?.options("Pool2DOptions"), {
      codeName: "DATA_LOSS",
      message: /operator 0 of "main" has Conv2DOptions, expected Pool2DOptions/,
    });
  });

  it("has signatures and metadata", () => {
    assert.deepEqual(model.signatures, [
      { key: "classify", subgraph: 0, inputs: new Map([["image", 0]]), outputs: new Map([["scores", 2]]) },
    ]);
    assert.deepEqual(model.metadata, new Map([["note", Uint8Array.of(1, 2, 3, 4)]]));
  });

  it("tells operators by one byte in old files, by four for those past the byte", () => {
    const names = [{ 0: int8(CONV_2D) }, { 0: int8(127), 3: int32(CUMSUM) }, { 3: int32(5000) }].map(
      (code) => parse({ ...parts, 1: tables(code, {}) }).subgraphs[0]?.operators[0]?.name,
    );
    assert.deepEqual(names, ["CONV_2D", "CUMSUM", "BuiltinOperator 5000"]);
  });

  it("may have a scalar, or a tensor of unknown rank", () => {
    const shapes = [{}, { 8: int8(1) }].map((rank) => {
      const tensors = tables({ 1: int8(FLOAT32), 3: text("s"), ...rank });
      return parse({ 0: int32(3), 2: tables({ 0: tensors }), 4: tables({}) }).subgraphs[0]?.tensors[0]
        ?.declaredShape;
    });
    assert.deepEqual(shapes, [null, []]);
  });

  it("may keep buffers behind the FlatBuffer", () => {
    const plain = writeFlatBuffer({ ...parts, 4: tables({}, { 1: uint64(100_000n), 2: uint64(4n) }) });
    const file = new Uint8Array(100_004);
    file.set(plain);
    file.set([9, 8, 7, 6], 100_000);
    const [, w] = parseTfliteModel(file, "m.tflite").subgraphs[0]?.tensors ?? [];
    assert.deepEqual(w?.buffer, Uint8Array.of(9, 8, 7, 6));
    const message = /m\.tflite, byte 100000: 4 bytes are not inside/;
    assert.throws(() => parseTfliteModel(plain, "m.tflite"), { codeName: "DATA_LOSS", message });
  });
});

describe("bytes that are no TensorFlow Lite model", () => {
  const withTensor = (fields: FlatFields): FlatFields => ({
    ...parts,
    2: tables({ ...subgraph, 0: tables(tensorOf("x"), tensorOf("w", fields), tensorOf("y")) }),
  });
  const withOperator = (fields: FlatFields): FlatFields => ({
    ...parts,
    2: tables({ ...subgraph, 3: tables({ 0: int32(0), 1: int32s(0), 2: int32s(2), ...fields }) }),
  });
  const cases: [string, FlatFields, string, RegExp][] = [
    ["of another version", { ...parts, 0: int32(2) }, "UNIMPLEMENTED", /schema version 2, expected 3/],
    ["without subgraphs", { 0: int32(3) }, "DATA_LOSS", /has no subgraph/],
    ["with a tensor type", withTensor({ 1: int8(99) }), "DATA_LOSS", /tensor "w" of "main" has type 99/],
    ["with a buffer", withTensor({ 2: int32(7) }), "DATA_LOSS", /tensor "w".* buffer 7, but there are 2/],
    ["with a size", withTensor({ 0: int32s(-2) }), "DATA_LOSS", /tensor "w".*\[-2\], with a negative size/],
    [
      "with zero points",
      withTensor({ 4: table({ 2: float32s(1, 2, 3), 3: int64s(1n, 2n) }) }),
      "DATA_LOSS",
      /tensor "w" of "main" has 3 scales, 2 zero points/,
    ],
    ["quantized in blocks", withTensor({ 4: table({ 4: int8(2) }) }), "UNIMPLEMENTED", /in blocks/],
    ["with weights elsewhere", withTensor({ 10: int32(1) }), "UNIMPLEMENTED", /in another file/],
    ["with an operator code", withOperator({ 0: int32(5) }), "DATA_LOSS", /operator 0 of "main".*code 5/],
    ["with an input", withOperator({ 1: int32s(9) }), "DATA_LOSS", /operator 0 of "main".*tensor 9/],
    ["with an output", withOperator({ 2: int32s(-1) }), "DATA_LOSS", /operator 0 of "main".*tensor -1/],
    [
      "with a signature",
      { ...parts, 7: tables({ 2: text("s"), 4: int32(4) }) },
      "DATA_LOSS",
      /signature "s" refers to subgraph 4, but there are 1/,
    ],
    ["with metadata", { ...parts, 6: tables({ 1: int32(4) }) }, "DATA_LOSS", /metadata refers to buffer 4/],
  ];
  for (const [title, fields, codeName, message] of cases) {
    it(`${title} that can't be: ${codeName}`, () => {
      assert.throws(() => parse(fields), { codeName, message });
    });
  }

  it("by their identifier are DATA_LOSS", () => {
    const message = /m\.tflite is no TensorFlow Lite model: its identifier is "ONNX", expected "TFL3"/;
    assert.throws(() => parse(parts, "ONNX"), { codeName: "DATA_LOSS", message });
    assert.throws(() => parseTfliteModel(new Uint8Array(3), "m.tflite"), { codeName: "DATA_LOSS" });
  });

  it("are read or refused under random damage", () => {
    for (const { label, bytes: content } of mutations(writeFlatBuffer(parts), 3, 2000)) {
      readOrRefuse(label, () => {
        const { subgraphs } = parseTfliteModel(content, "m.tflite");
        for (const { operators, tensors } of subgraphs) {
          for (const each of tensors) readOrRefuse(label, () => constantTensor(each, each.name));
          for (const each of operators) readOrRefuse(label, () => each.options("Conv2DOptions"));
        }
      });
    }
  });
});

describe("a constant", () => {
  const of = (fields: Partial<TfliteTensor>): TfliteTensor => ({
    name: "c",
    type: "float32",
    shape: [2],
    declaredShape: [2],
    isVariable: false,
    ...fields,
  });
  const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
  /** Rows of blocks of two: row 0 has its second block, row 1 none, row 2 both. */
  const sparsity = {
    traversalOrder: [0, 1, 2],
    blockMap: [1],
    dimensions: [{ size: 3 }, { segments: [0, 1, 1, 3], indices: [1, 0, 1] }, { size: 2 }],
  };

  it("has its elements, whatever they are", () => {
    assert.deepEqual(
      constantTensor(of({ buffer: floats(1, -2) }), "c"),
      tensor("float32", [2], Float32Array.of(1, -2)),
    );
    assert.deepEqual(
      constantTensor(of({ type: "int4", shape: [5], buffer: Uint8Array.of(0x71, 0x8f, 0x02) }), "c"),
      tensor("int4", [5], Int8Array.of(1, 7, -1, -8, 2)),
    );
    const strings = Uint8Array.from([
      ...new Uint8Array(Int32Array.of(2, 16, 17, 19).buffer),
      ...encodeText("abb"),
    ]);
    assert.deepEqual(
      constantTensor(of({ type: "string", buffer: strings }), "c"),
      stringTensor([2], ["a", "bb"]),
    );
    assert.deepEqual(
      constantTensor(of({ shape: [0, 3] }), "c"),
      tensor("float32", [0, 3], new Float32Array(0)),
    );
  });

  it("of which some elements are stored is filled up with zeros", () => {
    const stored = of({ shape: [3, 4], buffer: floats(1, 2, 3, 4, 5, 6), sparsity });
    const expected = Float32Array.of(0, 0, 1, 2, 0, 0, 0, 0, 3, 4, 5, 6);
    assert.deepEqual(constantTensor(stored, "c"), tensor("float32", [3, 4], expected));
  });

  const refusals: [string, Partial<TfliteTensor>, string, RegExp][] = [
    ["too few bytes", { buffer: floats(1) }, "DATA_LOSS", /2 elements of float32 need 8 bytes, got 4/],
    ["too many", { buffer: floats(1, 2, 3) }, "DATA_LOSS", /need 8 bytes, got 12/],
    [
      "a shape of terabytes",
      { shape: [2 ** 30, 2 ** 30], buffer: floats(1) },
      "DATA_LOSS",
      /too many elements/,
    ],
    ["handles", { type: "resource" }, "UNIMPLEMENTED", /c: a constant of type resource/],
    [
      "strings that are not there",
      { type: "string", buffer: new Uint8Array(Int32Array.of(2, 16, 99, 120).buffer) },
      "DATA_LOSS",
      /string 0 is outside/,
    ],
    [
      "indices outside of the shape",
      {
        shape: [3, 4],
        buffer: floats(1, 2, 3, 4, 5, 6),
        sparsity: {
          ...sparsity,
          dimensions: [{ size: 3 }, { segments: [0, 1, 1, 3], indices: [1, 0, 7] }, { size: 2 }],
        },
      },
      "DATA_LOSS",
      /outside of shape \[3,4\]/,
    ],
    [
      "more indices than elements",
      { shape: [3, 4], buffer: floats(1, 2, 3, 4), sparsity },
      "DATA_LOSS",
      /more elements than the 4 stored/,
    ],
    [
      "indices that lead nowhere",
      {
        shape: [3, 4],
        buffer: floats(1, 2),
        sparsity: {
          ...sparsity,
          dimensions: [{ size: 3 }, { segments: [0, 1e9], indices: [] }, { size: 0 }],
        },
      },
      "DATA_LOSS",
      /lead nowhere/,
    ],
    [
      "almost nothing but zeros",
      { shape: [2 ** 14, 2 ** 14], buffer: floats(1), sparsity },
      "RESOURCE_EXHAUSTED",
      /1 stored elements stand for 268435456/,
    ],
  ];
  for (const [title, fields, codeName, message] of refusals) {
    it(`with ${title} is ${codeName}`, () => {
      assert.throws(() => constantTensor(of(fields), "c"), { codeName, message });
    });
  }
});

describe("options", () => {
  it("are all of kinds that the schema knows, and have defaults", () => {
    for (const kind of Object.keys(optionTables) as (keyof typeof optionTables)[]) {
      assert.ok(builtinOptions.includes(kind) || builtinOptions2.includes(kind), kind);
      assert.equal(typeof readOptions(kind, undefined), "object");
    }
  });

  it("and operators have the numbers of the schema", () => {
    assert.deepEqual(
      [builtinOperators[0], builtinOperators[114], builtinOperators[127], builtinOperators.at(-1)],
      ["ADD", "QUANTIZE", "PLACEHOLDER_FOR_GREATER_OP_CODES", "STABLEHLO_CASE"],
    );
    assert.deepEqual([builtinOptions[1], builtinOptions[101]], ["Conv2DOptions", "BatchMatMulOptions"]);
  });
});
