import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { toJson } from "@bufbuild/protobuf";
import { NodeDefSchema } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import { Code } from "../status.js";
import { stringTensor, tensor } from "../tensor.js";
import { GraphBuilder } from "./graph-builder.js";
import type { Operation } from "./operation.js";
import { addSaver } from "./saver.js";

const ints = (...values: number[]) => tensor("int32", [values.length], Int32Array.from(values));
const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));
const int = (value: number) => tensor("int32", [], Int32Array.of(value));

/** A node of the graph in protobuf's JSON form. */
function nodeJson(g: GraphBuilder, name: string) {
  const node = g.toGraphDef().node.find((candidate) => candidate.name === name);
  assert.ok(node, `node ${name}`);
  return toJson(NodeDefSchema, node);
}

describe("an operation", () => {
  it("gets the attributes that follow from its inputs, and the defaults", () => {
    const g = new GraphBuilder();
    const x = g.placeholder("float64", [-1, 3], { name: "x" });
    const y = g.compute("MatMul", [x, x], { transpose_b: true }, { name: "y" });
    assert.equal(y.dtype, "float64");
    assert.deepEqual(nodeJson(g, "y"), {
      name: "y",
      op: "MatMul",
      input: ["x", "x"],
      attr: {
        T: { type: "DT_DOUBLE" },
        transpose_a: { b: false },
        transpose_b: { b: true },
        grad_a: { b: false },
        grad_b: { b: false },
      },
    });
  });

  it("counts the tensors of a list", () => {
    const g = new GraphBuilder();
    const [a, b] = [g.placeholder("int64", [2]), g.placeholder("int64", [3])];
    const concat = g.op("ConcatV2", [[a, b, a], int(0)]);
    assert.equal(concat.attrs.N?.value.value, 3n);
    assert.equal(concat.attrs.T?.value.value, 9);
    assert.deepEqual(
      concat.inputs.map(({ name }) => name),
      ["Placeholder:0", "Placeholder_1:0", "Placeholder:0", "ConcatV2/axis:0"],
    );
  });

  it("lists the types of a list of any tensors", () => {
    const g = new GraphBuilder();
    const inputs = [floats(1), stringTensor([], ["a"])];
    const { attrs, outputs } = g.op("IdentityN", [inputs]);
    assert.deepEqual(attrs.T?.value.case === "list" && attrs.T.value.value.type, [1, 7]);
    assert.deepEqual(
      outputs.map(({ dtype }) => dtype),
      ["float32", "string"],
    );
  });

  it("takes values for inputs and makes them constants below its own name", () => {
    const g = new GraphBuilder();
    g.scope("decode", () => g.op("ArgMax", [floats(1, 2), int(0)]));
    assert.deepEqual(
      g.operations.map(({ name, type }) => [name, type]),
      [
        ["decode/ArgMax/input", "Const"],
        ["decode/ArgMax/dimension", "Const"],
        ["decode/ArgMax", "ArgMax"],
      ],
    );
    assert.deepEqual(nodeJson(g, "decode/ArgMax/input"), {
      name: "decode/ArgMax/input",
      op: "Const",
      attr: {
        dtype: { type: "DT_FLOAT" },
        value: {
          tensor: {
            dtype: "DT_FLOAT",
            tensorShape: { dim: [{ size: "2" }] },
            tensorContent: Buffer.from(Float32Array.of(1, 2).buffer).toString("base64"),
          },
        },
      },
    });
  });

  it("has its outputs by name and by place", () => {
    const g = new GraphBuilder();
    const top = g.op("TopKV2", [floats(3, 1, 2), int(2)]);
    assert.deepEqual(top.outputsOf("indices"), [top.output(1)]);
    assert.equal(top.output(1).name, "TopKV2:1");
    assert.throws(() => top.output(2), {
      code: Code.INVALID_ARGUMENT,
      message: /has 2 outputs, asked for 2/,
    });
    assert.throws(() => top.outputsOf("index"), { message: /has no output "index"; it has values, indices/ });
  });

  it("names its control inputs, its device, and the outputs it takes that are not the first", () => {
    const g = new GraphBuilder();
    const top = g.op("TopKV2", [floats(3, 1, 2), int(2)]);
    const wait = g.group([top]);
    const options = { name: "n", controlInputs: [wait], device: "/device:CPU:0" };
    g.compute("Identity", [top.output(1)], {}, options);
    assert.deepEqual(nodeJson(g, "n"), {
      name: "n",
      op: "Identity",
      input: ["TopKV2:1", "^group_deps"],
      device: "/device:CPU:0",
      attr: { T: { type: "DT_INT32" } },
    });
  });

  const rejected: [situation: string, add: (g: GraphBuilder) => unknown, message: RegExp][] = [
    ["an unknown op", (g) => g.op("MatMull"), /TensorFlow has no op "MatMull"/],
    [
      "too few inputs",
      (g) => g.op("AddV2", [floats(1)]),
      /Node "AddV2" \(AddV2\): takes 2 inputs \(x, y\), got 1/,
    ],
    [
      "inputs of different types",
      (g) => g.op("AddV2", [floats(1), ints(1)]),
      /attr "T" is DT_FLOAT by input "x" but DT_INT32 by input "y"/,
    ],
    [
      "an input of a type that is not the declared one",
      (g) => g.op("LogicalNot", [floats(1)]),
      /input "x" must be DT_BOOL, got DT_FLOAT/,
    ],
    [
      "a type that the op does not allow",
      (g) => g.op("Softmax", [ints(1)]),
      /attr "T" must be one of DT_HALF.* got DT_INT32/,
    ],
    [
      "a string that the op does not allow",
      (g) => g.op("BiasAdd", [floats(1), floats(1)], { data_format: "NCWH" }),
      /attr "data_format" must be one of "NHWC", "NCHW", got "NCWH"/,
    ],
    [
      "a list where one tensor is due",
      (g) => g.op("Relu", [[floats(1)]]),
      /input "features" must be one tensor/,
    ],
    ["one tensor where a list is due", (g) => g.op("AddN", [floats(1)]), /input "inputs" must be a list/],
    ["too short a list", (g) => g.op("AddN", [[]], { T: "float32" }), /attr "N" must be at least 1, got 0/],
    ["a missing attribute", (g) => g.op("Placeholder"), /attr "dtype" is missing/],
    ["an unknown attribute", (g) => g.op("Relu", [floats(1)], { alpha: 1 }), /no attr "alpha"; there are T/],
    [
      "an attribute of another kind",
      (g) => g.op("Relu", [floats(1)], { T: 1.5 }),
      /attr "T" must be of type type/,
    ],
    [
      "a value where a reference is due",
      (g) => g.op("Assign", [floats(1), floats(1)]),
      /input "ref" must be a reference/,
    ],
    ["a name that is none", (g) => g.op("NoOp", [], {}, { name: "a b" }), /"a b" is no name of an operation/],
    ["several outputs where one is asked for", (g) => g.compute("NoOp"), /has 0 outputs, expected one/],
    [
      "a tensor of another graph",
      (g) => g.op("Relu", [new GraphBuilder().placeholder("float32", [])]),
      /Node "Relu": "Placeholder" belongs to another graph/,
    ],
  ];
  for (const [situation, add, message] of rejected) {
    it(`is refused with ${situation}`, () => {
      assert.throws(() => add(new GraphBuilder()), { code: Code.INVALID_ARGUMENT, message });
    });
  }

  it("is refused with everything that is wrong", () => {
    const g = new GraphBuilder();
    assert.throws(() => g.op("Conv2D", [floats(1), ints(1)], { padding: "FULL", stride: 1 }), {
      message:
        /attr "stride".*attr "T" is DT_FLOAT by input "input" but DT_INT32 by input "filter".*attr "strides" is missing.*attr "padding" must be one of "SAME", "VALID", "EXPLICIT", got "FULL"/,
    });
  });
});

describe("names", () => {
  it("are unique without regard to case", () => {
    const g = new GraphBuilder();
    const named = (name: string): string => g.op("NoOp", [], {}, { name }).name;
    assert.deepEqual(["a", "a", "A", "a_1", "b"].map(named), ["a", "a_1", "A_2", "a_1_1", "b"]);
  });

  it("lie in scopes, which are unique too", () => {
    const g = new GraphBuilder();
    const dense = (): string => g.scope("dense", () => g.op("NoOp", [], {}, { name: "x" })).name;
    assert.deepEqual([dense(), dense()], ["dense/x", "dense_1/x"]);
    assert.equal(g.op("NoOp", [], {}, { name: "dense" }).name, "dense_2");
    assert.equal(g.scope("a", () => g.scope("b", () => g.op("NoOp"))).name, "a/b/NoOp");
  });
});

describe("a variable", () => {
  const g = new GraphBuilder();
  const w = g.scope("layer", () => g.variable("float32", [2, 3], { name: "w" }));

  it("is a resource under its own name, with an initial value of zeros", () => {
    assert.equal(w.name, "layer/w");
    assert.equal(w.handle.type, 20);
    const { attr } = nodeJson(g, "layer/w") as { attr: Record<string, unknown> };
    assert.deepEqual(attr.shared_name, { s: Buffer.from("layer/w").toString("base64") });
    assert.deepEqual(attr.shape, { shape: { dim: [{ size: "2" }, { size: "3" }] } });
    const initialValue = w.initializer.inputs[1];
    assert.equal(initialValue?.operation.type, "Fill");
    assert.deepEqual(initialValue?.shape, [2, 3]);
  });

  it("names its operations for importers", () => {
    const proto = w.toProto();
    assert.equal(proto.variableName, "layer/w:0");
    assert.equal(proto.initializerName, "layer/w/Assign");
    assert.equal(proto.snapshotName, "layer/w/Read/ReadVariableOp:0");
    assert.equal(proto.initialValueName, "layer/w/Initializer/zeros:0");
    assert.equal(proto.isResource, true);
  });

  it("reads as a tensor of its shape", () => {
    assert.equal(w.read(), w.read());
    assert.deepEqual(w.read({ name: "again" }).shape, [2, 3]);
    assert.equal(w.read().dtype, "float32");
  });

  it("is saved and restored by operations that SaverDef names", () => {
    const saver = addSaver(g);
    assert.ok(saver);
    const restore = g.operation(saver.restoreOpName) as Operation;
    const assigned = restore.controlInputs.map((assign) => assign.inputs[0]);
    assert.deepEqual(assigned, [w.handle]);
    const restored = restore.controlInputs[0]?.inputs[1]?.operation;
    assert.equal(restored?.type, "RestoreV2");
    assert.equal(restored?.inputs[0]?.name, saver.filenameTensorName);
    assert.deepEqual(restored?.inputs[1]?.constant, stringTensor([1], ["layer/w"]));
    const saved = g.operation(saver.saveTensorName.replace(":0", ""))?.controlInputs[0];
    assert.deepEqual(saved?.inputs.at(-1), w.read());
    assert.equal(addSaver(new GraphBuilder()), undefined);
  });
});

describe("a hash table", () => {
  const values = (text: string) => ({
    keys: tensor("int64", [2], BigInt64Array.of(0n, 1n)),
    values: stringTensor([2], ["a", text]),
    defaultValue: stringTensor([], [""]),
  });
  const sharedName = (g: GraphBuilder, name: string): string =>
    Buffer.from(g.operation(name)?.attrs.shared_name?.value.value as Uint8Array).toString();

  it("looks up tensors of any shape", () => {
    const g = new GraphBuilder();
    const table = g.hashTable(values("b"));
    const found = table.find(g.placeholder("int64", [-1, 4]), { name: "found" });
    assert.equal(found.dtype, "string");
    assert.deepEqual(found.shape, [-1, 4]);
    assert.equal(table.initializer.type, "LookupTableImportV2");
    assert.deepEqual(g.initializeTables().controlInputs, [table.initializer]);
  });

  it("has a shared name that depends on its content alone", () => {
    const name = (text: string): string => {
      const g = new GraphBuilder();
      g.hashTable(values(text));
      return sharedName(g, "hash_table");
    };
    assert.equal(name("b"), name("b"));
    assert.notEqual(name("b"), name("c"));
    assert.match(name("b"), /^hash_table_[0-9a-f]{16}$/);
  });

  it("is filled from a text file that goes with the model", () => {
    const folder = mkdtempSync(join(tmpdir(), "graph-builder-"));
    after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "vocabulary.txt");
    writeFileSync(path, "one\ntwo\n");
    const g = new GraphBuilder();
    const file = g.asset(path);
    const { initializer } = g.hashTable({
      file,
      keyDtype: "string",
      keyPart: "line",
      valueDtype: "int64",
      valuePart: "line number",
      defaultValue: tensor("int64", [], BigInt64Array.of(-1n)),
    });
    assert.equal(initializer.type, "InitializeTableFromTextFileV2");
    assert.equal(initializer.attrs.key_index?.value.value, -2n);
    assert.equal(initializer.attrs.value_index?.value.value, -1n);
    assert.deepEqual(
      g.assets.map(({ path, fileName, tensor }) => [path, fileName, tensor.name]),
      [[path, "vocabulary.txt", "asset_path:0"]],
    );
  });

  it("keeps files of the same name apart", () => {
    const g = new GraphBuilder();
    const names = ["/a/v.txt", "/b/v.txt", "/a/v.txt"].map((path) => g.asset(path).fileName);
    assert.deepEqual(names, ["v.txt", "v.txt_1", "v.txt"]);
  });
});

describe("a function", () => {
  it("is called with tensors, and names edges by output and place", () => {
    const g = new GraphBuilder();
    const best = g.function("best", [{ name: "x", type: "float32" }], (f, x) => {
      const top = f.op("TopKV2", [x as NonNullable<typeof x>, int(1)]);
      return { value: top.output(0), index: f.compute("Identity", [top.output(1)], {}, { name: "i" }) };
    });
    const call = g.op("PartitionedCall", [[floats(1, 2)]], { f: "best", Tout: ["float32", "int32"] });
    assert.deepEqual(
      g.call(best, [floats(1, 2)]).outputs.map(({ dtype }) => dtype),
      call.outputs.map(({ dtype }) => dtype),
    );
    const [def] = g.toGraphDef().library?.function ?? [];
    assert.deepEqual(
      def?.signature?.inputArg.map(({ name, type }) => [name, type]),
      [["x", 1]],
    );
    assert.deepEqual(
      def?.signature?.outputArg.map(({ name, type }) => [name, type]),
      [
        ["value", 1],
        ["index", 3],
      ],
    );
    assert.deepEqual(
      def?.nodeDef.map(({ name, input }) => [name, input]),
      [
        ["TopKV2/k", []],
        ["TopKV2", ["x", "TopKV2/k:output:0"]],
        ["i", ["TopKV2:indices:0"]],
      ],
    );
    assert.deepEqual(def?.ret, { value: "TopKV2:values:0", index: "i:output:0" });
  });

  it("keeps what has an effect, though no result depends on it", () => {
    const g = new GraphBuilder();
    const parameters = [{ name: "v", type: "resource" }] as const;
    const set = g.function("set", parameters, (f, v) => {
      f.op("AssignVariableOp", [v as NonNullable<typeof v>, int(7)], {}, { name: "assign" });
      return {};
    });
    assert.equal(g.call(set, [g.variable("int32", []).handle]).type, "StatefulPartitionedCall");
    const [def] = g.toGraphDef().library?.function ?? [];
    assert.deepEqual(def?.controlRet, { assign: "assign" });
    assert.deepEqual(def?.signature?.controlOutput, ["assign"]);
  });

  it("is refused with a taken name, an invalid one, or variables of its own", () => {
    const g = new GraphBuilder();
    g.function("f", [], () => ({}));
    assert.throws(() => g.function("f", [], () => ({})), { message: /already a function "f"/ });
    assert.throws(() => g.function("g", [{ name: "X", type: "int32" }], () => ({})), {
      message: /Function "g": parameters and results.*got "X"/,
    });
    const declaring = (f: GraphBuilder) => ({ v: f.variable("int32", []).read() });
    assert.throws(() => g.function("h", [], declaring), { message: /pass their handles as parameters/ });
  });
});
