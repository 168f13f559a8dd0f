/**
 * Damaged files: flipped bits, cut tails, wrong sizes, hostile offsets. A reader gives what was written, where the
 * damage means nothing, or refuses the file with an error that names it and says what is wrong; it never crashes, hangs
 * or gives something else. The damage is the same on every run.
 */
import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { Checkpoint } from "./checkpoint/checkpoint.js";
import { CheckpointSaver } from "./checkpoint/checkpoint-saver.js";
import { ObjectCheckpoint } from "./checkpoint/object-graph.js";
import { openCheckpoint } from "./checkpoint/open.js";
import { latestCheckpoint } from "./checkpoint/state.js";
import { readGraphDef, writeGraphDef } from "./freeze/frozen-graph.js";
import { GraphBuilder } from "./graph-builder/graph-builder.js";
import { predictSignatureDef } from "./saved-model/build-signature-def.js";
import { SavedModelBuilder } from "./saved-model/builder.js";
import { loadSavedModel } from "./saved-model/loader.js";
import { Exporter } from "./session-bundle/exporter.js";
import { readSessionBundle } from "./session-bundle/reader.js";
import { Saver } from "./session-bundle/saver.js";
import { genericSignature } from "./session-bundle/signatures.js";
import type { StatusError } from "./status.js";
import { stringTensor, type Tensor, tensor } from "./tensor.js";
import { mutations, readOrRefuse } from "./testing/mutations.js";
import { temporaryFolder } from "./testing/temporary-folder.js";
import { readTfRecordFile, writeTfRecordFile } from "./tfrecord.js";

const COUNT = 150;

const values = new Map<string, Tensor>([
  ["dense/bias", tensor("float32", [3], Float32Array.of(1, 2, 3))],
  [
    "dense/kernel",
    tensor(
      "float64",
      [4, 2],
      Float64Array.from({ length: 8 }, (_, i) => i),
    ),
  ],
  ["words", stringTensor([3], ["a", "", "long enough to be found"])],
]);

function modelParts() {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1], { name: "x" });
  const a = graph.variable("float32", [], { name: "a" });
  const y = graph.compute("Mul", [x, a.read()], {}, { name: "y" });
  const variables = new Map<string, Tensor>([["a", tensor("float32", [], Float32Array.of(2))]]);
  return { graph, x, y, variables, signatures: { serving_default: predictSignatureDef({ x }, { y }) } };
}

/** A format: how good files are made, which of them is damaged, how they are read. */
interface Format {
  readonly name: string;
  /** Writes into a folder; returns the file to damage and what to read. */
  readonly write: (folder: string) => { readonly file: string; readonly target: string };
  /** Reads all there is; what it returns must be what was written. */
  readonly read: (target: string) => unknown;
  /** Whether checksums guard everything: then nothing but what was written may come out. */
  readonly checked: boolean;
}

function readCheckpoint(prefix: string): unknown {
  const reader = openCheckpoint(prefix);
  try {
    return reader.names().map((name) => [name, reader.read(name)]);
  } finally {
    reader.close();
  }
}

function checkpointFormat(
  name: string,
  options: ConstructorParameters<typeof CheckpointSaver>[0],
  ending: string,
): Format {
  return {
    name,
    write: (folder) => {
      const target = new CheckpointSaver(options).save(values, path.join(folder, "model"), {
        writeState: false,
      });
      return { file: target + ending, target };
    },
    read: readCheckpoint,
    checked: true,
  };
}

function savedModelFormat(asText: boolean): Format {
  return {
    name: asText ? "saved_model.pbtxt" : "saved_model.pb",
    write: (folder) => {
      const target = path.join(folder, "model");
      const builder = new SavedModelBuilder(target);
      builder.addMetaGraphAndVariables(["serve"], modelParts());
      return { file: builder.save({ asText }), target };
    },
    read: (target) => {
      const loaded = loadSavedModel(["serve"], target);
      try {
        return [loaded.graph.operations.length, loaded.assets, loaded.readVariables()];
      } finally {
        loaded.close();
      }
    },
    checked: false,
  };
}

const partitions = { "dense/kernel": [2, 2] };
const formats: readonly Format[] = [
  checkpointFormat("the index of a V2 checkpoint", {}, ".index"),
  checkpointFormat("the data of a V2 checkpoint", {}, ".data-00000-of-00001"),
  checkpointFormat("the index of a sliced V2 checkpoint", { partitions, sharded: 2 }, ".index"),
  checkpointFormat("a shard of a sliced V2 checkpoint", { partitions, sharded: 2 }, ".data-00001-of-00002"),
  checkpointFormat("a V1 checkpoint", { writeVersion: "V1" }, ""),
  checkpointFormat("a sliced V1 checkpoint", { writeVersion: "V1", partitions }, ""),
  {
    name: "an object-based checkpoint",
    write: (folder) => {
      const target = new Checkpoint({ model: { w: values.get("dense/bias") as Tensor } }).write(
        path.join(folder, "ckpt"),
      );
      return { file: `${target}.data-00000-of-00001`, target };
    },
    read: (target) => {
      const checkpoint = ObjectCheckpoint.open(target);
      try {
        return [...checkpoint.variables()].map(([name, object]) => [name, object.read()]);
      } finally {
        checkpoint.close();
      }
    },
    checked: true,
  },
  {
    name: "a checkpoint state file",
    write: (folder) => {
      new CheckpointSaver().save(values, path.join(folder, "model"));
      return { file: path.join(folder, "checkpoint"), target: folder };
    },
    read: latestCheckpoint,
    checked: false,
  },
  savedModelFormat(false),
  savedModelFormat(true),
  ...["graph.pb", "graph.pbtxt"].map(
    (name): Format => ({
      name: `a frozen graph: ${name}`,
      write: (folder) => {
        const file = path.join(folder, name);
        writeGraphDef(file, modelParts().graph.toGraphDef());
        return { file, target: file };
      },
      read: (target) => GraphBuilder.fromGraphDef(readGraphDef(target)).operations.length,
      checked: false,
    }),
  ),
  {
    name: "export.meta of a SessionBundle",
    write: (folder) => {
      const { graph, x, y, variables } = modelParts();
      const exporter = new Exporter(new Saver(graph, variables));
      exporter.init({
        namedGraphSignatures: { inputs: genericSignature({ x }), outputs: genericSignature({ y }) },
      });
      const target = exporter.export(folder, 1);
      return { file: path.join(target, "export.meta"), target };
    },
    read: (target) => readSessionBundle(target).metaGraph.graphDef?.node.length,
    checked: false,
  },
];

describe("a damaged file", () => {
  for (const [i, format] of formats.entries()) {
    it(`is refused or means the same: ${format.name}`, () => {
      const folder = temporaryFolder();
      const { file, target } = format.write(folder);
      const [good, expected] = [readFileSync(file), format.read(target)];
      let refused = 0;
      for (const { label, bytes } of mutations(good, i + 1, COUNT)) {
        writeFileSync(file, bytes);
        let actual: unknown;
        const error = readOrRefuse(label, () => {
          actual = format.read(target);
        });
        if (error === undefined) {
          if (format.checked) assert.deepEqual(actual, expected, label);
        } else {
          refused++;
          assertTells(error, file, label);
        }
      }
      assert.ok(refused > COUNT / 5, `${refused} of ${COUNT} were refused`);
    });
  }

  for (const compression of ["none", "gzip", "zlib"] as const) {
    it(`is refused or means the same: TFRecords, ${compression}`, async () => {
      const file = path.join(temporaryFolder(), "records");
      const records = Array.from({ length: 6 }, (_, i) => new Uint8Array(50 * i).fill(i));
      await writeTfRecordFile(file, records, compression);
      const good = readFileSync(file);
      for (const { label, bytes } of mutations(good, 99, COUNT)) {
        writeFileSync(file, bytes);
        const read: Uint8Array[] = [];
        const error = await readRecords(file, compression, read).catch((reason: StatusError) => reason);
        if (error !== undefined) {
          readOrRefuse(label, () => {
            throw error;
          });
          assertTells(error, file, label);
        }
        // Records before the damage are good; a file that is cut between two records, or has one twice, is a good file.
        const isGood = (record: Uint8Array) => records.some((each) => Buffer.compare(each, record) === 0);
        assert.ok(read.every(isGood), label);
      }
    });
  }

  async function readRecords(
    file: string,
    compression: "none" | "gzip" | "zlib",
    into: Uint8Array[],
  ): Promise<undefined> {
    for await (const record of readTfRecordFile(file, { compression })) into.push(Uint8Array.from(record));
    return undefined;
  }

  /** The error names the file, or the checkpoint that it belongs to, and the place where there is one. */
  function assertTells(error: StatusError, file: string, label: string): void {
    const stem = path.basename(file).replace(/\.(index|data-.*)$/, "");
    const isNamed = error.message.includes(stem) || error.message.includes(path.basename(path.dirname(file)));
    const isMeaning = /^(INVALID_ARGUMENT|NOT_FOUND|FAILED_PRECONDITION|UNIMPLEMENTED)$/.test(error.codeName);
    assert.ok(isNamed || isMeaning, `${label}: ${error.codeName} ${error.message}`);
    if (error.codeName === "DATA_LOSS" && !isMeaning) {
      assert.match(error.message, /\d/, `${label}: ${error.message}`);
    }
  }
});

describe("a folder of which a file is exchanged", () => {
  it("is refused when the data are of another checkpoint", () => {
    const [a, b] = [temporaryFolder(), temporaryFolder()];
    const prefix = new CheckpointSaver().save(values, path.join(a, "model"));
    const other = new Map(
      [...values].map(([name]) => [name, tensor("float32", [40], new Float32Array(40).fill(7)) as Tensor]),
    );
    new CheckpointSaver().save(other, path.join(b, "model"));
    cpSync(path.join(b, "model.data-00000-of-00001"), path.join(a, "model.data-00000-of-00001"));
    assert.throws(() => readCheckpoint(prefix), {
      codeName: "DATA_LOSS",
      message: /bytes at offset 0 of .*model\.data/,
    });
  });
});
