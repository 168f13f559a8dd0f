import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toJson } from "@bufbuild/protobuf";
import { GraphBuilder } from "../graph-builder/graph-builder.js";
import { SignatureDefSchema } from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { Code } from "../status.js";
import { tensor } from "../tensor.js";
import {
  buildSignatureDef,
  buildSparseTensorInfo,
  classificationSignatureDef,
  predictSignatureDef,
  regressionSignatureDef,
} from "./build-signature-def.js";

const g = new GraphBuilder();
const examples = g.placeholder("string", [-1], { name: "examples" });
const scores = g.placeholder("float32", [-1, 3], { name: "scores" });
const classes = g.placeholder("string", null, { name: "classes" });
const count = tensor("int32", [], Int32Array.of(3));

describe("a signature", () => {
  it("for Predict says name, dtype and shape of each tensor", () => {
    const signature = predictSignatureDef({ examples }, { scores, classes });
    assert.deepEqual(toJson(SignatureDefSchema, signature), {
      inputs: {
        examples: { name: "examples:0", dtype: "DT_STRING", tensorShape: { dim: [{ size: "-1" }] } },
      },
      outputs: {
        scores: {
          name: "scores:0",
          dtype: "DT_FLOAT",
          tensorShape: { dim: [{ size: "-1" }, { size: "3" }] },
        },
        classes: { name: "classes:0", dtype: "DT_STRING", tensorShape: { unknownRank: true } },
      },
      methodName: "tensorflow/serving/predict",
    });
  });

  it("for Classify takes examples and gives classes, scores or both", () => {
    const both = classificationSignatureDef(examples, { classes, scores });
    assert.equal(both.methodName, "tensorflow/serving/classify");
    assert.deepEqual(
      [Object.keys(both.inputs), Object.keys(both.outputs)],
      [["inputs"], ["classes", "scores"]],
    );
    assert.deepEqual(Object.keys(classificationSignatureDef(examples, { scores }).outputs), ["scores"]);
  });

  it("for Regress takes examples and gives outputs", () => {
    const signature = regressionSignatureDef(examples, scores);
    assert.equal(signature.methodName, "tensorflow/serving/regress");
    assert.deepEqual(
      [Object.keys(signature.inputs), Object.keys(signature.outputs)],
      [["inputs"], ["outputs"]],
    );
  });

  it("may have sparse tensors and default values", () => {
    const info = buildSparseTensorInfo({
      indices: g.placeholder("int64", [-1, 2], { name: "i" }),
      values: g.placeholder("float32", [-1], { name: "v" }),
      denseShape: g.placeholder("int64", [2], { name: "s" }),
    });
    const n = g.placeholder("int32", [], { name: "n" });
    const signature = buildSignatureDef({
      inputs: { sparse: info, n },
      outputs: { scores },
      methodName: "custom",
      defaults: { n: count },
    });
    const json = toJson(SignatureDefSchema, signature) as { inputs: object; defaults: object };
    assert.deepEqual(json.inputs, {
      sparse: {
        cooSparse: { valuesTensorName: "v:0", indicesTensorName: "i:0", denseShapeTensorName: "s:0" },
        dtype: "DT_FLOAT",
        tensorShape: { dim: [{ size: "-1" }, { size: "-1" }] },
      },
      n: { name: "n:0", dtype: "DT_INT32", tensorShape: {} },
    });
    assert.deepEqual(json.defaults, { n: { dtype: "DT_INT32", tensorShape: {}, tensorContent: "AwAAAA==" } });
  });

  const methodName = "tensorflow/serving/predict";
  const rejected: [situation: string, build: () => unknown, message: RegExp][] = [
    ["without inputs", () => predictSignatureDef({}, { scores }), /at least one input/],
    ["without outputs", () => predictSignatureDef({ examples }, {}), /at least one output/],
    [
      "to classify from numbers",
      () => classificationSignatureDef(scores, { scores }),
      /Classification input "scores:0" must be string, got DT_FLOAT/,
    ],
    [
      "to classify without a result",
      () => classificationSignatureDef(examples, {}),
      /needs classes or scores/,
    ],
    [
      "with scores that are strings",
      () => classificationSignatureDef(examples, { scores: classes }),
      /scores "classes:0" must be float32, got DT_STRING/,
    ],
    [
      "to regress strings",
      () => regressionSignatureDef(examples, classes),
      /Regression output "classes:0" must be float32/,
    ],
    [
      "with a default for no input",
      () => buildSignatureDef({ inputs: { scores }, outputs: {}, methodName, defaults: { n: count } }),
      /Default value for "n", which is no input; there are scores/,
    ],
    [
      "with a default of another dtype",
      () => buildSignatureDef({ inputs: { scores }, outputs: {}, methodName, defaults: { scores: count } }),
      /input "scores" must be DT_FLOAT, got int32/,
    ],
  ];
  for (const [situation, build, message] of rejected) {
    it(`is refused ${situation}`, () => {
      assert.throws(build, { code: Code.INVALID_ARGUMENT, message });
    });
  }
});
