/** What `servable run` makes of values, and how it shows them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import {
  type DType,
  fromFloat32,
  type PartialShape,
  type Signature,
  stringTensor,
  type Tensor,
  tensor,
  writeNpy,
  writeNpz,
} from "@servable/formats";
import { convertTensor } from "./convert-tensor.js";
import { givenInput, type InputForm, readInputs, splitList } from "./inputs.js";
import { bytesText, countText, millisecondsText } from "./quantity.js";
import { tensorJson, tensorText } from "./tensor-text.js";
import { timingOf } from "./timing.js";

const folder = mkdtempSync(path.join(tmpdir(), "servable-values-"));
after(() => rmSync(folder, { recursive: true }));
const fileOf = (name: string, content: Uint8Array | string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
};

const floats = (...values: number[]): Tensor => tensor("float32", [values.length], Float32Array.from(values));

function signatureOf(inputs: Readonly<Record<string, [DType, PartialShape]>>): Signature {
  const specs = Object.entries(inputs).map(
    ([name, [dtype, shape]]) => [name, { name: `${name}:0`, dtype, shape }] as const,
  );
  return { name: "s", methodName: "", inputs: new Map(specs), outputs: new Map(), defaults: new Map() };
}

function read(text: string, form: InputForm, dtype: DType, shape: PartialShape = [-1]): Tensor | undefined {
  return readInputs([givenInput(`x=${text}`, form, "input")], signatureOf({ x: [dtype, shape] }), {}).get(
    "x",
  );
}

describe("A value for an input", () => {
  const doubles = fileOf("doubles.npy", writeNpy(tensor("float64", [2], Float64Array.of(0.1, 2))));
  const longs = fileOf("longs.npy", writeNpy(tensor("int64", [2], BigInt64Array.of(1n, -7n))));
  const archive = fileOf(
    "arrays.npz",
    writeNpz(
      new Map([
        ["a", floats(1)],
        ["b", floats(2, 3)],
      ]),
    ),
  );
  const one = fileOf("one.npz", writeNpz(new Map([["only", floats(9)]])));
  const json = fileOf("rows.json", "[[1, 2], [3, 4]]");
  const photo = fileOf("photo.bin", Uint8Array.of(1, 2, 3));

  const cases: [string, string, InputForm, DType, PartialShape, Tensor][] = [
    ["numbers as JSON", "[1, 2.5]", "value", "float32", [-1], floats(1, 2.5)],
    ["a number as JSON", "-7", "value", "int32", [], tensor("int32", [], Int32Array.of(-7))],
    [
      "a large integer",
      "[9007199254740993]",
      "json",
      "int64",
      [-1],
      tensor("int64", [1], BigInt64Array.of(9007199254740993n)),
    ],
    ["text as JSON", '["a", "größer"]', "value", "string", [-1], stringTensor([2], ["a", "größer"])],
    ["bytes as JSON", '[{"b64": "AQI="}]', "value", "string", [-1], stringTensor([1], [Uint8Array.of(1, 2)])],
    ["an array of NumPy's, in the input's dtype", doubles, "value", "float32", [-1], floats(0.1, 2)],
    [
      "integers of NumPy's, in the input's dtype",
      longs,
      "file",
      "int32",
      [-1],
      tensor("int32", [2], Int32Array.of(1, -7)),
    ],
    ["an array of an archive", `${archive}[b]`, "file", "float32", [-1], floats(2, 3)],
    ["the only array of an archive", one, "value", "float32", [-1], floats(9)],
    [
      "a JSON file",
      json,
      "value",
      "float32",
      [-1, 2],
      tensor("float32", [2, 2], Float32Array.of(1, 2, 3, 4)),
    ],
    ["any file, for strings", photo, "value", "string", [-1], stringTensor([1], [Uint8Array.of(1, 2, 3)])],
    [
      "any file, for a scalar string",
      photo,
      "value",
      "string",
      [],
      stringTensor([], [Uint8Array.of(1, 2, 3)]),
    ],
    [
      "zeros in the declared shape",
      "zeros",
      "value",
      "float32",
      [-1, 2],
      tensor("float32", [1, 2], new Float32Array(2)),
    ],
    [
      "ones in a given shape",
      "ones[3]",
      "value",
      "int64",
      [-1],
      tensor("int64", [3], BigInt64Array.of(1n, 1n, 1n)),
    ],
    ["no strings", "zeros[0]", "value", "string", [-1], stringTensor([0], [])],
  ];
  for (const [title, text, form, dtype, shape, expected] of cases) {
    it(`may be ${title}`, () => assert.deepEqual(read(text, form, dtype, shape), expected));
  }

  it("may be random, and is the same every time", () => {
    const [a, b] = [read("random[100]", "value", "float32"), read("random[100]", "value", "float32")];
    assert.deepEqual(a, b);
    const values = [...((a?.data ?? []) as Float32Array)];
    assert.ok(values.every((value) => value >= 0 && value < 1) && new Set(values).size > 90);
  });

  it("may be examples, which are serialized", () => {
    const value = read('[{"age": [22], "name": ["Ada"]}, {"age": [3]}]', "examples", "string");
    assert.deepEqual(value?.shape, [2]);
    // tensorflow/core/example/example.proto: features { feature { key "age" value { int64_list { value: 3 } } } }
    const expected = "0a0e0a0c0a0361676512051a030a0103";
    assert.equal(Buffer.from(value?.data[1] as Uint8Array).toString("hex"), expected);
  });

  const faults: [string, string, InputForm, DType, RegExp][] = [
    ["a file that is not there", "x.npy", "value", "float32", /there is no file x\.npy, and it is no JSON/],
    ["text without quotes", "hello", "value", "string", /a text is written as JSON: '"hello"'/],
    ["text where numbers are wanted", '["a"]', "value", "float32", /input "x"/],
    ["numbers with a fraction for integers", doubles, "value", "int32", /element 0 is no int32/],
    [
      "an archive of several arrays",
      archive,
      "file",
      "float32",
      /has arrays a, b: name one, .*arrays\.npz\[a\]/,
    ],
    [
      "an array that is not in the archive",
      `${archive}[c]`,
      "file",
      "float32",
      /has no array "c"; it has a, b/,
    ],
    [
      "a file of no known kind",
      photo,
      "value",
      "float32",
      /neither an \.npy, \.npz or \.json file nor an image/,
    ],
    ["a shape of petabytes", "zeros[1000000,1000000]", "value", "float32", /too many elements|more than/],
    ["random strings", "random", "value", "string", /strings can be filled with zeros/],
  ];
  for (const [title, text, form, dtype, message] of faults) {
    it(`can't be ${title}`, () => assert.throws(() => read(text, form, dtype), { message }));
  }

  it("is wanted for every input, and all that is wrong is said at once", () => {
    const signature = signatureOf({ images: ["float32", [-1, 784]], flag: ["bool", []] });
    const given = [givenInput("imges=1", "value", "input")];
    assert.throws(() => readInputs(given, signature, {}), {
      codeName: "INVALID_ARGUMENT",
      message:
        /no input "imges", did you mean "images"\?; input "images" \(float32 \[\?,784\]\) is missing.*; input "flag"/,
    });
  });
});

describe("A list of inputs", () => {
  const cases: [string, string[]][] = [
    ["x=a.npy;y=b.npz[k]", ["x=a.npy", "y=b.npz[k]"]],
    ['x="a;b"; y=[1,2];', ['x="a;b"', "y=[1,2]"]],
    ['x=[{"a":"\\";"}];y=1', ['x=[{"a":"\\";"}]', "y=1"]],
  ];
  for (const [list, parts] of cases)
    it(`${list} has ${parts.length} parts`, () => assert.deepEqual(splitList(list), parts));
});

describe("A tensor in another dtype", () => {
  it("is rounded to a narrower float", () => {
    const half = convertTensor(floats(0.1), "float16");
    assert.deepEqual(half.data, fromFloat32("float16", [0.1]));
  });
  it("keeps integers whole", () => {
    const value = tensor("int64", [1], BigInt64Array.of(2n ** 40n));
    assert.throws(() => convertTensor(value, "int32"), /element 0 is no int32/);
    assert.deepEqual(convertTensor(value, "float64").data, Float64Array.of(2 ** 40));
  });
  it("is no truth but for 0 and 1", () => {
    assert.deepEqual(convertTensor(floats(0, 1), "bool").data, Uint8Array.of(0, 1));
    assert.throws(() => convertTensor(floats(2), "bool"), /element 0 is no bool/);
  });
  it("is never a string", () => {
    assert.throws(() => convertTensor(floats(1), "string"), /has dtype float32, expected string/);
  });
});

describe("A result as text", () => {
  const cases: [string, Tensor, string][] = [
    ["a scalar", tensor("float32", [], Float32Array.of(0.1)), "0.1"],
    [
      "numbers in columns",
      tensor("float32", [2, 2], Float32Array.of(1, 20.5, -3, 4)),
      "[[ 1.0 20.5]\n [-3.0  4.0]]",
    ],
    [
      "integers",
      tensor("int64", [2], BigInt64Array.of(-5n, 2n ** 60n)),
      "[                 -5 1152921504606846976]",
    ],
    ["truths", tensor("bool", [2], Uint8Array.of(1, 0)), "[ true false]"],
    ["text and bytes", stringTensor([2], ["a\n", Uint8Array.of(255)]), '["a\\n" <1 bytes>]'],
    ["numbers of very different sizes", floats(1e10, 1), "[1e+10  1e+0]"],
    ["no numbers", tensor("float32", [2, 0], new Float32Array()), "[[]\n []]"],
    ["complex numbers", tensor("complex64", [1], Float32Array.of(1, -2)), "[1-2j]"],
    ["what is no number", floats(Number.NaN, 1.5), "[NaN 1.5]"],
  ];
  for (const [title, value, text] of cases) it(`is ${title}`, () => assert.equal(tensorText(value), text));

  it("shows the edges of what is large, or all of it", () => {
    const large = tensor(
      "int32",
      [2000],
      Int32Array.from({ length: 2000 }, (_, i) => i),
    );
    assert.equal(tensorText(large), "[   0    1    2 ... 1997 1998 1999]");
    assert.equal(tensorText(large, true).match(/\d+/g)?.length, 2000);
  });
});

describe("A result as JSON", () => {
  const cases: [Tensor, string][] = [
    [floats(0.1, Number.NaN, Number.NEGATIVE_INFINITY), '[0.1,"NaN","-Infinity"]'],
    [tensor("int64", [1, 1], BigInt64Array.of(2n ** 60n)), "[[1152921504606846976]]"],
    [stringTensor([2], ["a", Uint8Array.of(255)]), '["a",{"b64":"/w=="}]'],
    [tensor("bool", [], Uint8Array.of(1)), "true"],
    [tensor("float32", [0, 2], new Float32Array()), "[]"],
  ];
  for (const [value, json] of cases) it(json, () => assert.equal(tensorJson(value), json));
});

describe("Quantities", () => {
  it("are written with the digits that say something", () => {
    assert.deepEqual([0, 1, 999, 1000, 31_360, 12_400_000, 3e9].map(bytesText), [
      "0 bytes",
      "1 byte",
      "999 bytes",
      "1.0 kB",
      "31 kB",
      "12 MB",
      "3.0 GB",
    ]);
    assert.deepEqual(
      [countText(1, "node"), countText(2000, "node"), countText(2, "box")],
      ["1 node", "2,000 nodes", "2 boxes"],
    );
    assert.deepEqual([0.0123, 1.234, 12.34, 123.4].map(millisecondsText), [
      "0.012 ms",
      "1.23 ms",
      "12.3 ms",
      "123 ms",
    ]);
  });

  it("of time leave the first run apart", () => {
    const timing = timingOf(100, [50, ...Array.from({ length: 100 }, (_, i) => i + 1)]);
    assert.deepEqual(timing, {
      loadMs: 100,
      runs: 101,
      firstMs: 50,
      meanMs: 50.5,
      medianMs: 50,
      p90Ms: 90,
      p99Ms: 99,
      longestMs: 100,
    });
    assert.deepEqual(timingOf(100, [50]), { loadMs: 100, runs: 1, firstMs: 50 });
  });
});
