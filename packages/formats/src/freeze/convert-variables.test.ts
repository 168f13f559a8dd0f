/** That frozen graphs compute the same is held against TensorFlow by conformance/formats/load_frozen.py. */
import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "node:test";
import { GraphBuilder } from "../graph-builder/graph-builder.js";
import type { GraphDef } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import { loadSavedModel } from "../saved-model/loader.js";
import { readSavedModel } from "../saved-model/reader.js";
import { Code } from "../status.js";
import { type Tensor, tensor } from "../tensor.js";
import { goldenSkip, loadCases } from "../testing/golden.js";
import { temporaryFolder, writeFile } from "../testing/temporary-folder.js";
import { convertVariablesToConstants, freezeMetaGraph } from "./convert-variables.js";
import { readGraphDef, saveFrozenGraph, writeGraphDef } from "./frozen-graph.js";

const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));
const int = (value: number) => tensor("int32", [], Int32Array.of(value));
const opsOf = (graphDef: GraphDef) => Object.fromEntries(graphDef.node.map(({ name, op }) => [name, op]));
const values = new Map<string, Tensor>([["w", floats(1, 2, 3)]]);

describe("a graph that is frozen", () => {
  for (const useResource of [true, false]) {
    it(`has constants for ${useResource ? "resource" : "reference"} variables, and only what its outputs need`, () => {
      const graph = new GraphBuilder();
      const x = graph.placeholder("float32", [3], { name: "x" });
      const w = graph.variable("float32", [3], { name: "w", useResource });
      graph.compute("Mul", [x, w.read()], {}, { name: "y" });
      graph.compute("Neg", [x], {}, { name: "unused" });
      const frozen = convertVariablesToConstants(graph.toGraphDef(), values, ["y:0"]);
      const read = w.read().operation.name;
      assert.deepEqual(opsOf(frozen), { x: "Placeholder", w: "Const", [read]: "Identity", y: "Mul" });
      // It is a graph: every input is there, with the right type.
      assert.deepEqual(GraphBuilder.fromGraphDef(frozen).tensor("y")?.shape, [3]);
    });
  }

  it("gathers from the value", () => {
    const graph = new GraphBuilder();
    const w = graph.variable("float32", [3], { name: "w" });
    const attrs = { dtype: "float32" as const };
    graph.compute("ResourceGather", [w.handle, int(1)], attrs, { name: "y" });
    const frozen = convertVariablesToConstants(graph.toGraphDef(), values, ["y"]);
    assert.deepEqual(opsOf(frozen), { w: "Const", "y/indices": "Const", "y/axis": "Const", y: "GatherV2" });
    assert.deepEqual(frozen.node.at(-1)?.input, ["w", "y/indices", "y/axis"]);
  });

  it("calls functions that take values", () => {
    const graph = new GraphBuilder();
    const w = graph.variable("float32", [3], { name: "w" });
    const scaled = graph.function("scaled", [{ name: "v", type: "resource" }], (f, v) => ({
      y: f.compute("Neg", [f.compute("ReadVariableOp", [v], { dtype: "float32" }, { name: "read" })]),
    }));
    const outer = graph.function("outer", [{ name: "v", type: "resource" }], (f, v) => ({
      y: f.call(scaled, [v]).output(),
    }));
    graph.call(outer, [w.handle], { name: "y" });
    const frozen = convertVariablesToConstants(graph.toGraphDef(), values, ["y"]);
    const functions = frozen.library?.function ?? [];
    assert.deepEqual(
      functions.map(({ signature }) => [signature?.name, signature?.inputArg[0]?.type]),
      [
        ["outer_frozen_1", 1],
        ["scaled_frozen_0", 1],
      ],
    );
    const neg = functions[1]?.nodeDef.find(({ op }) => op === "Neg");
    assert.deepEqual(neg?.input, ["read:output:0"]);
  });

  const refused: [situation: string, build: (graph: GraphBuilder) => void, code: Code, message: RegExp][] = [
    [
      "a variable that is assigned",
      (graph) => {
        const w = graph.variable("float32", [3], { name: "w" });
        const add = graph.op("AssignAddVariableOp", [w.handle, floats(1, 1, 1)]);
        graph.compute(
          "ReadVariableOp",
          [w.handle],
          { dtype: "float32" },
          { name: "y", controlInputs: [add] },
        );
      },
      Code.FAILED_PRECONDITION,
      /node "AssignAddVariableOp" \(AssignAddVariableOp\) needs a variable to be one/,
    ],
    [
      "a reference that is assigned",
      (graph) => {
        const w = graph.variable("float32", [3], { name: "w", useResource: false });
        graph.op("AssignAdd", [w.handle, floats(1, 1, 1)], {}, { name: "y" });
      },
      Code.FAILED_PRECONDITION,
      /node "y" \(AssignAdd\) needs a variable to be one/,
    ],
    [
      "variables without values",
      (graph) => {
        const [a, b] = ["a", "b"].map((name) => graph.variable("float32", [3], { name }).read());
        graph.compute("Add", [a as never, b as never], {}, { name: "y" });
      },
      Code.NOT_FOUND,
      /"a", "b"/,
    ],
    ["an output that is not there", () => {}, Code.NOT_FOUND, /no outputs "y"/],
  ];
  for (const [situation, build, code, message] of refused) {
    it(`can't have ${situation}`, () => {
      const graph = new GraphBuilder();
      build(graph);
      assert.throws(() => convertVariablesToConstants(graph.toGraphDef(), values, ["y"]), { code, message });
    });
  }
});

describe("the golden models", { skip: goldenSkip() }, () => {
  /** These change their variables. */
  const stateful = ["facenet_v1", "fn_counter", "fn_random_stateless", "keras_image_augment", "v1_counter"];

  it("freeze, but those that change their variables", () => {
    const refused = loadCases(
      ({ kind, name }) => kind === "saved_model" && !name.startsWith("broken_"),
    ).filter(({ dir, path: folder, tags }) => {
      const loaded = loadSavedModel(tags, path.join(dir, folder));
      try {
        const frozen = freezeMetaGraph(loaded.metaGraph, loaded.variables);
        const left = frozen.node.filter(({ op }) => /^(VarHandleOp|VariableV2|ReadVariableOp)$/.test(op));
        assert.deepEqual(left, []);
        return false;
      } catch (reason) {
        assert.equal((reason as { code?: number }).code, Code.FAILED_PRECONDITION, String(reason));
        return true;
      } finally {
        loaded.close();
      }
    });
    assert.deepEqual(
      refused.map(({ name }) => name),
      stateful,
    );
  });
});

describe("a graph in a file", () => {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [2], { name: "x" });
  graph.compute("Neg", [x], {}, { name: "y" });
  const graphDef = graph.toGraphDef();

  for (const name of ["graph.pb", "graph.pbtxt"]) {
    it(`comes back: ${name}`, () => {
      const file = path.join(temporaryFolder(), name);
      writeGraphDef(file, graphDef);
      assert.deepEqual(readGraphDef(file), graphDef);
    });
  }

  it("that is damaged is DATA_LOSS, at its byte", () => {
    const file = writeFile(temporaryFolder(), "graph.pb", Uint8Array.of(0x0a, 0x7f, 0x01));
    assert.throws(() => readGraphDef(file), { code: Code.DATA_LOSS, message: /graph.pb.* at byte 0/ });
  });

  it("becomes a SavedModel with the names that are given", () => {
    const dir = path.join(temporaryFolder(), "1");
    saveFrozenGraph(graphDef, { inputs: { values: "x:0" }, outputs: { negated: "y" } }, dir);
    const [metaGraph] = readSavedModel(dir).savedModel.metaGraphs;
    const signature = metaGraph?.signatureDef.serving_default;
    assert.deepEqual(signature?.inputs.values?.encoding, { case: "name", value: "x:0" });
    assert.deepEqual(signature?.outputs.negated?.encoding, { case: "name", value: "y:0" });
    assert.throws(
      () => saveFrozenGraph(graphDef, { inputs: { a: "no" }, outputs: { b: "y:1" } }, path.join(dir, "2")),
      {
        code: Code.INVALID_ARGUMENT,
        message: /input "a": .* no tensor "no"; output "b": .* no tensor "y:1"/,
      },
    );
  });
});
