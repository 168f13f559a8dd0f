import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { create, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { type AttrValue, AttrValueSchema } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { DataTypeSchema } from "../protobuf/gen/tensorflow/core/framework/types_pb.js";
import { Code } from "../status.js";
import { inputArity, inputTypes, nodeOutputs, outputTypes } from "./node-types.js";
import { type ArgDef, type OpDef, opDef, opNames } from "./op-def.js";

function known(name: string): OpDef {
  const def = opDef(name);
  assert.ok(def, `op ${name}`);
  return def;
}

const attr = (value: AttrValue["value"]): AttrValue => create(AttrValueSchema, { value });
const int = (value: number): AttrValue => attr({ case: "i", value: BigInt(value) });
const type = (value: number): AttrValue => attr({ case: "type", value });
const types = (...values: number[]): AttrValue => fromJson(AttrValueSchema, { list: { type: values } });

describe("an op definition", () => {
  it("is undefined for an op that TensorFlow does not have", () => {
    for (const name of ["NoSuchOp", "", "constructor", "MatMul\t"]) assert.equal(opDef(name), undefined);
  });

  it("is parsed once", () => {
    assert.equal(opDef("MatMul"), opDef("MatMul"));
  });

  it("names inputs, outputs and how they are typed", () => {
    const { inputs, outputs } = known("TopKV2");
    assert.deepEqual(inputs, [
      { name: "input", isRef: false, typeAttr: "T" },
      { name: "k", isRef: false, typeAttr: "Tk" },
    ]);
    assert.deepEqual(outputs, [
      { name: "values", isRef: false, typeAttr: "T" },
      { name: "indices", isRef: false, typeAttr: "index_type" },
    ]);
    assert.deepEqual(known("RestoreV2").outputs, [{ name: "tensors", isRef: false, typeListAttr: "dtypes" }]);
    assert.deepEqual(known("ConcatV2").inputs[0], {
      name: "values",
      isRef: false,
      typeAttr: "T",
      numberAttr: "N",
    });
    assert.deepEqual(known("Assign").inputs[0], { name: "ref", isRef: true, typeAttr: "T" });
    assert.deepEqual(known("ReadVariableOp").inputs, [{ name: "resource", isRef: false, type: 20 }]);
  });

  it("knows minimum, allowed values and state", () => {
    assert.equal(known("ConcatV2").attrs.get("N")?.minimum, 2);
    assert.deepEqual(known("Conv2D").attrs.get("padding")?.allowed, ["SAME", "VALID", "EXPLICIT"]);
    assert.deepEqual(known("TopKV2").attrs.get("Tk")?.allowed, [5, 3, 9]);
    assert.deepEqual(
      ["RandomUniform", "HashTableV2", "MatMul", "Const"].map((name) => known(name).stateful),
      [true, true, false, false],
    );
  });

  const defaults: [op: string, attr: string, value: AttrValue["value"]][] = [
    ["MatMul", "transpose_a", { case: "b", value: false }],
    ["Conv2D", "data_format", { case: "s", value: new TextEncoder().encode("NHWC") }],
    ["Sum", "Tidx", { case: "type", value: 3 }],
    ["ParseSequenceExampleV2", "Ncontext_sparse", { case: "i", value: 0n }],
    ["FusedBatchNormV3", "epsilon", { case: "f", value: Math.fround(0.0001) }],
    ["FusedBatchNormV3", "exponential_avg_factor", { case: "f", value: 1 }],
  ];
  for (const [op, name, value] of defaults) {
    it(`has the default of ${op}.${name}`, () => {
      assert.deepEqual(known(op).attrs.get(name)?.default?.value, value);
    });
  }

  it("has defaults that are lists, shapes and infinite", () => {
    const json = (op: string, name: string): JsonValue =>
      toJson(AttrValueSchema, known(op).attrs.get(name)?.default as AttrValue);
    assert.deepEqual(json("Conv2D", "dilations"), { list: { i: ["1", "1", "1", "1"] } });
    assert.deepEqual(json("Placeholder", "shape"), { shape: { unknownRank: true } });
    assert.deepEqual(json("QuantizedConv2D", "out_type"), { type: "DT_QINT32" });
    assert.deepEqual(json("DebugNumericSummary", "lower_bound"), { f: "-Infinity" });
    assert.equal(known("Const").attrs.get("value")?.default, undefined);
  });
});

describe("a node's flat tensors", () => {
  it("follow type, number and list attributes", () => {
    assert.deepEqual(outputTypes(known("TopKV2"), { T: type(1) }), [1, 3]);
    assert.deepEqual(outputTypes(known("Split"), { num_split: int(3), T: type(2) }), [2, 2, 2]);
    assert.deepEqual(
      inputTypes(known("If"), { Tcond: type(10), Tin: types(1, 7), Tout: types(9) }),
      [10, 1, 7],
    );
    assert.deepEqual(outputTypes(known("VariableV2"), { dtype: type(1) }), [101]);
    assert.equal(inputArity(known("ConcatV2"), { N: int(4), T: type(1) }), 5);
    assert.deepEqual(outputTypes(known("NoOp"), {}), []);
  });

  it("keep the name and place of each arg", () => {
    const attrs = { Tdense: types(1, 9), num_sparse: int(2), sparse_types: types(7, 7) };
    const ragged = { ragged_value_types: types(3), ragged_split_types: types(9) };
    assert.deepEqual(nodeOutputs(known("ParseExampleV2"), { ...attrs, ...ragged }), [
      { name: "sparse_indices", start: 0, types: [9, 9] },
      { name: "sparse_values", start: 2, types: [7, 7] },
      { name: "sparse_shapes", start: 4, types: [9, 9] },
      { name: "dense_values", start: 6, types: [1, 9] },
      { name: "ragged_values", start: 8, types: [3] },
      { name: "ragged_row_splits", start: 9, types: [9] },
    ]);
  });

  const rejected: [situation: string, op: string, attrs: Record<string, AttrValue>, message: RegExp][] = [
    ["a missing attr", "MatMul", {}, /Op MatMul: attr "T" is missing/],
    ["an attr of another kind", "MatMul", { T: int(1) }, /Op MatMul: attr "T" must be of type type, got i/],
    ["a negative count", "Split", { T: type(1), num_split: int(-1) }, /attr "num_split" must be between 0/],
    ["an absurd count", "Split", { T: type(1), num_split: int(2 ** 31) }, /attr "num_split" must be between/],
  ];
  for (const [situation, op, attrs, message] of rejected) {
    it(`are refused with ${situation}`, () => {
      assert.throws(() => outputTypes(known(op), attrs), { code: Code.INVALID_ARGUMENT, message });
    });
  }
});

const registry = fileURLToPath(new URL("../../../../../shared/op_defs.json", import.meta.url));

interface RegistryArg {
  name: string;
  type?: string;
  type_attr?: string;
  type_list_attr?: string;
  number_attr?: string;
  is_ref?: boolean;
}
interface RegistryOp {
  inputs: RegistryArg[];
  outputs: RegistryArg[];
  attrs: Record<string, { type: string; minimum?: number | string; default?: JsonValue }>;
  is_stateful?: boolean;
}

function argOf(arg: RegistryArg): ArgDef {
  return {
    name: arg.name,
    isRef: arg.is_ref ?? false,
    ...(arg.type !== undefined && { type: numberOf(arg.type) }),
    ...(arg.type_attr !== undefined && { typeAttr: arg.type_attr }),
    ...(arg.type_list_attr !== undefined && { typeListAttr: arg.type_list_attr }),
    ...(arg.number_attr !== undefined && { numberAttr: arg.number_attr }),
  };
}

function numberOf(enumName: string): number {
  const value = DataTypeSchema.values.find(({ name }) => name === enumName);
  assert.ok(value, enumName);
  return value.number;
}

/** Bytes rather than objects: JSON has 0.8 where a float32 has the nearest number. */
function bytes(value: AttrValue | undefined): Uint8Array | undefined {
  return value && toBinary(AttrValueSchema, value);
}

describe("the whole op table", {
  skip: existsSync(registry) ? false : "no op registry (../shared/op_defs.json) beside the repository",
}, () => {
  it("says what TensorFlow's registry says", () => {
    const ops = JSON.parse(readFileSync(registry, "utf8")) as Record<string, RegistryOp>;
    assert.deepEqual(opNames(), Object.keys(ops));
    for (const [name, op] of Object.entries(ops)) {
      const def = known(name);
      assert.deepEqual(def.inputs, op.inputs.map(argOf), name);
      assert.deepEqual(def.outputs, op.outputs.map(argOf), name);
      assert.equal(def.stateful, op.is_stateful ?? false, name);
      assert.deepEqual([...def.attrs.keys()], Object.keys(op.attrs), name);
      for (const [attrName, { type, minimum, default: fallback }] of Object.entries(op.attrs)) {
        const attrDef = def.attrs.get(attrName);
        assert.equal(attrDef?.type, type, `${name}.${attrName}`);
        assert.equal(attrDef?.minimum, minimum === undefined ? undefined : Number(minimum));
        assert.deepEqual(
          bytes(attrDef?.default),
          bytes(fallback === undefined ? undefined : fromJson(AttrValueSchema, fallback)),
          `${name}.${attrName}`,
        );
      }
    }
  });
});
