import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { crc32c, maskCrc32c } from "../crc32c.js";
import { dtypeInfo } from "../dtype.js";
import {
  BundleEntryProtoSchema,
  BundleHeaderProto_Endianness,
  BundleHeaderProtoSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/tensor_bundle_pb.js";
import { encodeText, type Tensor } from "../tensor.js";
import { compareTensor, decodeTensor, goldenSkip, loadCase, loadCases } from "../testing/golden.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { temporaryFolder, writeFile } from "../testing/temporary-folder.js";
import { readVarint } from "../varint.js";
import { openCheckpoint } from "./open.js";
import { encodeTensorNameSlice, FULL_EXTENT } from "./ordered-code.js";
import { BLOCK_TRAILER_BYTES, FOOTER_BYTES } from "./sstable-format.js";
import { SsTableWriter } from "./sstable-writer.js";
import { TensorBundleReader } from "./tensor-bundle-reader.js";
import type { TensorSlice } from "./tensor-slice.js";
import { assertHolds } from "./testing/golden-checkpoint.js";

const goldenCheckpoints = () => loadCases((golden) => golden.kind === "checkpoint_v2");

function openGolden(name: string): TensorBundleReader {
  const golden = loadCase(name);
  return TensorBundleReader.open(path.join(golden.dir, golden.path));
}

describe("TensorBundles that TensorFlow wrote", { skip: goldenSkip() }, () => {
  for (const golden of goldenCheckpoints()) {
    it(`${golden.name}: names, dtypes, shapes and values`, () => {
      const reader = TensorBundleReader.open(path.join(golden.dir, golden.path));
      assertHolds(reader, golden);
      reader.close();
    });
  }

  it("in two shards are read from both", () => {
    const folder = temporaryFolder();
    cpSync(path.join(loadCase("sharded_variables").dir, "model/1/variables"), folder, { recursive: true });
    const prefix = path.join(folder, "variables");
    const readable = () => {
      const reader = TensorBundleReader.open(prefix);
      const names = reader
        .names()
        .filter((name) => readOrRefuse(name, () => reader.read(name)) === undefined);
      reader.close();
      return names.length;
    };
    const all = readable();
    rmSync(`${prefix}.data-00000-of-00002`);
    const withoutFirst = readable();
    assert.ok(all > withoutFirst && withoutFirst > 0, `${all} and ${withoutFirst}`);
  });

  const parts: [string, number[], number[]][] = [
    ["part", [0, 0], [FULL_EXTENT, FULL_EXTENT]],
    ["part", [2, 1], [5, 2]],
    ["part", [3, 0], [3, FULL_EXTENT]],
    ["part", [9, 2], [1, 1]],
    ["part", [4, 0], [0, 3]],
    ["part_axis1", [0, 2], [3, 4]],
    ["big", [10, 0], [7, FULL_EXTENT]],
    ["big", [49, 5], [1, 30]],
    ["scalar", [], []],
    ["string", [1, 0], [1, 2]],
    ["complex", [0], [1]],
    ["empty", [0, 1], [0, 2]],
  ];
  for (const [name, start, length] of parts) {
    it(`give a slice of "${name}" at [${start}] for [${length}]`, () => {
      const reader = openGolden("ckpt_v2_dtypes");
      const whole = decodeTensor(loadCase("ckpt_v2_dtypes").variables?.[name] as never);
      compareTensor(reader.readSlice(name, { start, length }), cut(whole, { start, length }), {}, name);
      reader.close();
    });
  }

  it("say where a tensor's bytes are", () => {
    const reader = openGolden("ckpt_v2_dtypes");
    const place = reader.location("big");
    assert.ok(place !== undefined);
    const bytes = readFileSync(place.file).subarray(place.offset, place.offset + place.length);
    const expected = loadCase("ckpt_v2_dtypes").variables?.big?.content;
    assert.equal(bytes.toString("base64"), expected);
    // Strings are encoded, sliced tensors are in several places.
    assert.equal(reader.location("string"), undefined);
    assert.equal(reader.location("part"), undefined);
    assert.deepEqual(reader.info("part"), { dtype: "float32", shape: [10, 3], sliced: true });
    reader.close();
  });

  it("refuse names and slices that are not theirs", () => {
    const reader = openGolden("ckpt_v2_dtypes");
    for (const name of ["nothing", "", "\0part"]) {
      assert.equal(reader.has(name), false);
      assert.throws(() => reader.read(name), { codeName: "NOT_FOUND", message: /not found in checkpoint/ });
    }
    const beyond = () => reader.readSlice("big", { start: [48, 0], length: [3, 40] });
    assert.throws(beyond, { codeName: "INVALID_ARGUMENT", message: /"big".* 48,3:0,40 .* \[50,40\]/ });
    reader.close();
  });
});

/** The elements of a slice, by index arithmetic. */
function cut(whole: Tensor, slice: TensorSlice): Tensor {
  const length = whole.shape.map((size, axis) =>
    slice.length[axis] === FULL_EXTENT ? size : slice.length[axis],
  ) as number[];
  const count = length.reduce((product, size) => product * size, 1);
  const { lanes } = dtypeInfo(whole.dtype);
  const data = whole.data.slice(0, count * lanes) as Uint8Array;
  for (let i = 0; i < count; i++) {
    let [rest, from, stride] = [i, 0, 1];
    for (let axis = whole.shape.length - 1; axis >= 0; axis--) {
      from += ((slice.start[axis] as number) + (rest % (length[axis] as number))) * stride;
      rest = Math.floor(rest / (length[axis] as number));
      stride *= whole.shape[axis] as number;
    }
    for (let lane = 0; lane < lanes; lane++)
      data[i * lanes + lane] = whole.data[from * lanes + lane] as number;
  }
  return { dtype: whole.dtype, shape: length, data } as unknown as Tensor;
}

describe("damaged TensorBundles of SavedModels", { skip: goldenSkip() }, () => {
  const cases: [string, string, RegExp][] = [
    [
      "broken_corrupt_data",
      "DATA_LOSS",
      /tensor "w\/.*Checksum does not match: stored 3490394941 .* offset 0 of .*data-00000/,
    ],
    ["broken_truncated_data", "OUT_OF_RANGE", /_CHECKPOINTABLE_OBJECT_GRAPH.*Read less bytes than requested/],
    ["broken_corrupt_index", "DATA_LOSS", /variables\.index, byte 0: block checksum mismatch/],
    ["broken_truncated_index", "DATA_LOSS", /not an sstable \(bad magic number\)/],
    ["broken_missing_data", "NOT_FOUND", /variables\.data-00000-of-00001; No such file or directory/],
    ["broken_missing_index", "NOT_FOUND", /variables\.index/],
  ];
  for (const [name, codeName, message] of cases) {
    it(`${name} is ${codeName}`, () => {
      const read = () => {
        const reader = openCheckpoint(path.join(loadCase(name).dir, "model/1/variables/variables"));
        try {
          for (const tensor of reader.names()) reader.read(tensor);
        } finally {
          reader.close();
        }
      };
      assert.throws(read, { codeName, message });
    });
  }

  it("are found by verify as by read", () => {
    const prefix = path.join(loadCase("broken_corrupt_data").dir, "model/1/variables/variables");
    const reader = TensorBundleReader.open(prefix);
    const name = reader.names().find((candidate) => candidate.startsWith("w/")) as string;
    assert.throws(() => reader.verify(name), { codeName: "DATA_LOSS" });
    reader.close();
  });
});

type EntryInit = Extract<MessageInitShape<typeof BundleEntryProtoSchema>, { $typeName?: never }>;
type HeaderInit = Extract<MessageInitShape<typeof BundleHeaderProtoSchema>, { $typeName?: never }>;

/** Writes a bundle with these entries, whatever they say, and a shard with these bytes. */
function bundle(
  entries: [string | Uint8Array, EntryInit][],
  shard: Uint8Array,
  header: HeaderInit = {},
): TensorBundleReader {
  const folder = temporaryFolder();
  const parts: Uint8Array[] = [];
  const writer = new SsTableWriter((bytes) => parts.push(Uint8Array.from(bytes)));
  const headerProto = create(BundleHeaderProtoSchema, { numShards: 1, ...header });
  writer.add(new Uint8Array(0), toBinary(BundleHeaderProtoSchema, headerProto));
  const keyed = entries.map(
    ([key, init]) => [typeof key === "string" ? encodeText(key) : key, init] as const,
  );
  for (const [key, init] of keyed.sort(([a], [b]) => Buffer.compare(a, b))) {
    writer.add(key, toBinary(BundleEntryProtoSchema, create(BundleEntryProtoSchema, init)));
  }
  writer.finish();
  writeFile(folder, "b.index", Buffer.concat(parts));
  writeFile(folder, "b.data-00000-of-00001", shard);
  return TensorBundleReader.open(path.join(folder, "b"));
}

const shape = (...sizes: number[]) => ({ dim: sizes.map((size) => ({ size: BigInt(size) })) });
const slice = (start: number, length: number) => ({
  extent: [{ start: BigInt(start), hasLengthHack: { case: "length" as const, value: BigInt(length) } }],
});
const sliceKey = (name: string, start: number, length: number) =>
  encodeTensorNameSlice(encodeText(name), { start: [start], length: [length] });

describe("TensorBundles that lie", () => {
  const shard = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const crc = (from: number, to: number) => maskCrc32c(crc32c(shard.subarray(from, to)));
  const uint8 = (offset: number, size: number): EntryInit => ({
    dtype: 4,
    shape: shape(size),
    offset: BigInt(offset),
    size: BigInt(size),
    crc32c: crc(offset, offset + size),
  });
  /** A tensor of eight bytes that lists slices, and these slices, stored as they say. */
  const sliced = (parts: [number, number][], whole: EntryInit = {}): [string | Uint8Array, EntryInit][] => [
    [
      "x",
      { dtype: 4, shape: shape(8), slices: parts.map(([start, length]) => slice(start, length)), ...whole },
    ],
    ...parts.map(([start, length]): [Uint8Array, EntryInit] => [
      sliceKey("x", start, length),
      uint8(start, length),
    ]),
  ];

  it("or do not: the same means read well", () => {
    assert.deepEqual(bundle([["x", uint8(2, 4)]], shard).read("x").data, Uint8Array.of(3, 4, 5, 6));
    const parts: [number, number][] = [
      [0, 3],
      [3, 5],
    ];
    assert.deepEqual(bundle(sliced(parts), shard).read("x").data, shard);
  });

  const lies: [string, [string | Uint8Array, EntryInit][], string, RegExp][] = [
    [
      "a size that does not fit the shape",
      [["x", { ...uint8(0, 4), size: 5n }]],
      "DATA_LOSS",
      /stored size 5; expected size 4/,
    ],
    [
      "a shape of terabytes",
      [["x", { ...uint8(0, 4), shape: shape(2 ** 40, 2 ** 20) }]],
      "DATA_LOSS",
      /too many elements/,
    ],
    [
      "a tensor beyond its shard",
      [["x", { ...uint8(0, 4), shape: shape(2 ** 31), size: 2n ** 31n }]],
      "OUT_OF_RANGE",
      /which has 8/,
    ],
    ["a negative offset", [["x", { ...uint8(0, 4), offset: -4n }]], "OUT_OF_RANGE", /at offset -4/],
    ["a shard that is not there", [["x", { ...uint8(0, 4), shardId: 7 }]], "DATA_LOSS", /shard 7 of 1/],
    ["an unknown size", [["x", { ...uint8(0, 4), shape: shape(-1) }]], "INVALID_ARGUMENT", /fully known/],
    ["a dtype without values", [["x", { ...uint8(0, 4), dtype: 21 }]], "UNIMPLEMENTED", /DT_VARIANT/],
    ["another checksum", [["x", { ...uint8(0, 4), crc32c: 5 }]], "DATA_LOSS", /Checksum does not match/],
    [
      "more strings than bytes",
      [["x", { ...uint8(0, 8), dtype: 7, shape: shape(9) }]],
      "DATA_LOSS",
      /Invalid size/,
    ],
    [
      "string lengths without a checksum",
      [["x", { ...uint8(0, 8), dtype: 7, shape: shape(8) }]],
      "DATA_LOSS",
      /checksum of the lengths is cut off, at byte 8/,
    ],
    [
      "string lengths with another checksum",
      [["x", { ...uint8(0, 8), dtype: 7, shape: shape(1) }]],
      "DATA_LOSS",
      /do not match their checksum/,
    ],
    [
      "slices that overlap",
      sliced([
        [0, 5],
        [3, 5],
      ]),
      "DATA_LOSS",
      /0,5 and 3,5 overlap/,
    ],
    [
      "slices with a gap",
      sliced([
        [0, 3],
        [4, 4],
      ]),
      "DATA_LOSS",
      /hold 7 elements of 0,8/,
    ],
    [
      "a slice beyond the shape",
      sliced([[0, 8]], { shape: shape(6) }),
      "INVALID_ARGUMENT",
      /not inside of shape \[6\]/,
    ],
    [
      "a slice that is not stored",
      sliced([[0, 8]]).slice(0, 1),
      "DATA_LOSS",
      /listed but not stored: start 0/,
    ],
    ["a slice of another dtype", sliced([[0, 8]], { dtype: 6 }), "DATA_LOSS", /is uint8 .* expected int8/],
    [
      "a sliced tensor of terabytes",
      sliced([[0, 8]], { shape: shape(2 ** 31) }),
      "DATA_LOSS",
      /its shards have 8 altogether/,
    ],
  ];
  for (const [title, entries, codeName, message] of lies) {
    it(`about ${title}: ${codeName}`, () => {
      const reader = bundle(entries, shard);
      assert.throws(() => reader.read("x"), { codeName, message });
      reader.close();
    });
  }

  it("about their byte order or version are not opened", () => {
    const big = { endianness: BundleHeaderProto_Endianness.BIG };
    assert.throws(() => bundle([], shard, big), { codeName: "UNIMPLEMENTED", message: /big-endian/ });
    const newer = { version: { minConsumer: 2 } };
    assert.throws(() => bundle([], shard, newer), {
      codeName: "INVALID_ARGUMENT",
      message: /newer TensorFlow/,
    });
    assert.throws(() => bundle([], shard, { numShards: 0 }), { codeName: "DATA_LOSS", message: /0 shards/ });
  });

  it("read a part without the rest of the checks missing", () => {
    const entry = { ...uint8(0, 8), shape: shape(4, 2) };
    assert.deepEqual(
      bundle([["x", entry]], shard).readSlice("x", { start: [1, 0], length: [2, 1] }).data,
      Uint8Array.of(3, 5),
    );
    const damaged = bundle([["x", { ...entry, crc32c: 1 }]], shard);
    assert.throws(() => damaged.readSlice("x", { start: [1, 0], length: [2, 1] }), { codeName: "DATA_LOSS" });
  });
});

describe("TensorBundles under random damage", { skip: goldenSkip() }, () => {
  const golden = goldenSkip() === false ? loadCase("ckpt_v2_dtypes") : undefined;
  const copy = () => {
    const folder = temporaryFolder();
    cpSync(golden?.dir as string, folder, { recursive: true });
    return path.join(folder, "model.ckpt");
  };
  const readAll = (prefix: string) => {
    const reader = TensorBundleReader.open(prefix);
    try {
      for (const name of reader.names()) {
        readOrRefuse(name, () => reader.read(name));
        readOrRefuse(name, () => reader.verify(name));
      }
    } finally {
      reader.close();
    }
  };

  it("of the index are read or refused", () => {
    const prefix = copy();
    const good = readFileSync(`${prefix}.index`);
    for (const { label, bytes } of mutations(good, 2, 400)) {
      writeFileSync(`${prefix}.index`, bytes);
      readOrRefuse(label, () => readAll(prefix));
    }
  });

  it("of an index whose checksums are right are read or refused", () => {
    const prefix = copy();
    const good = readFileSync(`${prefix}.index`);
    // The first block's content, with the checksum of what it was changed to.
    const size = onlyBlockSize(good);
    for (const { label, bytes } of mutations(good.subarray(0, size), 3, 600)) {
      if (bytes.length !== size) continue;
      const index = Buffer.concat([bytes, good.subarray(size)]);
      index.writeUInt32LE(maskCrc32c(crc32c(index.subarray(0, size + 1))), size + 1);
      writeFileSync(`${prefix}.index`, index);
      readOrRefuse(label, () => readAll(prefix));
    }
  });

  it("of the shard never give wrong values", () => {
    const prefix = copy();
    const file = `${prefix}.data-00000-of-00001`;
    const good = readFileSync(file);
    const expected = Object.entries(golden?.variables ?? {}).map(
      ([name, value]) => [name, decodeTensor(value)] as const,
    );
    for (const { label, bytes } of mutations(good, 4, 150)) {
      writeFileSync(file, bytes);
      const reader = TensorBundleReader.open(prefix);
      for (const [name, value] of expected) {
        let read: Tensor | undefined;
        readOrRefuse(`${label}, ${name}`, () => {
          read = reader.read(name);
        });
        if (read !== undefined) compareTensor(read, value, {}, `${label}, ${name}`);
      }
      reader.close();
    }
  });

  it("that shortens a shard after it was opened is DATA_LOSS", () => {
    const prefix = copy();
    const reader = TensorBundleReader.open(prefix);
    reader.read("big");
    truncateSync(`${prefix}.data-00000-of-00001`, 100);
    assert.throws(() => reader.read("big"), { codeName: "DATA_LOSS", message: /ended at byte/ });
    reader.close();
  });
});

/** The size of the data block of an index that has one: the metaindex block comes after it and its trailer. */
function onlyBlockSize(index: Uint8Array): number {
  const metaindexOffset = readVarint(index, index.length - FOOTER_BYTES)?.value as number;
  return metaindexOffset - BLOCK_TRAILER_BYTES;
}
