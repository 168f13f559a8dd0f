import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "../status.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { decodeMessage } from "./binary.js";
import { GraphDefSchema } from "./gen/tensorflow/core/framework/graph_pb.js";
import { TensorProtoSchema } from "./gen/tensorflow/core/framework/tensor_pb.js";

const graph = toBinary(
  GraphDefSchema,
  create(GraphDefSchema, {
    node: [{ name: "a", op: "Const", attr: { value: { value: { case: "s", value: Uint8Array.of(1, 2) } } } }],
  }),
);

/** A field with a length before its content. */
const delimited = (field: number, content: Uint8Array): Uint8Array => {
  const length: number[] = [];
  for (let rest = content.length; ; rest >>>= 7) {
    length.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  return Buffer.concat([Uint8Array.of((field << 3) | 2, ...length), content]);
};

describe("decodeMessage", () => {
  it("reads a message", () => {
    assert.equal(decodeMessage(GraphDefSchema, graph, "graph.pb").node[0]?.op, "Const");
  });

  const refused: [string, Uint8Array, RegExp][] = [
    [
      "a cut",
      graph.subarray(0, 20),
      /graph.pb is no tensorflow.GraphDef: a value of \d+ bytes where 18 are left at byte 0 \(tensorflow.GraphDef.node\)/,
    ],
    ["a tag of field 0", Uint8Array.of(0, 1), /no field tag at byte 0/],
    [
      "a name that is not UTF-8",
      delimited(1, delimited(1, Uint8Array.of(0xff))),
      /a string is not UTF-8 at byte 4 \(tensorflow.GraphDef.node.name\)/,
    ],
    ["an endless number", new Uint8Array(30).fill(0xff), /no field tag at byte 0/],
  ];
  for (const [title, bytes, message] of refused) {
    it(`says where ${title} is`, () => {
      assert.throws(() => decodeMessage(GraphDefSchema, bytes, "graph.pb"), {
        codeName: "DATA_LOSS",
        message,
      });
    });
  }

  it("uses the code that suits the source", () => {
    const read = () => decodeMessage(GraphDefSchema, Uint8Array.of(0), "request", Code.INVALID_ARGUMENT);
    assert.throws(read, { codeName: "INVALID_ARGUMENT" });
  });

  it("refuses a hundred thousand messages inside each other", () => {
    // variant_val { tensors { variant_val { … } } }
    let bytes: Uint8Array = new Uint8Array(0);
    const deep = (levels: number) => {
      bytes = new Uint8Array(0);
      for (let i = 0; i < levels; i++) bytes = delimited(i % 2 === 0 ? 3 : 15, bytes);
      return bytes;
    };
    assert.ok(decodeMessage(TensorProtoSchema, deep(98), "tensor"));
    const message = /more than 100 messages inside each other/;
    assert.throws(() => decodeMessage(TensorProtoSchema, deep(2000), "tensor"), {
      codeName: "DATA_LOSS",
      message,
    });
  });

  it("survives damage", () => {
    for (const { label, bytes } of mutations(graph, 8, 3000)) {
      readOrRefuse(label, () => decodeMessage(GraphDefSchema, bytes, "graph.pb"));
    }
  });
});
