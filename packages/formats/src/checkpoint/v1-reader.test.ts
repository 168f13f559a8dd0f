import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { SavedTensorSlicesSchema } from "../protobuf/gen/tensorflow/core/util/saved_tensor_slice_pb.js";
import { encodeText } from "../tensor.js";
import { decodeTensor, goldenSkip, loadCase, loadCases } from "../testing/golden.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { temporaryFolder, writeFile } from "../testing/temporary-folder.js";
import { checkpointExists, openCheckpoint } from "./open.js";
import { encodeTensorNameSlice, FULL_EXTENT } from "./ordered-code.js";
import { SsTableWriter } from "./sstable-writer.js";
import { assertHolds } from "./testing/golden-checkpoint.js";
import { V1CheckpointReader } from "./v1-reader.js";

describe("V1 checkpoints that TensorFlow wrote", { skip: goldenSkip() }, () => {
  for (const golden of loadCases(({ kind }) => kind === "checkpoint_v1")) {
    it(`${golden.name}: names, dtypes, shapes and values`, () => {
      const reader = openCheckpoint(path.join(golden.dir, golden.path));
      assertHolds(reader, golden);
      reader.close();
    });
  }

  it("in shards are found by their prefix alone", () => {
    const { dir } = loadCase("ckpt_v1_sharded");
    for (const name of ["model.ckpt", "model.ckpt-?????-of-00002"]) {
      const prefix = path.join(dir, name);
      assert.ok(checkpointExists(prefix));
      const reader = openCheckpoint(prefix);
      assert.deepEqual(reader.names(), ["a", "b", "p"]);
      assert.deepEqual(reader.info("p"), { dtype: "float32", shape: [6, 2], sliced: true });
      reader.close();
    }
    assert.equal(checkpointExists(path.join(dir, "model.ckpt-?????-of-00003")), false);
    assert.equal(checkpointExists(dir), false);
  });

  it("give slices across the stored ones", () => {
    const golden = loadCase("ckpt_v1_dtypes");
    const reader = openCheckpoint(path.join(golden.dir, golden.path));
    const whole = decodeTensor(golden.variables?.part as never).data as Float32Array;
    const part = reader.readSlice("part", { start: [2, 0], length: [5, FULL_EXTENT] });
    assert.deepEqual(part.shape, [5, 3]);
    assert.deepEqual([...(part.data as Float32Array)], [...whole.subarray(6, 21)]);
    assert.equal(reader.location("part"), undefined);
    assert.throws(() => reader.read("nothing"), { codeName: "NOT_FOUND" });
    reader.close();
  });

  it("under random damage are read or refused", () => {
    const golden = loadCase("ckpt_v1_dtypes");
    const folder = temporaryFolder();
    cpSync(golden.dir, folder, { recursive: true });
    const file = path.join(folder, golden.path);
    for (const { label, bytes } of mutations(readFileSync(file), 5, 300)) {
      writeFileSync(file, bytes);
      readOrRefuse(label, () => {
        const reader = V1CheckpointReader.open([file], file);
        for (const name of reader.names()) readOrRefuse(label, () => reader.read(name));
        reader.close();
      });
    }
  });
});

type Slices = Extract<MessageInitShape<typeof SavedTensorSlicesSchema>, { $typeName?: never }>;

/** A file of messages under their keys. */
function checkpoint(entries: [Uint8Array, Slices][]): string {
  const parts: Uint8Array[] = [];
  const writer = new SsTableWriter((bytes) => parts.push(Uint8Array.from(bytes)));
  for (const [key, init] of entries) {
    writer.add(key, toBinary(SavedTensorSlicesSchema, create(SavedTensorSlicesSchema, init)));
  }
  writer.finish();
  return writeFile(temporaryFolder(), "model.ckpt", Buffer.concat(parts));
}

describe("V1 checkpoints that lie", () => {
  const metaKey = new Uint8Array(0);
  const meta = (size: number, type = 1): Slices => ({
    meta: {
      tensor: [{ name: "x", type, shape: { dim: [{ size: BigInt(size) }] }, slice: [{ extent: [{}] }] }],
    },
  });
  const key = encodeTensorNameSlice(encodeText("x"), { start: [0], length: [FULL_EXTENT] });
  const floats = (...values: number[]): Slices => ({ data: { data: { floatVal: values } } });

  it("or do not: the same means read well", () => {
    const reader = openCheckpoint(
      checkpoint([
        [metaKey, meta(2)],
        [key, floats(1, 2)],
      ]),
    );
    assert.deepEqual(reader.read("x").data, Float32Array.of(1, 2));
    reader.close();
  });

  const lies: [string, [Uint8Array, Slices][], string, RegExp][] = [
    [
      "how many values there are",
      [
        [metaKey, meta(3)],
        [key, floats(1, 2)],
      ],
      "DATA_LOSS",
      /needs 3 values, got 2/,
    ],
    ["a slice that is not there", [[metaKey, meta(2)]], "DATA_LOSS", /listed but not stored/],
    [
      "a slice without values",
      [
        [metaKey, meta(2)],
        [key, {}],
      ],
      "DATA_LOSS",
      /has no values/,
    ],
    [
      "a shape of terabytes",
      [
        [metaKey, meta(2 ** 40)],
        [key, floats(1)],
      ],
      "INVALID_ARGUMENT",
      /too many elements/,
    ],
    [
      "a dtype without values",
      [
        [metaKey, meta(2, 20)],
        [key, floats(1)],
      ],
      "UNIMPLEMENTED",
      /DT_RESOURCE/,
    ],
    ["being a checkpoint", [[key, floats(1)]], "DATA_LOSS", /no list of tensors/],
    [
      "their version",
      [[metaKey, { meta: { versions: { minConsumer: 9 } } }]],
      "INVALID_ARGUMENT",
      /newer TensorFlow/,
    ],
  ];
  for (const [title, entries, codeName, message] of lies) {
    it(`about ${title}: ${codeName}`, () => {
      const file = checkpoint(entries);
      assert.throws(() => openCheckpoint(file).read("x"), { codeName, message });
    });
  }
});

describe("openCheckpoint", () => {
  it("is NOT_FOUND without files, also in a folder that is missing", () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, "model.ckpt"));
    for (const prefix of ["model.ckpt", "missing/model.ckpt", "other"]) {
      const message = /there is no .*\.index and no file of the first format/;
      assert.throws(() => openCheckpoint(path.join(folder, prefix)), { codeName: "NOT_FOUND", message });
    }
  });
});
