/** Expected shapes are those that TensorFlow's own shape functions give (conformance/load_in_tensorflow.py compares them). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PartialShape } from "../shape.js";
import { shapeText } from "../shape.js";
import { stringTensor, tensor } from "../tensor.js";
import { GraphBuilder } from "./graph-builder.js";
import type { AttrInputs } from "./node-completion.js";
import type { Output } from "./operation.js";

const ints = (...values: number[]) => tensor("int32", [values.length], Int32Array.from(values));
const int = (value: number) => tensor("int32", [], Int32Array.of(value));
type Values = readonly (ReturnType<typeof ints> | PartialShape)[];

/** Op, inputs (a shape stands for a float32 placeholder), attributes, the shapes of the outputs. */
const cases: [op: string, inputs: Values, attrs: AttrInputs, expected: PartialShape[]][] = [
  ["Softmax", [[-1, 10]], {}, [[-1, 10]]],
  ["Relu", [null], {}, [null]],
  ["AddV2", [[-1, 10], [10]], {}, [[-1, 10]]],
  [
    "AddV2",
    [
      [2, 1],
      [1, 3],
    ],
    {},
    [[2, 3]],
  ],
  ["AddV2", [[-1, 1], [-1]], {}, [[-1, -1]]],
  [
    "AddV2",
    [
      [0, 3],
      [1, 3],
    ],
    {},
    [[0, 3]],
  ],
  ["AddV2", [[3], null], {}, [null]],
  [
    "MatMul",
    [
      [-1, 784],
      [784, 10],
    ],
    {},
    [[-1, 10]],
  ],
  [
    "MatMul",
    [
      [5, 2],
      [7, 2],
    ],
    { transpose_b: true },
    [[5, 7]],
  ],
  ["MatMul", [null, [7, 2]], {}, [[-1, 2]]],
  ["Reshape", [[4, 6], ints(2, -1)], {}, [[2, 12]]],
  ["Reshape", [[-1, 6], ints(-1, 3)], {}, [[-1, 3]]],
  ["Reshape", [[-1, 6], [2]], {}, [[-1, -1]]],
  ["Sum", [[2, 3, 4], ints(-1, 0)], {}, [[3]]],
  ["Mean", [[2, 3, 4], ints(1)], { keep_dims: true }, [[2, 1, 4]]],
  ["ArgMax", [[-1, 10], int(-1)], {}, [[-1]]],
  ["ExpandDims", [[2, 3], int(-1)], {}, [[2, 3, 1]]],
  [
    "TopKV2",
    [[-1, 10], int(4)],
    {},
    [
      [-1, 4],
      [-1, 4],
    ],
  ],
  ["Transpose", [[2, -1, 4], ints(2, 0, 1)], {}, [[4, 2, -1]]],
  ["Shape", [[2, -1, 4]], {}, [[3]]],
  ["Fill", [ints(2, 3), int(0)], {}, [[2, 3]]],
  ["Unique", [[5]], {}, [[-1], [5]]],
];

describe("the shapes of outputs", () => {
  for (const [op, inputs, attrs, expected] of cases) {
    const text = inputs.map((input) => shapeText(isShape(input) ? input : input.shape)).join(" ");
    it(`of ${op} of ${text} are ${expected.map(shapeText).join(" ")}`, () => {
      const g = new GraphBuilder();
      const node = g.op(
        op,
        inputs.map((input): Output | ReturnType<typeof ints> =>
          isShape(input) ? placeholderFor(g, op, input) : input,
        ),
        attrs,
      );
      assert.deepEqual(
        node.outputs.map(({ shape }) => shape),
        expected,
      );
    });
  }

  it("of parsed examples are the batch and what was declared", () => {
    const g = new GraphBuilder();
    const parse = g.op(
      "ParseExampleV2",
      [
        g.placeholder("string", [-1]),
        stringTensor([0], []),
        stringTensor([1], ["s"]),
        stringTensor([1], ["x"]),
        stringTensor([0], []),
        [tensor("float32", [0], new Float32Array(0))],
      ],
      {
        num_sparse: 1,
        sparse_types: ["int64"],
        ragged_value_types: [],
        ragged_split_types: [],
        dense_shapes: [[28, 28]],
      },
    );
    const shapeOf = (arg: string) => parse.outputsOf(arg).map(({ shape }) => shape);
    assert.deepEqual(shapeOf("dense_values"), [[-1, 28, 28]]);
    assert.deepEqual(shapeOf("sparse_indices"), [[-1, 2]]);
    assert.deepEqual(shapeOf("sparse_values"), [[-1]]);
    assert.deepEqual(shapeOf("sparse_shapes"), [[2]]);
  });
});

function isShape(input: Values[number]): input is PartialShape {
  return input === null || Array.isArray(input);
}

function placeholderFor(g: GraphBuilder, op: string, shape: PartialShape): Output {
  return g.placeholder(op === "Reshape" && shape?.length === 1 ? "int32" : "float32", shape);
}
