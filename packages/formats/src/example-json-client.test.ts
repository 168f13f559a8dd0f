import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import { examplesFromJson, jsonFromClassifications, jsonFromRegressions } from "./example-json.js";
import { classificationsFromJson, jsonFromExamples, regressionsFromJson } from "./example-json-client.js";
import { ExampleSchema } from "./protobuf/gen/tensorflow/core/example/example_pb.js";
import { Code } from "./status.js";
import { encodeText } from "./tensor.js";

const floats = (...value: number[]) => ({ kind: { case: "floatList", value: { value } } }) as const;
const int64s = (...value: bigint[]) => ({ kind: { case: "int64List", value: { value } } }) as const;
const strings = (...value: Uint8Array[]) => ({ kind: { case: "bytesList", value: { value } } }) as const;

describe("examples in a request", () => {
  it("come out at the server as they were", () => {
    const feature = {
      whole: floats(1, -0, Math.fround(1e20)),
      half: floats(0.5, Math.fround(0.1), Math.fround(3.4e38)),
      special: floats(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
      integers: int64s(1n, 2n ** 63n - 1n, -(2n ** 63n)),
      'te"xt': strings(encodeText("é\n"), new Uint8Array([0xff, 0x00])),
    };
    const example = create(ExampleSchema, { features: { feature } });
    const context = create(ExampleSchema, { features: { feature: { shared: int64s(7n) } } });
    const read = examplesFromJson(encodeText(jsonFromExamples([example, example], context, "by_name")));
    assert.equal(read.signatureName, "by_name");
    assert.deepEqual(
      read.examples.map((bytes) => fromBinary(ExampleSchema, bytes)),
      [example, example],
    );
    assert.deepEqual(fromBinary(ExampleSchema, read.context as Uint8Array), context);
  });

  it("lose features without a value", () => {
    const example = create(ExampleSchema, { features: { feature: { none: floats(), kindless: {} } } });
    assert.equal(jsonFromExamples([example], undefined), '{"examples":[{}]}');
  });
});

describe("the answers", () => {
  it("of Classify come back as the server's float32s and labels", () => {
    const classes = [[{ label: "é", score: Math.fround(0.1) }], [{ label: "", score: 0 }], []];
    assert.deepEqual(classificationsFromJson(encodeText(jsonFromClassifications(classes))), classes);
  });

  it("of Regress come back as the server's float32s", () => {
    const values = [2.5, Math.fround(1 / 3), Number.NaN, Number.NEGATIVE_INFINITY];
    assert.deepEqual(regressionsFromJson(encodeText(jsonFromRegressions(values))), values);
  });

  const unreadable: readonly (readonly [string, string])[] = [
    ["[]", "the list of results"],
    ['{"results": 1}', "the list of results"],
    ['{"results": [1]}', "a list of classes"],
    ['{"results": [[["a"]]]}', "a number"],
    ['{"results": [[[1, 1]]]}', "a label"],
  ];
  for (const [body, missing] of unreadable) {
    it(`can't be read from ${body}`, () =>
      assert.throws(() => classificationsFromJson(encodeText(body)), {
        code: Code.INTERNAL,
        message: `The server's answer lacks ${missing}`,
      }));
  }
});
