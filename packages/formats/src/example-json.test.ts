import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { examplesFromJson, jsonFromClassifications, jsonFromRegressions } from "./example-json.js";
import { ExampleSchema } from "./protobuf/gen/tensorflow/core/example/example_pb.js";
import { encodeText } from "./tensor.js";

const read = (json: string) => examplesFromJson(encodeText(json));
const shown = (bytes: Uint8Array) => toJson(ExampleSchema, fromBinary(ExampleSchema, bytes));

describe("examples of a Classify request", () => {
  it("get a feature of the kind that their values are written in", () => {
    const json =
      '{"signature_name": "s", "examples": [{"f": 1.0, "i": [1, true], "t": "x", "b": [{"b64": "/w=="}], "e": []}]}';
    const { signatureName, examples, context } = read(json);
    assert.equal(signatureName, "s");
    assert.equal(context, undefined);
    assert.deepEqual(examples.map(shown), [
      {
        features: {
          feature: {
            f: { floatList: { value: [1] } },
            i: { int64List: { value: ["1", "1"] } },
            t: { bytesList: { value: ["eA=="] } },
            b: { bytesList: { value: ["/w=="] } },
            e: {},
          },
        },
      },
    ]);
  });

  it("may share a context", () => {
    const { context, examples } = read('{"context": {"c": 2}, "examples": [{}, {"x": 0.5}]}');
    assert.deepEqual(shown(context as Uint8Array), {
      features: { feature: { c: { int64List: { value: ["2"] } } } },
    });
    assert.equal(examples.length, 2);
  });

  const faults: [string, RegExp][] = [
    ["[]", /Is not object/],
    ["{}", /key 'examples' is expected/],
    ['{"examples": 1}', /value to be an list/],
    ['{"examples": []}', /is an empty array/],
    ['{"examples": [1]}', /Example must be JSON object but got JSON Number/],
    ['{"examples": [{"x": null}]}', /Feature: x has element with unexpected JSON type: Null/],
    ['{"examples": [{"x": [[1]]}]}', /unexpected JSON type: Array/],
    ['{"examples": [{"x": {"y": 1}}]}', /unexpected JSON type: Object/],
    ['{"examples": [{"x": [1, 2.0]}]}', /Unexpected element type in feature: x expecting type: int64/],
    ['{"examples": [{"x": [1.5, "a"]}]}', /expecting type: float/],
    ['{"examples": [{"x": 18446744073709551615}]}', /Only int64 is supported/],
    ['{"examples": [{"x": 1e39}]}', /without loss of precision/],
    ['{"examples": [{"x": {"b64": "?"}}]}', /Unable to base64 decode/],
  ];
  for (const [json, message] of faults) {
    it(`are refused: ${json}`, () =>
      assert.throws(() => read(json), { codeName: "INVALID_ARGUMENT", message }));
  }
});

describe("the answers", () => {
  it("to Classify are pairs of label and score", () => {
    const json = jsonFromClassifications([
      [
        { label: "a", score: 0.5 },
        { label: "", score: 1 },
      ],
      [],
    ]);
    assert.equal(json, '{\n    "results": [[["a", 0.5], ["", 1.0]], []\n    ]\n}');
  });

  it("to Regress are numbers", () => {
    assert.equal(jsonFromRegressions([2.5, -1]), '{\n    "results": [2.5, -1.0]\n}');
  });

  it("are never empty", () => {
    assert.throws(() => jsonFromClassifications([]), /empty ClassificationResults/);
    assert.throws(() => jsonFromRegressions([]), /empty RegressionResults/);
  });
});
