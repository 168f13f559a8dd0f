import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  Exporter,
  GraphBuilder,
  genericSignature,
  regressionSignature,
  Saver,
  stringTensor,
  tensor,
} from "@servable/formats";
import { loadModel } from "./model-folder.js";
import { assertTensorsClose, type JsonTensor, tensorsOfJson } from "./testing/json-tensor.js";

const fixtures = fileURLToPath(new URL("../src/fixtures/session-bundles/", import.meta.url));

interface RecordedCase {
  readonly about: string;
  readonly calls: readonly {
    readonly signature: string;
    readonly inputs: Readonly<Record<string, JsonTensor>>;
    readonly outputs: Readonly<Record<string, JsonTensor>>;
  }[];
}

const temporary = mkdtempSync(path.join(tmpdir(), "session-bundle-"));
after(() => rmSync(temporary, { recursive: true }));

describe("SessionBundles that TensorFlow wrote give its answers", () => {
  for (const name of readdirSync(fixtures)) {
    const { about, calls }: RecordedCase = JSON.parse(
      readFileSync(path.join(fixtures, name, "case.json"), "utf8"),
    );
    it(about, () => {
      const model = loadModel(path.join(fixtures, name, "00000001"));
      for (const { signature, inputs, outputs } of calls) {
        const actual = model.run(signature, tensorsOfJson(inputs));
        assertTensorsClose(actual, tensorsOfJson(outputs), { rtol: 1e-6 }, signature);
      }
      model.close();
    });
  }
});

describe("a SessionBundle", () => {
  function copyOf(name: string): string {
    const copy = mkdtempSync(path.join(temporary, "copy-"));
    cpSync(path.join(fixtures, name, "00000001"), copy, { recursive: true });
    return copy;
  }

  it("without its checkpoint is NOT_FOUND, and says what is missing", () => {
    const dir = copyOf("regression_in_shards");
    rmSync(path.join(dir, "export-00000-of-00001"));
    assert.throws(() => loadModel(dir), {
      codeName: "NOT_FOUND",
      message: /RestoreSlice node "save.*export-[?]{5}-of-[?]{5}: there is no/,
    });
  });

  it("with a checkpoint that lacks a variable is NOT_FOUND, and names it", () => {
    const dir = copyOf("regression_in_shards");
    const { graph, values } = variables("b");
    rmSync(path.join(dir, "export-00000-of-00001"));
    new Saver(graph, values).save(path.join(dir, "export"));
    assert.throws(() => loadModel(dir), { codeName: "NOT_FOUND", message: /Key a not found/ });
  });

  it("with a damaged checkpoint is DATA_LOSS", () => {
    const dir = copyOf("classification_with_table");
    const file = path.join(dir, "export");
    const bytes = readFileSync(file);
    bytes[20] = (bytes[20] as number) ^ 1;
    writeFileSync(file, bytes);
    assert.throws(() => loadModel(dir), { codeName: "DATA_LOSS", message: /checksum/ });
  });

  function variables(...names: string[]) {
    const graph = new GraphBuilder();
    for (const name of names) graph.variable("float32", [], { name });
    const values = new Map(names.map((name) => [name, tensor("float32", [], Float32Array.of(1))]));
    return { graph, values };
  }

  it("that we exported runs", () => {
    const vocabulary = path.join(temporary, "words.txt");
    writeFileSync(vocabulary, "zero\none\ntwo\n");
    const graph = new GraphBuilder();
    const table = graph.hashTable({
      file: graph.asset(vocabulary),
      keyDtype: "string",
      keyPart: "line",
      valueDtype: "int64",
      valuePart: "line number",
      defaultValue: tensor("int64", [], BigInt64Array.of(-1n)),
    });
    const words = graph.placeholder("string", [-1], { name: "words" });
    const weights = graph.variable("float32", [4], { name: "weights" });
    const ids = graph.compute("Maximum", [table.find(words), tensor("int64", [], BigInt64Array.of(0n))]);
    const axis = tensor("int32", [], Int32Array.of(0));
    const y = graph.compute("GatherV2", [weights.read(), ids, axis], {}, { name: "y" });
    const values = new Map([["weights", tensor("float32", [4], Float32Array.of(0, 10, 20, 30))]]);
    const exporter = new Exporter(new Saver(graph, values, { sharded: true }));
    exporter.init({
      initOp: graph.initializeTables(),
      defaultGraphSignature: regressionSignature(words, y),
      namedGraphSignatures: { inputs: genericSignature({ words }), outputs: genericSignature({ y }) },
    });
    const model = loadModel(exporter.export(path.join(temporary, "words"), 7));
    const input = stringTensor([3], ["two", "other", "one"]);
    const expected = tensor("float32", [3], Float32Array.of(20, 0, 10));
    assert.deepEqual(model.run("serving_default", new Map([["inputs", input]])).get("outputs"), expected);
    assert.deepEqual(model.run("serving_default_from_named", new Map([["words", input]])).get("y"), expected);
    model.close();
  });
});
