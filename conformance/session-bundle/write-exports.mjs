// Writes SessionBundles with our Exporter, each with what it must compute, for load_in_tensorflow.py:
//
//   node conformance/session-bundle/write-exports.mjs <folder>
//
// <folder>/<model>/00000001 is the export; <folder>/<model>/expected.json holds feeds and fetches by tensor name, as
// { dtype, shape, values }, and the signatures that the manifest must have.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  classificationSignature,
  Exporter,
  GraphBuilder,
  genericSignature,
  regressionSignature,
  Saver,
  stringTensor,
  tensor,
} from "@servable/formats";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: node conformance/session-bundle/write-exports.mjs <folder>");
  process.exit(2);
}

const floats = (shape, ...values) => tensor("float32", shape, Float32Array.from(values));
const longs = (...values) => tensor("int64", [values.length], BigInt64Array.from(values, BigInt));

function tensorJson({ dtype, shape, data }) {
  const values =
    dtype === "string" ? data.map((bytes) => Buffer.from(bytes).toString()) : Array.from(data, Number);
  return { dtype, shape, values };
}

function write(name, saver, init, feeds, fetches) {
  const exporter = new Exporter(saver);
  exporter.init(init);
  exporter.export(path.join(folder, name), 1);
  const named = (pairs) =>
    Object.fromEntries(pairs.map(([output, value]) => [output.name, tensorJson(value)]));
  const expected = {
    feeds: named(feeds),
    fetches: named(fetches),
    default: init.defaultGraphSignature?.type.case,
    named: Object.keys(init.namedGraphSignatures ?? {}),
  };
  writeFileSync(path.join(folder, name, "expected.json"), JSON.stringify(expected, null, 1));
}

mkdirSync(folder, { recursive: true });

for (const sharded of [false, true]) {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1], { name: "x", device: "/device:GPU:3" });
  const a = graph.variable("float32", [], { name: "a" });
  const b = graph.variable("float32", [], { name: "b" });
  const y = graph.compute("AddV2", [graph.compute("Mul", [a.read(), x]), b.read()], {}, { name: "y" });
  const values = new Map([
    ["a", floats([], 0.5)],
    ["b", floats([], 2)],
  ]);
  const pair = { inputs: genericSignature({ x }), outputs: genericSignature({ y }) };
  write(
    sharded ? "half_plus_two_sharded" : "half_plus_two",
    new Saver(graph, values, { sharded }),
    { clearDevices: true, defaultGraphSignature: regressionSignature(x, y), namedGraphSignatures: pair },
    [[x, floats([2], 1, -3)]],
    [[y, floats([2], 2.5, 0.5)]],
  );
}

{
  const vocabulary = path.join(folder, "words.txt");
  writeFileSync(vocabulary, "zero\none\ntwo\n");
  const graph = new GraphBuilder();
  const table = graph.hashTable({
    file: graph.asset(vocabulary),
    keyDtype: "int64",
    keyPart: "line number",
    valueDtype: "string",
    valuePart: "line",
    defaultValue: stringTensor([], ["?"]),
  });
  const ids = graph.placeholder("int64", [-1], { name: "ids" });
  const classes = table.find(ids);
  const values = new Map();
  const add = (name, value) => {
    values.set(name, value);
    return graph.variable(value.dtype, value.shape, { name });
  };
  const scores = graph.compute("GatherV2", [
    add("scores", floats([4], 0, 0.25, -1e30, 3)).read(),
    ids,
    tensor("int32", [], Int32Array.of(0)),
  ]);
  const outputs = [
    ["step", tensor("int64", [], BigInt64Array.of(-(2n ** 40n)))],
    ["words", stringTensor([2], ["a", "x".repeat(300)])],
    ["flags", tensor("bool", [3], Uint8Array.of(1, 0, 1))],
    ["bytes", tensor("uint8", [2], Uint8Array.of(0, 255))],
    ["double", tensor("float64", [2, 1], Float64Array.of(1 / 3, -1e300))],
  ].map(([name, value]) => [add(name, value).read(), value]);
  write(
    "classes",
    new Saver(graph, values),
    {
      initOp: graph.initializeTables(),
      defaultGraphSignature: classificationSignature(ids, { classes, scores }),
    },
    [[ids, longs(2, 3, 0, 1)]],
    [
      [classes, stringTensor([4], ["two", "?", "zero", "one"])],
      [scores, floats([4], -1e30, 3, 0, 0.25)],
      ...outputs,
    ],
  );
}
