import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, StatusError, tensor } from "@servable/formats";
import { constantOf } from "../graph/constant.js";
import type { OnnxGraph, OnnxOp } from "./onnx-graph.js";
import { verifyGraph } from "./verify.js";

const op = (inputs: string[], outputs: string[], attrs: OnnxOp["attrs"] = {}): OnnxOp => ({
  type: "Sum",
  name: outputs[0] as string,
  inputs,
  outputs,
  attrs,
});

const graph = (ops: OnnxOp[], changes: Partial<OnnxGraph> = {}): OnnxGraph => ({
  name: "model",
  inputs: [{ name: "x", dtype: "float32", shape: null }],
  outputs: [{ name: "y", dtype: "float32", shape: null }],
  ops,
  initializers: new Map([["c", constantOf(tensor("float32", [], Float32Array.of(1)))]]),
  ...changes,
});

/** A branch that adds a value of the graph around to one of its own. */
const branch = (uses: string): OnnxGraph =>
  graph([op([uses, "c_inner"], ["inner"])], {
    inputs: [],
    outputs: [{ name: "inner", dtype: "float32", shape: null }],
    initializers: new Map([["c_inner", constantOf(tensor("float32", [], Float32Array.of(1)))]]),
  });

const malformed: readonly { about: string; graph: OnnxGraph; message: RegExp }[] = [
  {
    about: "a value that is used before it is made",
    graph: graph([op(["late"], ["y"]), op(["x"], ["late"])]),
    message: /Sum "y" uses "late", which nothing makes before it/,
  },
  {
    about: "a value that is made twice",
    graph: graph([op(["x"], ["y"]), op(["c"], ["y"])]),
    message: /Sum "y" makes "y", which is there already/,
  },
  {
    about: "a constant with the name of an input",
    graph: graph([op(["x"], ["y"])], {
      initializers: new Map([["x", constantOf(tensor("float32", [], Float32Array.of(1)))]]),
    }),
    message: /a constant of "model" makes "x"/,
  },
  {
    about: "an output that nothing makes",
    graph: graph([op(["x"], ["z"])]),
    message: /nothing makes output "y" of "model"/,
  },
  {
    about: "a branch that uses what comes after it",
    graph: graph([op(["x"], ["y"], { then_branch: { graph: branch("later") } }), op(["x"], ["later"])]),
    message: /Sum "inner" uses "later"/,
  },
  {
    about: "a branch that makes what the graph around has",
    graph: graph([op(["x"], ["inner"]), op(["inner"], ["y"], { then_branch: { graph: branch("x") } })]),
    message: /Sum "inner" makes "inner", which is there already/,
  },
];

describe("a legal ONNX graph", () => {
  it("uses inputs, constants, earlier values and absent ones", () => {
    verifyGraph(graph([op(["x", "", "c"], ["h"]), op(["h"], ["y", ""])]));
  });
  it("has branches that see what is around them", () => {
    verifyGraph(
      graph([
        op(["x"], ["h"]),
        op(["x"], ["y"], { then_branch: { graph: branch("h") }, to: { dtype: "float32" } }),
      ]),
    );
  });
});

describe("a malformed ONNX graph is INTERNAL", () => {
  for (const { about, graph: wrong, message } of malformed) {
    it(`for ${about}`, () => {
      assert.throws(
        () => verifyGraph(wrong),
        (error) =>
          error instanceof StatusError && error.code === Code.INTERNAL && message.test(error.message),
      );
    });
  }
  it("with all that is wrong in one message", () => {
    const wrong = graph([op(["a"], ["b"]), op(["x"], ["b"])]);
    assert.throws(() => verifyGraph(wrong), /uses "a".*makes "b".*nothing makes output "y"/);
  });
});
