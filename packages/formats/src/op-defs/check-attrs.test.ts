import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AttrValueSchema } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { encodeText } from "../tensor.js";
import { attrProblems } from "./check-attrs.js";
import { type OpDef, opDef } from "./op-def.js";

type Value = NonNullable<MessageInitShape<typeof AttrValueSchema>["value"]>;
const DT_FLOAT = 1;
const DT_STRING = 7;
const list = (content: object): Value => ({ case: "list", value: content });
const float: Value = { case: "type", value: DT_FLOAT };

/** Op, attributes as a node has them, what is wrong. Kinds, minima and allowed values are those of ops.pbtxt. */
const cases: readonly (readonly [op: string, attrs: Record<string, Value>, problems: readonly string[]])[] = [
  ["Neg", { T: float }, []],
  ["Neg", {}, ['attr "T" is missing']],
  ["Neg", { T: { case: "i", value: 1n } }, ['attr "T" must be of type type, got i']],
  ["Neg", { T: { case: "placeholder", value: "T" } }, []],
  ["Neg", { T: float, _class: { case: "s", value: new Uint8Array() } }, []],
  ["AddN", { T: float, N: { case: "i", value: 0n } }, ['attr "N" must be at least 1, got 0']],
  ["StringSplitV2", {}, []],
  [
    "StringToHashBucketFast",
    { num_buckets: { case: "i", value: -(2n ** 63n) } },
    [`attr "num_buckets" must be at least 1, got ${-(2n ** 63n)}`],
  ],
  [
    "MaxPool",
    { ksize: list({ i: [1n, 2n, 2n] }), strides: list({ i: [1n, 2n, 2n, 1n] }) },
    ['attr "ksize" must have a length of at least 4, got 3', 'attr "padding" is missing'],
  ],
  [
    "MaxPool",
    {
      ksize: list({ i: [1n, 2n, 2n, 1n] }),
      strides: list({ f: [1, 2, 2, 1] }),
      padding: { case: "s", value: encodeText("WIDE") },
    },
    [
      'attr "strides" must be of type list(int), got list(f)',
      'attr "padding" must be one of SAME, VALID, EXPLICIT, got WIDE',
    ],
  ],
  [
    "ParseExample",
    {
      Nsparse: { case: "i", value: 0n },
      Ndense: { case: "i", value: 0n },
      dense_shapes: list({}),
      sparse_types: list({ type: [] }),
      Tdense: list({ type: [DT_FLOAT, 10] }),
    },
    ['attr "Tdense" must be one of DT_FLOAT, DT_INT64, DT_STRING, got DT_BOOL'],
  ],
  [
    "Cumsum",
    { T: float, Tidx: { case: "type", value: DT_STRING } },
    ['attr "Tidx" must be one of DT_INT32, DT_INT64, got DT_STRING'],
  ],
];

describe("attributes of a node", () => {
  for (const [op, attrs, expected] of cases) {
    it(`${op} with ${Object.keys(attrs).join(", ") || "none"}: ${expected.length === 0 ? "fit" : expected.join("; ")}`, () => {
      const node = Object.fromEntries(
        Object.entries(attrs).map(([name, value]) => [name, create(AttrValueSchema, { value })]),
      );
      assert.deepEqual(attrProblems(opDef(op) as OpDef, node), expected);
    });
  }
});
