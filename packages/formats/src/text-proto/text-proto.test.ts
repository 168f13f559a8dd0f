import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { create, createRegistry, equals, fromBinary } from "@bufbuild/protobuf";
import { file_tensorflow_core_framework_attr_value } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { file_tensorflow_core_framework_function } from "../protobuf/gen/tensorflow/core/framework/function_pb.js";
import {
  file_tensorflow_core_framework_graph,
  GraphDefSchema,
} from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import {
  file_tensorflow_core_framework_node_def,
  NodeDefSchema,
} from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import {
  file_tensorflow_core_framework_tensor,
  TensorProtoSchema,
} from "../protobuf/gen/tensorflow/core/framework/tensor_pb.js";
import {
  CollectionDefSchema,
  file_tensorflow_core_protobuf_meta_graph,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { ModelSpecSchema } from "../protobuf/gen/tensorflow_serving/apis/model_pb.js";
import { BatchingParametersSchema } from "../protobuf/gen/tensorflow_serving/servables/tensorflow/session_bundle_config_pb.js";
import { goldenSkip, loadCase } from "../testing/golden.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { parseText } from "./parser.js";
import { printText } from "./printer.js";

const registry = createRegistry(
  file_tensorflow_core_framework_attr_value,
  file_tensorflow_core_framework_function,
  file_tensorflow_core_framework_graph,
  file_tensorflow_core_framework_node_def,
  file_tensorflow_core_framework_tensor,
  file_tensorflow_core_protobuf_meta_graph,
);

function parse(type: string, text: string) {
  const schema = registry.getMessage(`tensorflow.${type}`);
  assert.ok(schema !== undefined);
  return parseText(schema, text, { registry });
}

const tensorOf = (text: string) => parseText(TensorProtoSchema, text);

describe("parseText", () => {
  // C++'s parser accepts all of these (tf.io.decode_proto with message_format="text").
  const floats: [string, number[]][] = [
    ["float_val: 1.5f float_val: 1f float_val: 1.5F", [1.5, 1, 1.5]],
    ["float_val: .5 float_val: 5. float_val: -1.5 float_val: - 2", [0.5, 5, -1.5, -2]],
    ["float_val: -inf float_val: INFINITY float_val: nan float_val:-nan", [-Infinity, Infinity, NaN, NaN]],
    ["float_val: 1e40 float_val: 1e-3", [Infinity, Math.fround(1e-3)]],
    ["float_val: 12345678901234567890123456789", [Math.fround(1.2345678901234568e28)]],
    ["float_val: [1, 2.5, -3]", [1, 2.5, -3]],
  ];
  for (const [text, expected] of floats) {
    it(`reads ${text}`, () => assert.deepEqual(tensorOf(text).floatVal, expected));
  }

  const integers: [string, number[]][] = [
    ["int_val: 0x10 int_val: 010 int_val: -0x10 int_val: - 5 int_val: 0", [16, 8, -16, -5, 0]],
    ["int_val: -2147483648 int_val: 2147483647", [-2147483648, 2147483647]],
    ["int_val: []", []],
    ["int_val: 1, int_val: 2; int_val: 3", [1, 2, 3]],
    ["int_val: [1, 2] int_val: 3 # a comment\nint_val:[4]", [1, 2, 3, 4]],
  ];
  for (const [text, expected] of integers) {
    it(`reads ${text}`, () => assert.deepEqual(tensorOf(text).intVal, expected));
  }

  it("reads 64-bit integers in full", () => {
    const { int64Val, uint64Val } = tensorOf(
      "int64_val: 9223372036854775807 int64_val: -9223372036854775808 uint64_val: 18446744073709551615",
    );
    assert.deepEqual(int64Val, [2n ** 63n - 1n, -(2n ** 63n)]);
    assert.deepEqual(uint64Val, [2n ** 64n - 1n]);
  });

  it("reads all forms of booleans", () => {
    const { boolVal } = tensorOf("bool_val: [t, True, true, 1, 0x1, 01, 0, f, False, false]");
    assert.deepEqual(boolVal, [true, true, true, true, true, true, false, false, false, false]);
  });

  it("reads enums by name and by any number", () => {
    const numbers = ["DT_FLOAT", "1", "7777", "-1"].map((value): number => tensorOf(`dtype: ${value}`).dtype);
    assert.deepEqual(numbers, [1, 1, 7777, -1]);
  });

  const strings: [string, string][] = [
    [`"a" 'b' # c\n "\\x41\\101\\n\\?\\'"`, "abAA\n?'"],
    [`"\\u00e9\\U0001F600\\ud83d\\ude00"`, "é😀😀"],
    [`"\\x414\\1234\\400"`, "A4S4\0"],
    [`"it's # no comment"`, "it's # no comment"],
    [`'say "é"'`, 'say "é"'],
    [`""`, ""],
  ];
  for (const [literal, expected] of strings) {
    it(`reads the string ${literal}`, () => {
      const [bytes] = tensorOf(`string_val: ${literal}`).stringVal;
      assert.equal(Buffer.from(bytes ?? []).toString(), expected);
    });
  }

  it("reads bytes that are no text", () => {
    const { stringVal, tensorContent } = tensorOf(`string_val: "\\ud83d" tensor_content: "\\000\\377\\xfe"`);
    assert.deepEqual(stringVal, [Uint8Array.of(0xed, 0xa0, 0xbd)]);
    assert.deepEqual(tensorContent, Uint8Array.of(0, 255, 254));
  });

  it("reads messages between braces and angle brackets, with and without a colon, one by one and in lists", () => {
    for (const text of [
      "tensor_shape: < dim: { size: 1 } dim: < size: 2 > >",
      "tensor_shape { dim: [ { size: 1 }, < size: 2 > ] }",
      "tensor_shape{dim[{size:1},{size:2}]}",
    ]) {
      assert.deepEqual(
        tensorOf(text).tensorShape?.dim.map(({ size }) => size),
        [1n, 2n],
        text,
      );
    }
  });

  it("reads maps: the last of equal keys counts, what is missing is the default", () => {
    const { attr } = parseText(
      NodeDefSchema,
      'attr { key: "T" value { type: DT_FLOAT } } attr { key: "T" value { i: 3 } } attr: [ { value { b: true } }, { key: "U" } ]',
    );
    assert.deepEqual(Object.keys(attr).sort(), ["", "T", "U"]);
    assert.deepEqual(attr.T?.value, { case: "i", value: 3n });
    assert.deepEqual(attr.U?.value.case, undefined);
  });

  it("keeps a key that is special in JavaScript", () => {
    const { attr } = parseText(NodeDefSchema, 'attr { key: "__proto__" value { i: 3 } }');
    assert.deepEqual(Object.keys(attr), ["__proto__"]);
  });

  it("reads wrapped numbers", () => {
    // Fields of google.protobuf.Int64Value, in a oneof and by itself.
    const spec = parseText(ModelSpecSchema, 'name: "m" version { value: 12 }');
    assert.deepEqual((spec.versionChoice.value as { value: bigint }).value, 12n);
    const batching = parseText(
      BatchingParametersSchema,
      "max_batch_size { value: 128 } allowed_batch_sizes: [1, 128]",
    );
    assert.equal(batching.maxBatchSize, 128n);
    assert.deepEqual(batching.allowedBatchSizes, [1n, 128n]);
  });

  it("reads the content of an Any whose type it knows", () => {
    for (const colon of ["", ":"]) {
      const text = `any_list { value { [type.googleapis.com/tensorflow.NodeDef]${colon} { name: "x" } } }`;
      const { kind } = parseText(CollectionDefSchema, text, { registry });
      assert.equal(kind.case, "anyList");
      const [any] = kind.value.value;
      assert.equal(any?.typeUrl, "type.googleapis.com/tensorflow.NodeDef");
      assert.equal(fromBinary(NodeDefSchema, any.value).name, "x");
    }
  });

  it("reads nothing as an empty message", () => {
    assert.ok(equals(GraphDefSchema, parseText(GraphDefSchema, " # nothing\n"), create(GraphDefSchema)));
  });

  // C++'s parser refuses all of these too.
  const refused: [string, string, RegExp][] = [
    ["TensorProto", "float_val: 0x10", /1:12: expected a decimal number, got "0x10"/],
    ["TensorProto", "float_val: 010", /1:12: expected a decimal number/],
    ["TensorProto", "float_val: 1.2.3", /1:15: a number has one decimal point/],
    ["TensorProto", "float_val: 1e", /1:14: "e" must be followed by an exponent/],
    ["TensorProto", "int_val: 08", /1:10: .* must be octal/],
    ["TensorProto", "int_val: 0x", /1:10: "0x" must be followed by hex digits/],
    ["TensorProto", "int_val: 2147483648", /1:10: integer out of range: -2147483648 to 2147483647/],
    ["TensorProto", "int_val: 1.0", /1:10: expected an integer, got "1.0"/],
    ["TensorProto", "int_val: +1", /1:10: expected an integer, got "\+"/],
    ["TensorProto", "int_val: 1a", /1:11: need space between number and identifier/],
    ["TensorProto", "uint32_val: -0", /expected an integer, got "-"/],
    ["TensorProto", "uint64_val: 18446744073709551616", /integer out of range/],
    ["TensorProto", "bool_val: 2", /expected "true" or "false", got "2"/],
    ["TensorProto", "bool_val: TRUE", /expected "true" or "false"/],
    ["TensorProto", "int_val: [1, 2,]", /1:16: expected an integer, got "\]"/],
    ["TensorProto", "int_val: [1 2]", /1:13: expected "," or "\]", got "2"/],
    ["TensorProto", "int_val [1]", /1:9: expected ":", got "\["/],
    ["TensorProto", "int_val: 1,, int_val: 2", /1:12: expected a field name/],
    ["TensorProto", "; int_val: 1", /1:1: expected a field name, got ";"/],
    ["TensorProto", "dtype: DT_NOPE", /tensorflow.DataType has no value named "DT_NOPE"/],
    ["TensorProto", "dtype: 1\n\n  dtype: 2", /3:3: non-repeated field "dtype" is specified multiple times/],
    ["TensorProto", "tensor_shape { dim { size: 1 } >", /1:32: expected a field name or "}", got ">"/],
    ["TensorProto", "tensor_shape { dim { size: 1 }", /got the end/],
    ["TensorProto", 'string_val: "\\xg"', /1:16: a hex escape needs digits/],
    ["TensorProto", 'string_val: "\\q"', /1:14: invalid escape sequence/],
    ["TensorProto", 'string_val: "\\u12"', /\\u needs 4 hex digits/],
    ["TensorProto", 'string_val: "a\nb"', /1:15: a string ends on its line/],
    ["TensorProto", 'string_val: "abc', /1:13: a string has no end/],
    ["TensorProto", "string_val: abc", /1:13: expected a string, got "abc"/],
    ["TensorProto", "nosuch: 5", /1:1: message type "tensorflow.TensorProto" has no field named "nosuch"/],
    ["TensorProto", "intVal: 5", /has no field named "intVal"/],
    ["TensorProto", "7: 5", /expected a field name, got "7"/],
    [
      "AttrValue",
      "i: 1 f: 2",
      /1:6: field "f" is specified along with field "i", another member of oneof "value"/,
    ],
    ["NodeDef", 'attr { key: "T" key: "U" }', /1:17: non-repeated field "key"/],
    ["NodeDef", "attr { name: 1 }", /1:8: a map entry has no field named "name"/],
    ["NodeDef", 'name: "\\xff"', /1:7: a string is not UTF-8/],
    [
      "CollectionDef",
      "any_list { value { [other.com/tensorflow.NodeDef] { } } }",
      /unknown message type "other.com/,
    ],
    [
      "CollectionDef",
      "any_list { value { [type.googleapis.com/tensorflow.Nope] { } } }",
      /unknown message type/,
    ],
    [
      "CollectionDef",
      'any_list { value { type_url: "x" [type.googleapis.com/tensorflow.NodeDef] { } } }',
      /1:34: a google.protobuf.Any has one content/,
    ],
    ["GraphDef", "[tensorflow.extension]: 1", /has no extension "\[tensorflow.extension\]"/],
    ["GraphDef", "versions { producer: 5 } // x", /1:26: expected a field name, got "\/"/],
    ["GraphDef", "\u0001", /1:1: invalid character/],
  ];
  for (const [type, text, message] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parse(type, text), { codeName: "INVALID_ARGUMENT", message });
    });
  }

  it("names the text in errors", () => {
    const read = () => parseText(GraphDefSchema, "x", { what: "graph.pbtxt" });
    assert.throws(read, /Error parsing text-format graph.pbtxt: 1:1: /);
  });

  it("refuses messages that are nested too deep, and reads a hundred", () => {
    // A VariantTensorDataProto holds TensorProtos, which hold them in turn.
    const text = (levels: number) =>
      `${"variant_val { tensors { ".repeat(levels)}dtype: DT_FLOAT${" } }".repeat(levels)}`;
    tensorOf(text(49));
    for (const levels of [50, 100_000]) {
      assert.throws(() => tensorOf(text(levels)), {
        codeName: "INVALID_ARGUMENT",
        message: /more than 100 messages/,
      });
    }
  });

  it("takes time in proportion to the text", () => {
    const list = (count: number) => "float_val: 0.123456\n".repeat(count);
    const literal = (count: number) => `tensor_content: "${"\\001\\377ab".repeat(count)}"`;
    for (const text of [list, literal]) {
      tensorOf(text(10_000));
      const started = performance.now();
      tensorOf(text(200_000));
      // About 100 ms; a parser that copies the rest of the text at each token takes minutes.
      assert.ok(performance.now() - started < 10_000);
    }
  });

  it("survives damage", () => {
    const text =
      'node { name: "a" attr { key: "T" value { list { f: [1.5, -2e3] s: "\\x41\\n" } } } } # c\nversions <producer: 12>';
    for (const { label, bytes } of mutations(Buffer.from(text), 6, 3000)) {
      readOrRefuse(label, () => parseText(GraphDefSchema, Buffer.from(bytes).toString("latin1")));
    }
  });
});

describe("printText", () => {
  it("prints as C++ does", () => {
    const node = create(NodeDefSchema, {
      name: 'é "quoted"\n',
      op: "Const",
      input: ["a", "b"],
      attr: {
        z: { value: { case: "type", value: 1 } },
        a: { value: { case: "tensor", value: { dtype: 7, stringVal: [Uint8Array.of(0, 0x61, 0xff)] } } },
        f: { value: { case: "f", value: Math.fround(0.1) } },
      },
    });
    const text = [
      'name: "\\303\\251 \\"quoted\\"\\n"',
      'op: "Const"',
      'input: "a"',
      'input: "b"',
      "attr {",
      '  key: "a"',
      "  value {",
      "    tensor {",
      "      dtype: DT_STRING",
      '      string_val: "\\000a\\377"',
      "    }",
      "  }",
      "}",
      "attr {",
      '  key: "f"',
      "  value {",
      "    f: 0.1",
      "  }",
      "}",
      "attr {",
      '  key: "z"',
      "  value {",
      "    type: DT_FLOAT",
      "  }",
      "}",
      "",
    ];
    assert.equal(printText(NodeDefSchema, node), text.join("\n"));
  });

  it("prints numbers so that they are read back", () => {
    const values = [0.1, 1 / 3, 1e-45, 3.4028234663852886e38, -0, NaN, Infinity, -Infinity, 16777216].map(
      Math.fround,
    );
    const proto = create(TensorProtoSchema, {
      floatVal: values,
      doubleVal: [0.1, 5e-324],
      int64Val: [-(2n ** 63n)],
    });
    const read = tensorOf(printText(TensorProtoSchema, proto));
    assert.deepEqual(read.floatVal, values);
    assert.deepEqual(read.doubleVal, [0.1, 5e-324]);
    assert.deepEqual(read.int64Val, [-(2n ** 63n)]);
  });

  it("expands an Any whose type it knows, keeps the bytes of one it does not", () => {
    const value = { typeUrl: "type.googleapis.com/tensorflow.NodeDef", value: Uint8Array.of(0x0a, 1, 0x78) };
    const collection = create(CollectionDefSchema, { kind: { case: "anyList", value: { value: [value] } } });
    const expanded = printText(CollectionDefSchema, collection, { registry });
    assert.match(expanded, /\[type\.googleapis\.com\/tensorflow\.NodeDef\] \{\n {6}name: "x"/);
    const plain = printText(CollectionDefSchema, collection);
    assert.match(plain, /type_url: .*\n {4}value: "\\n\\001x"/);
    for (const text of [expanded, plain]) {
      assert.ok(equals(CollectionDefSchema, parseText(CollectionDefSchema, text, { registry }), collection));
    }
  });
});

describe("graphs that TensorFlow printed", { skip: goldenSkip() }, () => {
  it("are read, and printed are read again", () => {
    const golden = loadCase("frozen_graph_pbtxt");
    const graph = parseText(GraphDefSchema, readFileSync(path.join(golden.dir, golden.path), "utf8"));
    assert.deepEqual([...new Set(graph.node.map(({ op }) => op))].sort(), [...golden.ops].sort());
    assert.ok(equals(GraphDefSchema, parseText(GraphDefSchema, printText(GraphDefSchema, graph)), graph));
  });

  it("are the same in binary form", () => {
    const golden = loadCase("const_encodings");
    const graph = fromBinary(GraphDefSchema, readFileSync(path.join(golden.dir, golden.path)));
    assert.ok(equals(GraphDefSchema, parseText(GraphDefSchema, printText(GraphDefSchema, graph)), graph));
  });
});
