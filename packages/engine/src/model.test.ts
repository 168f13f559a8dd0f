import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { toBinary } from "@bufbuild/protobuf";
import { GraphBuilder, predictSignatureDef, SavedModelBuilder, type Tensor, tensor } from "@servable/formats";
import { GraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import { temporaryFolder } from "@servable/formats/testing/temporary-folder";
import { explainModel, type LoadProgress, loadModel, Session } from "./index.js";

const floats = (shape: readonly number[], ...values: number[]) =>
  tensor("float32", shape, Float32Array.from(values));
const int = (value: number) => tensor("int32", [], Int32Array.of(value));

/** y = x·a + b with variables a and b; `count` adds to a variable; `lost` reaches an op that can't run. */
function writeModel(): string {
  const graph = new GraphBuilder();
  const a = graph.variable("float32", [], { name: "a" });
  const b = graph.variable("float32", [], { name: "b" });
  const calls = graph.variable("int32", [], { name: "calls" });
  const x = graph.placeholder("float32", [-1, 1], { name: "x" });
  const scaled = graph.compute("Mul", [x, a.read()], {}, { name: "scaled" });
  const y = graph.compute("AddV2", [scaled, b.read()], {}, { name: "y" });
  const step = graph.placeholder("int32", [], { name: "step" });
  const add = graph.op("AssignAddVariableOp", [calls.handle, step], {}, { name: "add" });
  const now = graph.compute(
    "ReadVariableOp",
    [calls.handle],
    { dtype: "int32" },
    { name: "now", controlInputs: [add] },
  );
  const lost = graph.compute("FractionalAvgPoolGrad", [
    tensor("int64", [4], new BigInt64Array(4)),
    graph.compute("ExpandDims", [graph.compute("ExpandDims", [x, int(0)]), int(0)]),
    tensor("int64", [1], new BigInt64Array(1)),
    tensor("int64", [1], new BigInt64Array(1)),
  ]);
  const dir = path.join(temporaryFolder(), "1");
  const builder = new SavedModelBuilder(dir);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: {
      serving_default: predictSignatureDef({ x }, { y }),
      twin: predictSignatureDef({ x }, { y }),
      count: predictSignatureDef({ step }, { now }),
      lost: predictSignatureDef({ x }, { lost }),
    },
    variables: new Map<string, Tensor>([
      ["a", floats([], 0.5)],
      ["b", floats([], 2)],
      ["calls", int(40)],
    ]),
  });
  builder.save();
  return dir;
}

const dir = writeModel();
const run = (signature: string, inputs: Record<string, Tensor>) => {
  const model = loadModel(dir);
  try {
    return model.run(signature, new Map(Object.entries(inputs)));
  } finally {
    model.close();
  }
};

describe("A model", () => {
  it("computes with its restored variables", () => {
    assert.deepEqual(run("serving_default", { x: floats([2, 1], 1, -4) }).get("y"), floats([2, 1], 2.5, 0));
  });

  for (const shape of [[], [2], [1, 2], [2, 1, 1]]) {
    it(`takes x of shape [${shape}], though its signature declares [?,1]`, () => {
      const values = shape.length === 0 ? [6] : [6, 8];
      const expected = values.map((value) => value / 2 + 2);
      assert.deepEqual(
        run("serving_default", { x: floats(shape, ...values) }).get("y"),
        floats(shape, ...expected),
      );
    });
  }

  it("keeps a variable that a signature assigns from call to call", () => {
    const model = loadModel(dir);
    const count = (step: number) => model.run("count", new Map([["step", int(step)]])).get("now");
    assert.deepEqual([count(1), count(2)], [int(41), int(43)]);
    model.close();
  });

  it("shares its variables with runs by tensor names", () => {
    const model = loadModel(dir);
    const read = () => model.runTensors(new Map(), ["calls/Read/ReadVariableOp:0"], []);
    model.run("count", new Map([["step", int(1)]]));
    assert.deepEqual(read(), [int(41)]);
    model.runTensors(new Map([["step:0", int(5)]]), [], ["add"]);
    assert.deepEqual(model.run("count", new Map([["step", int(1)]])).get("now"), int(47));
    model.close();
  });

  it("knows which signatures leave no trace", () => {
    const model = loadModel(dir);
    assert.equal(model.leavesNoTrace("serving_default"), true);
    assert.equal(model.leavesNoTrace("count"), false);
    model.close();
  });

  it("tells how far its load is", () => {
    const told: LoadProgress[] = [];
    loadModel(dir, { onProgress: (progress) => told.push(progress) }).close();
    assert.deepEqual(
      told,
      [1, 2, 3, 4].map((compiled) => ({ stage: "signatures", compiled, total: 4 })),
    );
  });

  it("can be closed though two signatures share one compiled graph", () => {
    const model = loadModel(dir);
    assert.deepEqual(model.run("twin", new Map([["x", floats([1, 1], 2)]])).get("y"), floats([1, 1], 3));
    model.close();
  });

  const refusals: readonly {
    readonly title: string;
    readonly signature: string;
    readonly inputs: Record<string, Tensor>;
    readonly error: { readonly codeName: string; readonly message: RegExp };
  }[] = [
    {
      title: "an unknown signature",
      signature: "nope",
      inputs: {},
      error: { codeName: "NOT_FOUND", message: /"nope".*"serving_default"/ },
    },
    {
      title: "a missing input",
      signature: "serving_default",
      inputs: {},
      error: { codeName: "INVALID_ARGUMENT", message: /input "x" is missing/ },
    },
    {
      title: "an input of another dtype",
      signature: "serving_default",
      inputs: { x: int(1) },
      error: { codeName: "INVALID_ARGUMENT", message: /"x" has dtype int32, expected float32/ },
    },
    {
      title: "a signature with an op that can't run, naming op and node",
      signature: "lost",
      inputs: { x: floats([1, 1], 1) },
      error: { codeName: "UNIMPLEMENTED", message: /signature "lost".*FractionalAvgPoolGrad \(node "/ },
    },
  ];
  for (const { title, signature, inputs, error } of refusals) {
    it(`refuses ${title}`, () => assert.throws(() => run(signature, inputs), error));
  }

  it("proves rows independent where they are", () => {
    const model = loadModel(dir);
    assert.deepEqual(model.rowIndependence("serving_default"), { independent: true });
    assert.equal(model.rowIndependence("count").independent, false);
    model.close();
  });
});

describe("An explained model", () => {
  it("says which side runs what, and what can't run", () => {
    const [main, , count, lost] = explainModel(dir).signatures;
    assert.deepEqual(
      main?.groups.map(({ side, nodes }) => [side, nodes.map(({ op }) => op)]),
      [["onnx", ["Mul", "AddV2"]]],
    );
    assert.deepEqual(main?.weights, { count: 2, bytes: 8 });
    assert.ok(count?.groups.every(({ side }) => side === "host"));
    assert.equal(lost?.error?.codeName, "UNIMPLEMENTED");
  });
});

describe("A session", () => {
  const x = floats([2, 1], 2, 4);

  it("fetches any tensor", () => {
    const session = Session.load(["serve"], dir);
    assert.deepEqual(session.run(new Map([["x:0", x]]), ["y:0", "scaled:0", "x"]), [
      floats([2, 1], 3, 4),
      floats([2, 1], 1, 2),
      x,
    ]);
    session.close();
  });

  it("takes any tensor as a feed, also one inside the graph", () => {
    const session = Session.load(["serve"], dir);
    assert.deepEqual(session.run(new Map([["scaled:0", x]]), ["y:0"]), [floats([2, 1], 4, 6)]);
    session.close();
  });

  it("runs targets for their effect, which later runs see", () => {
    const session = Session.load(["serve"], dir);
    const read = () => session.run(new Map(), ["calls/Read/ReadVariableOp:0"]);
    assert.deepEqual(read(), [int(40)]);
    session.run(new Map([["step:0", int(5)]]), [], ["add"]);
    assert.deepEqual(read(), [int(45)]);
    session.close();
  });

  for (const [title, feeds, fetches, error] of [
    ["a fetch that does not exist", new Map(), ["z:0"], { codeName: "NOT_FOUND", message: /"z:0"/ }],
    [
      "a feed of another dtype",
      new Map([["x:0", int(1)]]),
      ["y:0"],
      { codeName: "INVALID_ARGUMENT", message: /"x:0"/ },
    ],
    [
      "a placeholder that is not fed",
      new Map(),
      ["y:0"],
      { codeName: "INVALID_ARGUMENT", message: /placeholder tensor 'x'/ },
    ],
    [
      "a handle as a fetch",
      new Map(),
      ["a:0"],
      { codeName: "INVALID_ARGUMENT", message: /"a:0" is a resource/ },
    ],
  ] as const) {
    it(`refuses ${title}`, () => {
      const session = Session.load(["serve"], dir);
      assert.throws(() => session.run(feeds as ReadonlyMap<string, Tensor>, fetches), error);
      session.close();
    });
  }
});

describe("A frozen graph alone in a version folder", () => {
  it("is served with its placeholders as inputs and its last nodes as outputs", () => {
    const graph = new GraphBuilder();
    const x = graph.placeholder("float32", [-1], { name: "x" });
    graph.compute("Neg", [graph.compute("Mul", [x, floats([], 3)])], {}, { name: "y" });
    const folder = path.join(temporaryFolder(), "1");
    mkdirSync(folder);
    writeFileSync(path.join(folder, "frozen.pb"), toBinary(GraphDefSchema, graph.toGraphDef()));
    const model = loadModel(folder);
    assert.deepEqual(
      model.run("serving_default", new Map([["x", floats([2], 1, 2)]])).get("y"),
      floats([2], -3, -6),
    );
    model.close();
  });
});
