import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { SavedTensorSlicesSchema } from "../protobuf/gen/tensorflow/core/util/saved_tensor_slice_pb.js";
import { stringTensor, type Tensor, tensor } from "../tensor.js";
import { goldenSkip, loadCase } from "../testing/golden.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { openCheckpoint } from "./open.js";
import { SsTable } from "./sstable.js";
import { resolveSlice, sliceFromProto, type TensorSlice } from "./tensor-slice.js";
import { V1CheckpointWriter } from "./v1-writer.js";

function write(file: string, tensors: Iterable<readonly [string, Tensor]>): void {
  const writer = V1CheckpointWriter.create(file);
  for (const [name, value] of tensors) writer.add(name, value);
  writer.finish();
}

describe("a written V1 checkpoint", () => {
  const tensors = new Map<string, Tensor>([
    [
      "weights",
      tensor("float32", [2, 3], Float32Array.of(1, -2, 3.5, 0, Number.NaN, Number.NEGATIVE_INFINITY)),
    ],
    ["empty", tensor("float64", [0, 4], new Float64Array(0))],
    ["double", tensor("float64", [2], Float64Array.of(1 / 3, -1e300))],
    ["step", tensor("int64", [], BigInt64Array.of(-(2n ** 63n)))],
    ["int32", tensor("int32", [4], Int32Array.of(-(2 ** 31), -1, 0, 2 ** 31 - 1))],
    ["int16", tensor("int16", [2], Int16Array.of(-32768, 32767))],
    ["int8", tensor("int8", [2], Int8Array.of(-128, 127))],
    ["uint8", tensor("uint8", [2], Uint8Array.of(0, 255))],
    ["uint16", tensor("uint16", [1], Uint16Array.of(65535))],
    ["qint32", tensor("qint32", [1], Int32Array.of(-7))],
    ["words", stringTensor([2, 2], ["a", "", "ü", "x".repeat(300)])],
    ["no words", stringTensor([0], [])],
    ["half", tensor("float16", [2], Uint16Array.of(0x3c00, 0x7bff))],
    ["complex", tensor("complex64", [1], Float32Array.of(1, 2))],
    ["complex128", tensor("complex128", [1], Float64Array.of(1, -2))],
    ["ok", tensor("bool", [2], Uint8Array.of(1, 0))],
    [
      "many",
      tensor(
        "int64",
        [5000],
        BigInt64Array.from({ length: 5000 }, (_, i) => BigInt(i) - 2500n),
      ),
    ],
  ]);

  it("gives its tensors back", () => {
    const file = path.join(temporaryFolder(), "model.ckpt");
    write(file, tensors);
    const reader = openCheckpoint(file);
    assert.deepEqual(reader.names().sort(), [...tensors.keys()].sort());
    for (const [name, value] of tensors) assert.deepEqual(reader.read(name), value, name);
    reader.close();
  });

  it("may hold a tensor in slices", () => {
    const file = path.join(temporaryFolder(), "model.ckpt");
    const writer = V1CheckpointWriter.create(file);
    const part = (...values: number[]) =>
      tensor("float32", [values.length / 2, 2], Float32Array.from(values));
    writer.addSlice("p", [3, 2], { start: [2, 0], length: [1, -1] }, part(5, 6));
    writer.addSlice("p", [3, 2], { start: [0, 0], length: [2, -1] }, part(1, 2, 3, 4));
    writer.finish();
    const reader = openCheckpoint(file);
    assert.deepEqual(reader.info("p"), { dtype: "float32", shape: [3, 2], sliced: true });
    assert.deepEqual(reader.read("p"), part(1, 2, 3, 4, 5, 6));
    reader.close();
  });

  it("appears only when it is complete, and leaves nothing behind when given up", () => {
    const folder = temporaryFolder();
    const file = path.join(folder, "model.ckpt");
    const writer = V1CheckpointWriter.create(file);
    writer.add("step", tensors.get("step") as Tensor);
    assert.ok(!readdirSync(folder).includes("model.ckpt"));
    writer.discard();
    assert.deepEqual(readdirSync(folder), []);
    write(file, tensors);
    assert.deepEqual(readdirSync(folder), ["model.ckpt"]);
  });

  const floats = (shape: number[]) =>
    tensor("float32", shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));
  const rows = { start: [0, 0], length: [2, -1] };
  const refusals: [string, (writer: V1CheckpointWriter) => void, RegExp][] = [
    ["an empty name", (writer) => writer.add("", floats([])), /needs a name/],
    ["a name that is taken", (writer) => writer.add("x", floats([3, 2])), /slice -:- of tensor "x" already/],
    [
      "a dtype that the format lacks",
      (writer) => writer.add("b", tensor("bfloat16", [1], Uint16Array.of(0))),
      /tensor "b" is bfloat16.*V2/,
    ],
    [
      "a value of another shape than its slice",
      (writer) => writer.addSlice("x", [3, 2], rows, floats([1, 2])),
      /slice 0,2:- has shape \[2,2\], its value \[1,2\]/,
    ],
    [
      "a slice outside of the shape",
      (writer) => writer.addSlice("x", [1, 2], rows, floats([2, 2])),
      /slice 0,2:- is not inside of shape \[1,2\]/,
    ],
    [
      "slices that disagree on the shape",
      (writer) => writer.addSlice("x", [4, 2], rows, floats([2, 2])),
      /must agree/,
    ],
  ];
  for (const [title, add, message] of refusals) {
    it(`refuses ${title}: INVALID_ARGUMENT`, () => {
      const writer = V1CheckpointWriter.create(path.join(temporaryFolder(), "model.ckpt"));
      writer.add("x", floats([3, 2]));
      assert.throws(() => add(writer), { codeName: "INVALID_ARGUMENT", message });
      writer.discard();
    });
  }

  it("is NOT_FOUND in a folder that is missing", () => {
    assert.throws(() => V1CheckpointWriter.create(path.join(temporaryFolder(), "none", "model.ckpt")), {
      codeName: "NOT_FOUND",
    });
  });
});

/** Slices in the order in which a file lists them, which is the order in which they were added. */
function listedSlices(file: string): { name: string; slice: TensorSlice }[] {
  const table = SsTable.open(file);
  const { meta } = fromBinary(SavedTensorSlicesSchema, table.get(new Uint8Array(0)) as Uint8Array);
  table.close();
  return (meta?.tensor ?? []).flatMap(({ name, slice }) =>
    slice.map((proto) => ({ name, slice: sliceFromProto(proto) })),
  );
}

describe("a V1 checkpoint of TensorFlow, written again", { skip: goldenSkip() }, () => {
  for (const [name, file] of [
    ["ckpt_v1_dtypes", undefined],
    ["ckpt_v1_sharded", "model.ckpt-00000-of-00002"],
    ["ckpt_v1_sharded", "model.ckpt-00001-of-00002"],
  ] as const) {
    it(`is the same bytes: ${name} ${file ?? ""}`, () => {
      const golden = loadCase(name);
      const original = path.join(golden.dir, file ?? golden.path);
      const folder = temporaryFolder();
      mkdirSync(folder, { recursive: true });
      const copy = path.join(folder, "copy");
      const reader = openCheckpoint(path.join(golden.dir, golden.path));
      const writer = V1CheckpointWriter.create(copy);
      for (const { name, slice } of listedSlices(original)) {
        const { shape } = reader.info(name);
        const value = reader.readSlice(name, resolveSlice(slice, shape, name));
        writer.addSlice(name, shape, slice, value);
      }
      writer.finish();
      reader.close();
      assert.deepEqual(readFileSync(copy), readFileSync(original));
    });
  }
});
