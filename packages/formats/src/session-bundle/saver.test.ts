import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { openCheckpoint } from "../checkpoint/open.js";
import { latestCheckpoint } from "../checkpoint/state.js";
import { GraphBuilder } from "../graph-builder/graph-builder.js";
import { MetaGraphDefSchema } from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { Code } from "../status.js";
import { decodeText, type Tensor, tensor } from "../tensor.js";
import { tensorFromProto } from "../tensor-proto.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { Saver, type SaverOptions } from "./saver.js";

const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));

/** Variables a and b, and w as two parts of a whole of four. */
function graphWithVariables() {
  const graph = new GraphBuilder();
  graph.variable("float32", [1], { name: "a" });
  graph.variable("float32", [1], { name: "b", useResource: false });
  for (const i of [0, 1]) {
    const slice = { start: [2 * i], length: [2] };
    const partition = { fullName: "w", fullShape: [4], slice };
    graph.variable("float32", [2], { name: `w/part_${i}`, partition });
  }
  return graph;
}

const values = new Map<string, Tensor>([
  ["a", floats(1)],
  ["b", floats(2)],
  ["w/part_0", floats(3, 4)],
  ["w/part_1", floats(5, 6)],
]);

describe("a graph's saver", () => {
  for (const options of [
    { writeVersion: "V1" },
    { writeVersion: "V1", sharded: true },
    { writeVersion: "V2" },
    { writeVersion: "V2", sharded: 2 },
  ] as const satisfies readonly SaverOptions[]) {
    it(`restores what it saved: ${JSON.stringify(options)}`, () => {
      const saver = new Saver(graphWithVariables(), values, options);
      const prefix = saver.save(path.join(temporaryFolder(), "model"));
      assert.deepEqual(saver.restore(prefix), values);
      const reader = openCheckpoint(prefix);
      assert.deepEqual(reader.names(), ["a", "b", "w"]);
      assert.deepEqual(reader.read("w"), floats(3, 4, 5, 6));
      reader.close();
    });
  }

  it("takes the parts of a variable from a checkpoint that has it whole", () => {
    const whole = new GraphBuilder();
    for (const [name, size] of [
      ["a", 1],
      ["b", 1],
      ["w", 4],
    ] as const)
      whole.variable("float32", [size], { name });
    const all = new Map<string, Tensor>([
      ["a", floats(1)],
      ["b", floats(2)],
      ["w", floats(3, 4, 5, 6)],
    ]);
    const prefix = new Saver(whole, all, { writeVersion: "V2" }).save(path.join(temporaryFolder(), "model"));
    assert.deepEqual(new Saver(graphWithVariables(), values).restore(prefix), values);
  });

  it("writes the graph, whose operations restore slices, and the folder's state", () => {
    const folder = temporaryFolder();
    const saver = new Saver(graphWithVariables(), values, { writeVersion: "V2" });
    const prefix = saver.save(path.join(folder, "model"), { globalStep: 3, writeMetaGraph: true });
    assert.deepEqual(readdirSync(folder).sort(), [
      "checkpoint",
      "model-3.data-00000-of-00001",
      "model-3.index",
      "model-3.meta",
    ]);
    assert.equal(latestCheckpoint(folder), prefix);
    const { graphDef, saverDef } = fromBinary(MetaGraphDefSchema, readFileSync(`${prefix}.meta`));
    assert.deepEqual(saverDef, saver.asSaverDef());
    const slices = graphDef?.node.find(({ name }) => name === "save/RestoreV2/shape_and_slices")?.attr.value
      ?.value;
    assert.ok(slices?.case === "tensor");
    const texts = (tensorFromProto(slices.value, "slices").data as Uint8Array[]).map(decodeText);
    assert.deepEqual(texts, ["", "", "4 0,2", "4 2,2"]);
  });

  it("saves some variables under other names", () => {
    const saver = new Saver(graphWithVariables(), values, { variables: { bias: "b" } });
    const prefix = saver.save(path.join(temporaryFolder(), "model"));
    assert.deepEqual(openCheckpoint(prefix).names(), ["bias"]);
    assert.deepEqual(saver.restore(prefix), new Map([["b", floats(2)]]));
  });

  it("names all that a checkpoint lacks or has otherwise", () => {
    const other = new GraphBuilder();
    other.variable("float32", [2], { name: "a" });
    const prefix = new Saver(other, new Map([["a", floats(1, 2)]])).save(
      path.join(temporaryFolder(), "model"),
    );
    assert.throws(() => new Saver(graphWithVariables(), values).restore(prefix), {
      code: Code.INVALID_ARGUMENT,
      message:
        /tensor "a" is float32 of shape \[2\], the variable float32 of shape \[1\]; no tensor "b"; no tensor "w"/,
    });
  });
});
