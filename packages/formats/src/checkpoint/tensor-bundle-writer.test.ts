import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Code } from "../status.js";
import { stringTensor, type Tensor, tensor } from "../tensor.js";
import { goldenSkip, sharedFolder } from "../testing/golden.js";
import { TensorBundleReader } from "./tensor-bundle-reader.js";
import { TensorBundleWriter } from "./tensor-bundle-writer.js";

const folder = mkdtempSync(join(tmpdir(), "tensor-bundle-writer-"));
after(() => rmSync(folder, { recursive: true }));

function write(prefix: string, tensors: Iterable<readonly [string, Tensor]>): void {
  const writer = TensorBundleWriter.create(prefix);
  for (const [name, value] of tensors) writer.add(name, value);
  writer.finish();
}

describe("a written checkpoint", () => {
  const tensors = new Map<string, Tensor>([
    [
      "weights",
      tensor("float32", [2, 3], Float32Array.of(1, -2, 3.5, 0, Number.NaN, Number.NEGATIVE_INFINITY)),
    ],
    ["empty", tensor("float64", [0, 4], new Float64Array(0))],
    ["step", tensor("int64", [], BigInt64Array.of(-(2n ** 63n)))],
    ["layer/words", stringTensor([2, 2], ["a", "", "ü", "x".repeat(300)])],
    ["no words", stringTensor([0], [])],
    ["half", tensor("float16", [2], Uint16Array.of(0x3c00, 0x7bff))],
    ["complex", tensor("complex64", [1], Float32Array.of(1, 2))],
    ["ok", tensor("bool", [2], Uint8Array.of(1, 0))],
  ]);

  it("gives its tensors back, checksums included", () => {
    const prefix = join(folder, "all");
    write(prefix, tensors);
    const reader = TensorBundleReader.open(prefix);
    after(() => reader.close());
    assert.deepEqual(reader.names().sort(), [...tensors.keys()].sort());
    for (const [name, value] of tensors) {
      reader.verify(name);
      assert.deepEqual(reader.read(name), value, name);
    }
  });

  it("appears only when it is complete, and leaves nothing behind when given up", () => {
    const at = mkdtempSync(join(folder, "atomic-"));
    const prefix = join(at, "model.ckpt");
    const given = TensorBundleWriter.create(prefix);
    given.add("step", tensors.get("step") as Tensor);
    assert.ok(!readdirSync(at).includes("model.ckpt.data-00000-of-00001"));
    given.discard();
    assert.deepEqual(readdirSync(at), []);
    write(prefix, tensors);
    assert.deepEqual(readdirSync(at).sort(), ["model.ckpt.data-00000-of-00001", "model.ckpt.index"]);
  });

  it("refuses a name that is empty or taken, and a folder that is missing", () => {
    const writer = TensorBundleWriter.create(join(folder, "names"));
    after(() => writer.discard());
    const step = tensors.get("step") as Tensor;
    writer.add("step", step);
    assert.throws(() => writer.add("step", step), { code: Code.INVALID_ARGUMENT, message: /"step" already/ });
    assert.throws(() => writer.add("", step), { code: Code.INVALID_ARGUMENT, message: /needs a name/ });
    assert.throws(() => TensorBundleWriter.create(join(folder, "none", "model")), { code: Code.NOT_FOUND });
  });
});

const value = (name: string): string => `${name}/.ATTRIBUTES/VARIABLE_VALUE`;

/** Checkpoints that TensorFlow wrote, and the order in which their tensors lie in the shard. */
const originals: [prefix: string, names: string[]][] = [
  [
    "mnist_mlp_v1/model/1/variables/variables",
    ["layer0/b", "layer0/w", "layer1/b", "layer1/w", "layer2/b", "layer2/w"],
  ],
  [
    "ckpt_object/ckpt-1",
    [
      value("step"),
      value("save_counter"),
      value("model/w"),
      "model/table/.ATTRIBUTES/table-keys",
      "model/table/.ATTRIBUTES/table-values",
      value("model/sub/b"),
      value("model/layers/0"),
      value("model/layers/1"),
      value("model/named/text"),
      value("model/named/a.Sb..c"),
      "_CHECKPOINTABLE_OBJECT_GRAPH",
    ],
  ],
];

describe("a checkpoint of TensorFlow, written again", { skip: goldenSkip() }, () => {
  for (const [prefix, names] of originals) {
    it(`is the same bytes: ${prefix}`, () => {
      const original = join(sharedFolder, "golden/cases", prefix);
      const reader = TensorBundleReader.open(original);
      after(() => reader.close());
      const copy = join(folder, prefix.replaceAll("/", "-"));
      write(
        copy,
        names.map((name) => [name, reader.read(name)]),
      );
      for (const ending of [".data-00000-of-00001", ".index"]) {
        assert.deepEqual(readFileSync(copy + ending), readFileSync(original + ending), ending);
      }
    });
  }
});
