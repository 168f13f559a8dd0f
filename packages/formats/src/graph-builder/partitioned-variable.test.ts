import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "node:test";
import { openCheckpoint } from "../checkpoint/open.js";
import type { DType } from "../dtype.js";
import { predictSignatureDef } from "../saved-model/build-signature-def.js";
import { SavedModelBuilder } from "../saved-model/builder.js";
import { Saver } from "../session-bundle/saver.js";
import type { Shape } from "../shape.js";
import { Code } from "../status.js";
import { stringTensor, type Tensor, tensor } from "../tensor.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { GraphBuilder } from "./graph-builder.js";
import { axisSizePartitioner, fixedSizePartitioner, type Partitioner } from "./partitioned-variable.js";

describe("partitioners", () => {
  // What those of tf.compat.v1 give for the same arguments.
  const cases: [string, Partitioner, Shape, DType, Shape][] = [
    ["as many as asked for", fixedSizePartitioner(2), [5, 3], "float32", [2, 1]],
    ["along another axis", fixedSizePartitioner(2, -1), [5, 3], "float32", [1, 2]],
    ["no more than there are elements", fixedSizePartitioner(9), [5, 3], "float32", [5, 1]],
    ["by bytes: three rows of 12 in 40", axisSizePartitioner(40), [5, 3], "float32", [2, 1]],
    ["by bytes of many rows", axisSizePartitioner(40), [100, 3], "float32", [34, 1]],
    ["by bytes of two rows of 20", axisSizePartitioner(40), [3, 5], "float32", [2, 1]],
    ["with a limit", axisSizePartitioner(40, { axis: 1, maxParts: 2 }), [100, 3], "float32", [1, 2]],
    ["of strings, 16 bytes each", axisSizePartitioner(40), [5], "string", [3]],
    ["when not even a row fits", axisSizePartitioner(1), [5, 3], "float32", [5, 1]],
  ];
  for (const [title, partitioner, shape, dtype, expected] of cases) {
    it(`cut ${title}`, () => assert.deepEqual(partitioner(shape, dtype), expected));
  }

  it("refuse what is no number of parts, and an axis that is not there", () => {
    assert.throws(() => fixedSizePartitioner(0), { code: Code.INVALID_ARGUMENT });
    assert.throws(() => axisSizePartitioner(0), { code: Code.INVALID_ARGUMENT });
    assert.throws(() => fixedSizePartitioner(2, 2)([5, 3], "float32"), {
      code: Code.INVALID_ARGUMENT,
      message: /shape \[5,3\] has no axis 2/,
    });
  });
});

const SHAPE = [5, 2];
const whole = tensor(
  "float32",
  SHAPE,
  Float32Array.from({ length: 10 }, (_, i) => i),
);

function graphWith(partitioner: Partitioner, useResource = true) {
  const graph = new GraphBuilder();
  const w = graph.scope("layer", () =>
    graph.partitionedVariable("float32", SHAPE, { name: "w", partitioner, useResource, initialValue: whole }),
  );
  return { graph, w };
}

describe("a partitioned variable", () => {
  it("consists of variables that know their place, and is read whole", () => {
    const { graph, w } = graphWith(fixedSizePartitioner(2));
    assert.deepEqual(
      w.parts.map(({ name, shape, checkpointName }) => [name, shape, checkpointName]),
      [
        ["layer/w/part_0", [3, 2], "layer/w"],
        ["layer/w/part_1", [2, 2], "layer/w"],
      ],
    );
    assert.deepEqual(graph.variables, w.parts);
    const { name, shape, operation } = w.read();
    assert.deepEqual(
      [name, shape, operation.type],
      ["layer/w/ConcatPartitions/concat:0", [5, 2], "ConcatV2"],
    );
    assert.deepEqual(w.parts[1]?.toProto().saveSliceInfoDef, {
      $typeName: "tensorflow.SaveSliceInfoDef",
      fullName: "layer/w",
      fullShape: [5n, 2n],
      varOffset: [3n, 0n],
      varShape: [2n, 2n],
    });
    const initial = graph.operation("layer/w/part_1/Initializer/initial_value")?.inputs[0];
    assert.deepEqual(initial?.constant?.data, Float32Array.of(6, 7, 8, 9));
  });

  it("is read from its only part where there is one", () => {
    const { w } = graphWith(fixedSizePartitioner(1));
    assert.equal(w.read(), w.parts[0]?.read());
  });

  it("gets another name where there is one of that name", () => {
    const graph = new GraphBuilder();
    const options = { name: "w", partitioner: fixedSizePartitioner(2) };
    graph.partitionedVariable("float32", SHAPE, options);
    assert.equal(graph.partitionedVariable("float32", SHAPE, options).name, "w_1");
  });

  const cuts: [string, Partitioner][] = [
    ["two parts", fixedSizePartitioner(2)],
    ["one part", fixedSizePartitioner(1)],
    ["five parts", fixedSizePartitioner(5)],
    ["columns", fixedSizePartitioner(2, 1)],
  ];
  for (const [title, partitioner] of cuts) {
    for (const writeVersion of ["V1", "V2"] as const) {
      it(`is saved in three parts, and restored into ${title} (${writeVersion})`, () => {
        const from = graphWith(fixedSizePartitioner(3));
        const values = new Map<string, Tensor>([["layer/w", whole]]);
        const prefix = new Saver(from.graph, values, { writeVersion }).save(
          path.join(temporaryFolder(), "model"),
        );
        const reader = openCheckpoint(prefix);
        assert.deepEqual(reader.names(), ["layer/w"]);
        assert.equal(reader.slices("layer/w").length, 3);
        assert.deepEqual(reader.read("layer/w"), whole);
        reader.close();
        const to = graphWith(partitioner);
        const restored = new Saver(to.graph, values).restore(prefix);
        assert.deepEqual(
          [...restored.keys()],
          to.w.parts.map(({ name }) => name),
        );
        assert.deepEqual(to.w.join(restored), whole);
      });
    }
  }

  it("holds strings", () => {
    const words = stringTensor([3], ["a", "", "ccc"]);
    const graph = new GraphBuilder();
    const w = graph.partitionedVariable("string", [3], { name: "w", partitioner: fixedSizePartitioner(2) });
    const prefix = path.join(temporaryFolder(), "model");
    const saver = new Saver(graph, new Map([["w", words]]), { writeVersion: "V2" });
    assert.deepEqual(w.join(saver.restore(saver.save(prefix))), words);
  });

  it("goes into a SavedModel, whole or in parts", () => {
    for (const names of ["whole", "parts"] as const) {
      const { graph, w } = graphWith(fixedSizePartitioner(2), false);
      const x = graph.placeholder("float32", [-1, 5], { name: "x" });
      const y = graph.compute("MatMul", [x, w.read()], {}, { name: "y" });
      const folder = path.join(temporaryFolder(), "model");
      const builder = new SavedModelBuilder(folder);
      const variables = new Map<string, Tensor>(
        names === "whole"
          ? [["layer/w", whole]]
          : [
              ["layer/w/part_0", tensor("float32", [3, 2], Float32Array.of(0, 1, 2, 3, 4, 5))],
              ["layer/w/part_1", tensor("float32", [2, 2], Float32Array.of(6, 7, 8, 9))],
            ],
      );
      builder.addMetaGraphAndVariables(["serve"], {
        graph,
        signatures: { serving_default: predictSignatureDef({ x }, { y }) },
        variables,
      });
      builder.save();
      const reader = openCheckpoint(path.join(folder, "variables", "variables"));
      assert.equal(reader.slices("layer/w").length, 2);
      assert.deepEqual(reader.read("layer/w"), whole);
      reader.close();
    }
  });

  it("is cut along one axis only, and refuses values that don't fit, by name", () => {
    assert.throws(() => graphWith(() => [2, 2]), {
      code: Code.INVALID_ARGUMENT,
      message: /shape \[5,2\] can't be cut into \[2,2\] parts: only along one axis/,
    });
    const { graph, w } = graphWith(fixedSizePartitioner(2));
    const narrow = tensor("float32", [5, 1], new Float32Array(5));
    assert.throws(() => new Saver(graph, new Map([["layer/w", narrow]])), {
      code: Code.INVALID_ARGUMENT,
      message: /variable "layer\/w" must be float32 of shape \[5,2\], got float32 of shape \[5,1\]/,
    });
    assert.throws(() => w.join(new Map()), {
      code: Code.INVALID_ARGUMENT,
      message: /"layer\/w\/part_0" has no value; variable "layer\/w\/part_1" has no value/,
    });
    const options = { partitioner: fixedSizePartitioner(2), initialValue: narrow };
    assert.throws(() => new GraphBuilder().partitionedVariable("float32", SHAPE, options), {
      code: Code.INVALID_ARGUMENT,
      message: /initial value of a variable float32 of shape \[5,2\] is float32 of shape \[5,1\]/,
    });
  });
});
