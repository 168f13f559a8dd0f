import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { create, equals, toBinary } from "@bufbuild/protobuf";
import { readGraphDef } from "../freeze/frozen-graph.js";
import { type GraphDef, GraphDefSchema } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import { readSavedModel } from "../saved-model/reader.js";
import { type PartialShape, shapeText } from "../shape.js";
import { Code } from "../status.js";
import { tensor } from "../tensor.js";
import { partialShapeFromProto } from "../tensor-proto.js";
import { goldenSkip, loadCases } from "../testing/golden.js";
import { GraphBuilder } from "./graph-builder.js";

/** Graphs that TensorFlow wrote, by case and tags. */
function* goldenGraphs(): Generator<[name: string, graph: GraphDef]> {
  for (const golden of loadCases(({ name }) => !name.startsWith("broken_"))) {
    const file = path.join(golden.dir, golden.path ?? "");
    if (golden.kind === "frozen_graph") yield [golden.name, readGraphDef(file)];
    if (golden.kind !== "saved_model" || !existsSync(file)) continue;
    for (const { graphDef, metaInfoDef } of readSavedModel(file).savedModel.metaGraphs) {
      if (graphDef !== undefined) yield [`${golden.name} ${metaInfoDef?.tags.join(",")}`, graphDef];
    }
  }
}

/** What TensorFlow wrote of each output's shape, of nodes whose producer asked for that. */
function recordedShapes(node: GraphDef["node"][number]): PartialShape[] {
  const value = node.attr._output_shapes?.value;
  return value?.case === "list" ? value.value.shape.map(partialShapeFromProto) : [];
}

/** Compared as bytes: NaN is equal to itself there. */
function sameBytes(a: GraphDef, b: GraphDef): boolean {
  return Buffer.compare(toBinary(GraphDefSchema, a), toBinary(GraphDefSchema, b)) === 0;
}

function contradicts(ours: PartialShape, theirs: PartialShape): boolean {
  if (ours === null || theirs === null) return false;
  if (ours.length !== theirs.length) return true;
  return ours.some((size, axis) => size >= 0 && (theirs[axis] as number) >= 0 && size !== theirs[axis]);
}

describe("a graph that was imported", () => {
  it("is written as it was read, for every graph of the golden cases", { skip: goldenSkip() }, () => {
    const different = [...goldenGraphs()].filter(
      ([, graph]) => !sameBytes(GraphBuilder.fromGraphDef(graph).toGraphDef(), graph),
    );
    assert.deepEqual(
      different.map(([name]) => name),
      [],
    );
  });

  it("has no shape that contradicts what TensorFlow wrote beside its nodes", { skip: goldenSkip() }, () => {
    const wrong: string[] = [];
    let compared = 0;
    for (const [name, def] of goldenGraphs()) {
      const graph = GraphBuilder.fromGraphDef(def);
      for (const node of def.node) {
        for (const [i, theirs] of recordedShapes(node).entries()) {
          const ours = graph.tensor(`${node.name}:${i}`)?.shape ?? null;
          compared++;
          if (contradicts(ours, theirs)) {
            wrong.push(
              `${name}: ${node.op} ${node.name}:${i} ${shapeText(ours)}, TensorFlow ${shapeText(theirs)}`,
            );
          }
        }
      }
    }
    assert.deepEqual(wrong, []);
    assert.ok(compared > 1000, `${compared} shapes compared`);
  });

  it("can be added to, and gives new nodes names of their own", () => {
    const first = new GraphBuilder();
    first.placeholder("float32", [2], { name: "x" });
    const graph = GraphBuilder.fromGraphDef(first.toGraphDef());
    const x = graph.tensor("x");
    assert.ok(x);
    const y = graph.compute("Neg", [x], {}, { name: "X" });
    assert.deepEqual([y.name, y.shape], ["X_1:0", [2]]);
  });

  it("has its loops, whose way back goes against the order", () => {
    const node = (name: string, op: string, input: string[], attr = {}) => ({ name, op, input, attr });
    const type = { value: { case: "type", value: 3 } } as const;
    const frame = { value: { case: "s", value: Buffer.from("loop") } } as const;
    const def = create(GraphDefSchema, {
      node: [
        node("x", "Placeholder", [], { dtype: type }),
        node("enter", "Enter", ["x"], { T: type, frame_name: frame }),
        node("merge", "Merge", ["enter", "next"], { T: type, N: { value: { case: "i", value: 2n } } }),
        node("next", "NextIteration", ["merge"], { T: type }),
      ],
    });
    assert.ok(equals(GraphDefSchema, GraphBuilder.fromGraphDef(def).toGraphDef(), def));
  });

  it("is refused with all that is wrong", () => {
    const def = create(GraphDefSchema, {
      node: [
        { name: "a", op: "Identitty" },
        { name: "b", op: "Identity", input: ["a"] },
        { name: "c", op: "NoOp" },
        { name: "c", op: "NoOp" },
      ],
    });
    assert.throws(() => GraphBuilder.fromGraphDef(def), {
      code: Code.INVALID_ARGUMENT,
      message: /no op "Identitty".*; node "b" \(Identity\): attr "T" is missing; there are two nodes "c"/,
    });
    const dangling = create(GraphDefSchema, { node: [{ name: "c", op: "NoOp", input: ["^nobody"] }] });
    assert.throws(() => GraphBuilder.fromGraphDef(dangling), {
      message: /node "c": the graph has no input "\^nobody"/,
    });
  });
});

describe("a reference variable", () => {
  it("is made of VariableV2, Assign and Identity, as TensorFlow 1 wrote them", () => {
    const graph = new GraphBuilder();
    const w = graph.variable("float32", [2, 3], { name: "w", useResource: false });
    assert.deepEqual(
      graph.operations.map(({ name, type }) => `${name} ${type}`),
      [
        "w VariableV2",
        "w/Initializer/zeros/dims Const",
        "w/Initializer/zeros/value Const",
        "w/Initializer/zeros Fill",
        "w/Assign Assign",
        "w/read Identity",
      ],
    );
    assert.deepEqual([w.handle.type, w.read().type, w.read().shape], [101, 1, [2, 3]]);
    const proto = w.toProto();
    assert.deepEqual(
      [proto.variableName, proto.initializerName, proto.snapshotName, proto.isResource],
      ["w:0", "w/Assign", "w/read:0", false],
    );
  });

  it("is assigned through its reference", () => {
    const graph = new GraphBuilder();
    const w = graph.variable("float32", [2], { name: "w", useResource: false });
    const assign = w.assign(tensor("float32", [2], Float32Array.of(1, 2)));
    assert.deepEqual([assign.type, assign.output().type, assign.output().shape], ["Assign", 101, [2]]);
    const again = w.read({ name: "again" });
    assert.deepEqual([again.name, again.type], ["again:0", 1]);
  });
});
