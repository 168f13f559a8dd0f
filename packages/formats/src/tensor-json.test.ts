import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DType } from "./dtype.js";
import { encodeText, stringTensor, type Tensor, tensor } from "./tensor.js";
import {
  type JsonTensorSpecs,
  jsonFromInputs,
  jsonFromTensors,
  outputsFromJson,
  tensorsFromJson,
} from "./tensor-json.js";

const specs = (dtypes: Readonly<Record<string, DType>>): JsonTensorSpecs =>
  new Map(Object.entries(dtypes).map(([name, dtype]) => [name, { dtype }]));

const read = (json: string, dtypes: Readonly<Record<string, DType>>) =>
  Object.fromEntries(tensorsFromJson(encodeText(json), () => specs(dtypes)).tensors);

const floats = (shape: number[], ...values: number[]) => tensor("float32", shape, Float32Array.from(values));

describe("tensors of a Predict request", () => {
  const cases: [string, string, Readonly<Record<string, DType>>, Record<string, Tensor>][] = [
    ["rows of scalars", '{"instances": [1, 2.5, -3e2]}', { x: "float32" }, { x: floats([3], 1, 2.5, -300) }],
    ["rows of lists", '{"instances": [[1, 2], [3, 4]]}', { x: "float32" }, { x: floats([2, 2], 1, 2, 3, 4) }],
    [
      "rows of one name",
      '{"instances": [{"x": [1]}, {"x": [2]}]}',
      { x: "float32" },
      { x: floats([2, 1], 1, 2) },
    ],
    [
      "rows of two names",
      '{"instances": [{"x": 1, "y": [[true]]}, {"y": [[false]], "x": 2}]}',
      { x: "int32", y: "bool" },
      {
        x: tensor("int32", [2], Int32Array.of(1, 2)),
        y: tensor("bool", [2, 1, 1], Uint8Array.of(1, 0)),
      },
    ],
    ["a column", '{"inputs": [[1, 2], [3, 4]]}', { x: "float32" }, { x: floats([2, 2], 1, 2, 3, 4) }],
    ["a scalar column", '{"inputs": 7}', { x: "float32" }, { x: floats([], 7) }],
    [
      "named columns",
      '{"inputs": {"x": [], "y": [[]]}}',
      { x: "float32", y: "float32" },
      { x: floats([0]), y: floats([1, 0]) },
    ],
    [
      "special numbers",
      '{"inputs": [-Infinity, Inf]}',
      { x: "float32" },
      { x: floats([2], -Infinity, Infinity) },
    ],
    [
      "64-bit integers",
      '{"instances": [9223372036854775807, -9223372036854775808, 9007199254740993]}',
      { x: "int64" },
      { x: tensor("int64", [3], BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n)) },
    ],
    [
      "unsigned 64-bit integers",
      '{"inputs": [18446744073709551615, 0]}',
      { x: "uint64" },
      { x: tensor("uint64", [2], BigUint64Array.of(2n ** 64n - 1n, 0n)) },
    ],
    [
      "text and bytes",
      '{"instances": ["é", {"b64": "/wA="}, {"b64": ""}, "\\u00e9"]}',
      { x: "string" },
      { x: stringTensor([4], ["é", Uint8Array.of(0xff, 0), "", "é"]) },
    ],
    ["a column of bytes", '{"inputs": {"b64": "YWI"}}', { x: "string" }, { x: stringTensor([], ["ab"]) }],
    [
      "float16",
      '{"inputs": [1.5, -2]}',
      { x: "float16" },
      { x: tensor("float16", [2], Uint16Array.of(0x3e00, 0xc000)) },
    ],
    [
      "small integers",
      '{"inputs": [255, 0]}',
      { x: "uint8" },
      { x: tensor("uint8", [2], Uint8Array.of(255, 0)) },
    ],
  ];
  for (const [title, json, dtypes, expected] of cases) {
    it(`are read from ${title}`, () => assert.deepEqual(read(json, dtypes), expected));
  }

  it("may leave out what has a default", () => {
    const optional: JsonTensorSpecs = new Map([
      ["x", { dtype: "float32" }],
      ["k", { dtype: "int32", optional: true }],
    ]);
    const namesOf = (json: string) => [...tensorsFromJson(encodeText(json), () => optional).tensors.keys()];
    assert.deepEqual(namesOf('{"inputs": {"x": 1}}'), ["x"]);
    assert.deepEqual(namesOf('{"instances": [{"x": 1}, {"x": 2}]}'), ["x"]);
    assert.deepEqual(namesOf('{"instances": [{"x": 1, "k": 2}]}'), ["x", "k"]);
  });

  it("come with the signature's name and the layout", () => {
    const request = tensorsFromJson(encodeText('{"inputs": [1], "signature_name": "s"}'), (name) => {
      assert.equal(name, "s");
      return specs({ x: "int32" });
    });
    assert.deepEqual([request.signatureName, request.layout], ["s", "columnar"]);
  });

  const two = { x: "float32", y: "float32" } as const;
  const faults: [string, Readonly<Record<string, DType>>, RegExp][] = [
    ["[]", { x: "float32" }, /Is not object/],
    ["{}", { x: "float32" }, /Missing 'inputs' or 'instances' key/],
    ['{"inputs": 1, "instances": [1]}', { x: "float32" }, /expecting only one of 'inputs' or 'instances'/],
    ['{"instances": 1}', { x: "float32" }, /Expecting 'instances' to be an list\/array/],
    ['{"instances": []}', { x: "float32" }, /No values in 'instances' array/],
    ['{"signature_name": 1, "inputs": 1}', { x: "float32" }, /'signature_name' key must be a string/],
    ['{"inputs": 1}', {}, /Failed to get input map for signature: DEFAULT/],
    ['{"instances": [1]}', two, /instances is a plain list, but expecting list of objects/],
    ['{"inputs": [1]}', two, /inputs is a plain value\/list, but expecting an object/],
    ['{"inputs": {"z": 1}}', two, /Missing named input: x, y/],
    ['{"instances": [{"x": 1}]}', two, /element: 0 of 'instances' list.* must be equal to: x,y/],
    ['{"instances": [{"x": 1, "y": 1, "z": 1}]}', two, /does not have named input: z/],
    ['{"instances": [{"x": 1}, 2]}', { x: "float32" }, /Expecting object but got Number at item 1/],
    ['{"instances": [[1, 2], [3]]}', { x: "float32" }, /element: 1 .*Expecting tensor size: 2 but got: 1/],
    [
      '{"instances": [[1, 2], [[3, 4]]]}',
      { x: "float32" },
      /element: 1 .*Expecting shape \[2\] but got: \[1,2\]/,
    ],
    ['{"instances": [[1], 2]}', { x: "float32" }, /element: 1 .*Expecting shape \[1\] but got: \[\]/],
    ['{"inputs": [[1, 2], [3]]}', { x: "float32" }, /unexpected size: 1 at level: 1 expected size: 2/],
    ['{"inputs": [[1, 2], 3]}', { x: "float32" }, /found at incorrect level/],
    ['{"inputs": [[1], [[2]]]}', { x: "float32" }, /unexpected level: 2/],
    ['{"inputs": ["a"]}', { x: "float32" }, /Type: String is not of expected type: float/],
    ['{"inputs": [true]}', { x: "float32" }, /Type: True is not of expected type: float/],
    ['{"inputs": [null]}', { x: "float32" }, /Type: Null/],
    ['{"inputs": [1.0]}', { x: "int32" }, /Number \(decimal\) is not of expected type: int32/],
    ['{"inputs": [2147483648]}', { x: "int32" }, /not of expected type: int32/],
    ['{"inputs": [256]}', { x: "uint8" }, /not of expected type: uint8/],
    ['{"inputs": [9223372036854775808]}', { x: "int64" }, /not of expected type: int64/],
    ['{"inputs": [1]}', { x: "string" }, /not of expected type: string/],
    ['{"inputs": [1]}', { x: "bool" }, /not of expected type: bool/],
    ['{"inputs": [16777217]}', { x: "float32" }, /to float without loss of precision/],
    ['{"inputs": [1e39]}', { x: "float32" }, /to float without loss of precision/],
    ['{"inputs": [9007199254740993]}', { x: "float64" }, /to double without loss of precision/],
    ['{"inputs": {"x": {"b64": 1}}}', { x: "string" }, /not formatted correctly for base64/],
    ['{"inputs": [{"b64": "a"}]}', { x: "string" }, /Unable to base64 decode/],
  ];
  for (const [json, dtypes, message] of faults) {
    it(`are refused: ${json}`, () =>
      assert.throws(() => read(json, dtypes), { codeName: "INVALID_ARGUMENT", message }));
  }

  it("of a dtype that JSON can't hold are refused as unimplemented", () => {
    assert.throws(() => read('{"inputs": [1]}', { x: "complex64" }), { codeName: "UNIMPLEMENTED" });
  });

  it("never repeat what stood in the request", () => {
    assert.throws(
      () => read('{"instances": [{"x": "secret"}]}', { x: "int32" }),
      (error: Error) => !error.message.includes("secret"),
    );
  });
});

describe("tensors of a Predict answer", () => {
  const y = floats([2, 2], 1, 0.5, Number.NaN, 1e10);
  const cases: [string, Record<string, Tensor>, "row" | "columnar", string][] = [
    ["one output by rows", { y }, "row", '{\n    "predictions": [[1.0, 0.5], [NaN, 1e+10]\n    ]\n}'],
    ["scalars by rows", { y: floats([2], 2.5, 3) }, "row", '{\n    "predictions": [2.5, 3.0\n    ]\n}'],
    [
      "two outputs by rows",
      { a: floats([1, 1], 1), b: tensor("int64", [1], BigInt64Array.of(2n ** 62n)) },
      "row",
      '{\n    "predictions": [\n        {\n            "a": [1.0],\n            "b": 4611686018427387904\n        }\n    ]\n}',
    ],
    [
      "one output by columns",
      { y: tensor("bool", [2], Uint8Array.of(1, 0)) },
      "columnar",
      '{\n    "outputs": [\n        true,\n        false\n    ]\n}',
    ],
    [
      "named columns, bytes as base64",
      { a_bytes: stringTensor([], ["hi"]), b: stringTensor([1], ['"q"']) },
      "columnar",
      '{\n    "outputs": {\n        "a_bytes": {\n            "b64": "aGk="\n        },\n        "b": [\n            "\\"q\\""\n        ]\n    }\n}',
    ],
  ];
  for (const [title, tensors, layout, expected] of cases) {
    it(`are written: ${title}`, () =>
      assert.equal(jsonFromTensors(new Map(Object.entries(tensors)), layout), expected));
  }

  const faults: [string, Record<string, Tensor>, RegExp][] = [
    ["no batch dimension", { y: floats([], 1) }, /Tensor name: y has no shape information/],
    [
      "two batch sizes",
      { a: floats([1], 1), b: floats([2], 1, 2) },
      /b has inconsistent batch size: 2 expecting: 1/,
    ],
    ["no JSON form", { y: tensor("complex64", [1], Float32Array.of(1, 2)) }, /tensor type: complex64/],
    ["no output", {}, /empty tensor map/],
  ];
  for (const [title, tensors, message] of faults) {
    it(`are refused: ${title}`, () =>
      assert.throws(() => jsonFromTensors(new Map(Object.entries(tensors)), "row"), {
        codeName: "INVALID_ARGUMENT",
        message,
      }));
  }
});

describe("tensors that go through JSON and back", () => {
  const batch: Tensor[] = [
    floats([2, 3], 1, -0.1, 1e-30, Infinity, 16_777_215, 0.333333343),
    tensor("float64", [2], Float64Array.of(1 / 3, 1e300)),
    tensor("int64", [2, 1], BigInt64Array.of(2n ** 63n - 1n, -1n)),
    tensor("uint64", [2], BigUint64Array.of(2n ** 64n - 1n, 0n)),
    tensor("int8", [2], Int8Array.of(-128, 127)),
    tensor("bool", [2], Uint8Array.of(1, 0)),
    tensor("bfloat16", [2], Uint16Array.of(0x3f80, 0xc000)),
    stringTensor([2], ["text", Uint8Array.of(0xff, 0x00)]),
  ];
  for (const layout of ["row", "columnar"] as const) {
    it(`are the same as inputs, ${layout}`, () => {
      const tensors = new Map(batch.map((one, i) => [`t${i}`, one]));
      const json = encodeText(jsonFromInputs(tensors, layout, "sig"));
      const back = tensorsFromJson(json, () => tensors);
      assert.deepEqual(back, { signatureName: "sig", layout, tensors });
    });

    it(`are the same as outputs, ${layout}`, () => {
      const tensors = new Map(batch.map((one, i) => [`t${i}_bytes`, one]));
      assert.deepEqual(outputsFromJson(encodeText(jsonFromTensors(tensors, layout)), tensors), tensors);
    });
  }
});

describe("large and hostile bodies", () => {
  it("takes a string of 20 MB", () => {
    const text = "x".repeat(20_000_000);
    assert.equal((read(`{"instances": ["${text}"]}`, { x: "string" }).x as Tensor).data.length, 1);
  });

  it("allocates for what is there, not for what the first row promises", () => {
    const wide = `[${"0,".repeat(20_000)}0]`;
    const rows = `[${wide}${",[]".repeat(100_000)}]`;
    assert.throws(() => read(`{"inputs": ${rows}}`, { x: "float64" }), /unexpected size: 0/);
    assert.throws(() => read(`{"instances": ${rows}}`, { x: "float64" }), /but got: 0/);
  });
});
