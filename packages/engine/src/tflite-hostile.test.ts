/**
 * Well-formed TensorFlow Lite models that ask for what can't be (conformance/tflite/hostile.py makes them): refused
 * when they are loaded where nothing that is fed could help, otherwise by the request.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { allocate, type CodeName, elementCount, type Signature, type Tensor } from "@servable/formats";
import { loadTfliteModel } from "./tflite-model.js";

const fixtures = fileURLToPath(new URL("../src/fixtures/tflite-hostile/", import.meta.url));

type Refusal = readonly [codeName: CodeName, message: RegExp];

const refusedAtLoad: Readonly<Record<string, Refusal>> = {
  branch_nowhere: ["DATA_LOSS", /IF \(tensor "y"\): subgraph 5 is used, but there are 1/],
  constant_huge: ["DATA_LOSS", /tensor "c": Shape \[1073741824,1073741824,1073741824\] has too many/],
  constant_too_short: ["DATA_LOSS", /tensor "c": 1000 elements of float32 need 4000 bytes, got 16/],
  conv_activation_unknown: ["UNIMPLEMENTED", /CONV_2D \(tensor "y"\): activation function 9/],
  conv_dilation_0: ["DATA_LOSS", /CONV_2D \(tensor "y"\): dilationH 0 must be positive/],
  conv_filter_rank: ["INVALID_ARGUMENT", /signature "serving_default": .*y\/Transpose/],
  conv_stride_0: ["DATA_LOSS", /CONV_2D \(tensor "y"\): strideW 0 must be positive/],
  custom_operator: ["UNIMPLEMENTED", /no support for TensorFlow Lite operators Whatever \(tensor "y"\)/],
  cycle: ["DATA_LOSS", /ADD \(tensor "y"\): tensor "z" .* is used before it is computed/],
  depth_to_space_0: ["INVALID_ARGUMENT", /attr "block_size" must be at least 2, got 0/],
  fill_huge: ["INVALID_ARGUMENT", /Shape \[32768,32768,1024\] has too many elements/],
  flex_nonsense: ["DATA_LOSS", /FlexWhatever \(tensor "y"\): its options hold no node/],
  loop_of_itself: ["RESOURCE_EXHAUSTED", /WHILE \(tensor "y"\): .*subgraphs use each other more often/],
  no_inputs: ["INVALID_ARGUMENT", /ADD \(tensor "y"\): .*takes 2 inputs \(x, y\), got 0/],
  output_never_computed: ["DATA_LOSS", /tensor "y" \(float32 of shape \[1\]\) is used before/],
  pack_axis: ["INVALID_ARGUMENT", /signature "serving_default": .*y\/Pack.*axis/],
  pool_filter_0: ["DATA_LOSS", /MAX_POOL_2D \(tensor "y"\): filterWidth 0 must be positive/],
  pool_filter_negative: ["DATA_LOSS", /MAX_POOL_2D \(tensor "y"\): filterHeight -3 must be positive/],
  pool_padding_unknown: ["UNIMPLEMENTED", /MAX_POOL_2D \(tensor "y"\): padding 7 is not known/],
  pool_stride_0: ["DATA_LOSS", /MAX_POOL_2D \(tensor "y"\): strideW 0 must be positive/],
  reshape_huge: ["INVALID_ARGUMENT", /Reshape node "y\/Reshape": .*too many elements/],
  resize_huge: ["INVALID_ARGUMENT", /Shape \[1,1073741824,1073741824,2\] has too many elements/],
  scales_of_channels: ["UNIMPLEMENTED", /ABS \(tensor "y"\): .*a scale for each of 2 channels/],
  scales_without_numbers: ["DATA_LOSS", /ABS \(tensor "y"\): .*scale NaN and zero point 0/],
  space_to_depth_negative: ["INVALID_ARGUMENT", /attr "block_size" must be at least 2, got -2/],
  split_0: ["DATA_LOSS", /SPLIT \(tensor "y"\) has no input 1/],
  strided_slice_0: ["INVALID_ARGUMENT", /signature "serving_default": .*y\/StridedSlice.*cannot be 0/],
  strings_outside: ["DATA_LOSS", /RESHAPE \(tensor "t"\): tensor "s": string 0 is outside of its bytes/],
  tile_huge: ["INVALID_ARGUMENT", /Shape \[.*\] has too many elements/],
  unknown_operator: ["UNIMPLEMENTED", /no support for TensorFlow Lite operators SVDF \(tensor "y"\)/],
  wrong_options: ["DATA_LOSS", /MEAN \(tensor "y"\): .*has SplitOptions, expected ReducerOptions/],
  wrong_type: ["INVALID_ARGUMENT", /SHAPE \(tensor "y"\): .*attr "out_type" must be one of/],
};

const refusedWhenRun: Readonly<Record<string, Refusal>> = {
  conv_channels: ["INVALID_ARGUMENT", /depth must be evenly divisible by filter depth: 2 vs 5/],
  gather_outside: ["INVALID_ARGUMENT", /indices\[0\] = 99 is not in \[0, 1\)/],
  mean_axis: ["INVALID_ARGUMENT", /Mean node "y\/Mean": Invalid reduction dimension \(9/],
  pad_negative: ["INVALID_ARGUMENT", /Pad node "y\/Pad": Paddings must be non-negative/],
  reshape_elsewhere: ["INVALID_ARGUMENT", /tensor with 32 values, but the requested shape has 35/],
  resize_negative: ["INVALID_ARGUMENT", /node "y\/ResizeBilinear/],
  transpose_twice: ["INVALID_ARGUMENT", /Transpose node "y\/Transpose": 3 is missing/],
  unpack_more: ["INVALID_ARGUMENT", /Input shape axis 0 must equal 1000/],
};

/** Odd, and yet there is an answer: an axis that one operand makes no use of, windows larger than the image. */
const answered = [
  "concat_axis",
  "conv_dilation_huge",
  "conv_filter_empty",
  "pool_filter_huge",
  "pool_stride_huge",
];

/** Zeros for every input. */
function zeros({ inputs }: Signature): Map<string, Tensor> {
  return new Map(
    [...inputs].map(([name, { dtype, shape }]) => {
      const sizes = (shape ?? []).map((size) => Math.max(size, 1));
      return [name, { dtype, shape: sizes, data: allocate(dtype, elementCount(sizes)) } as Tensor];
    }),
  );
}

describe("A TensorFlow Lite model that asks for what can't be", () => {
  for (const [name, [codeName, message]] of Object.entries(refusedAtLoad)) {
    it(`${name} is refused: ${codeName}`, () => {
      assert.throws(() => loadTfliteModel(`${fixtures}${name}.tflite`), { codeName, message });
    });
  }

  for (const [name, [codeName, message]] of Object.entries(refusedWhenRun)) {
    it(`${name} loads, and its requests are refused: ${codeName}`, () => {
      const model = loadTfliteModel(`${fixtures}${name}.tflite`);
      const [signature] = model.signatures.values();
      assert.ok(signature !== undefined);
      assert.throws(() => model.run(signature.name, zeros(signature)), { codeName, message });
      model.close();
    });
  }

  for (const name of answered) {
    it(`${name} is answered all the same`, () => {
      const model = loadTfliteModel(`${fixtures}${name}.tflite`);
      const [signature] = model.signatures.values();
      assert.ok(signature !== undefined);
      assert.equal(model.run(signature.name, zeros(signature)).size, signature.outputs.size);
      model.close();
    });
  }

  it("is one of these", () => {
    const listed = [...Object.keys(refusedAtLoad), ...Object.keys(refusedWhenRun), ...answered];
    const files = readdirSync(fixtures).map((file) => file.replace(/\.tflite$/, ""));
    assert.deepEqual(listed.sort(), files.sort());
  });
});
