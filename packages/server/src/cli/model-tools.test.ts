/** The commands that look at models, as the program that users start: what they print, write and exit with. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  GraphBuilder,
  type Output,
  predictSignatureDef,
  readNpy,
  SavedModelBuilder,
  type Tensor,
  tensor,
  writeNpy,
} from "@servable/formats";
import {
  compareTensor,
  decodeTensors,
  type GoldenCall,
  type GoldenTensor,
  goldenSkip,
  loadCase,
  toleranceOf,
} from "@servable/formats/testing";

const program = fileURLToPath(new URL("./main.js", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "servable-tools-"));
after(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function servable(...args: readonly string[]): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

type Signatures = Readonly<Record<string, ReturnType<typeof predictSignatureDef>>>;

function save(
  name: string,
  build: (g: GraphBuilder) => Signatures,
  tags: readonly string[] = ["serve"],
): string {
  const dir = path.join(folder, name);
  const graph = new GraphBuilder();
  const signatures = build(graph);
  const builder = new SavedModelBuilder(dir);
  builder.addMetaGraphAndVariables([...tags], { graph, signatures, variables: new Map() });
  builder.save();
  return dir;
}

const scalar = (value: number): Tensor => tensor("float32", [], Float32Array.of(value));

/** y = x · factor + 2 */
function affine(g: GraphBuilder, factor: number): Signatures {
  const x = g.placeholder("float32", [-1], { name: "x" });
  const y = g.compute("AddV2", [g.compute("Mul", [x, scalar(factor)]), scalar(2)], {}, { name: "y" });
  return { serving_default: predictSignatureDef({ x }, { y }) };
}

/** A text is parsed, doubled by ONNX Runtime and printed. */
function sandwich(g: GraphBuilder): Signatures {
  const text = g.placeholder("string", [-1], { name: "text" });
  const number = g.compute("StringToNumber", [text], { out_type: "float32" }, { name: "parse" });
  const doubled = g.compute("Mul", [number, scalar(2)], {}, { name: "double" });
  return {
    serving_default: predictSignatureDef(
      { text },
      { y: g.compute("AsString", [doubled], {}, { name: "print" }) },
    ),
  };
}

/** One signature runs, the other needs an op that nobody has. */
function half(g: GraphBuilder): Signatures {
  const x = g.placeholder("float32", [-1, 4], { name: "x" });
  return {
    good: predictSignatureDef({ x }, { y: g.compute("Neg", [x]) }),
    bad: predictSignatureDef({ x }, { y: g.compute("MakeUnique", [x], {}, { name: "unique" }) }),
  };
}

/** The mean brightness of each channel, and the picture as it came. */
function channels(g: GraphBuilder): Signatures {
  const image = g.placeholder("float32", [-1, 2, 2, 3], { name: "image" });
  const mean = g.compute("Mean", [image, tensor("int32", [2], Int32Array.of(1, 2))]) as Output;
  return { serving_default: predictSignatureDef({ image }, { mean }) };
}

/** A picture of two by two pixels, all red, as Windows writes it (BITMAPINFOHEADER, 24 bits, rows of 8 bytes). */
function redSquare(): Uint8Array {
  const bytes = Buffer.alloc(54 + 16);
  bytes.write("BM");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(2, 18);
  bytes.writeInt32LE(2, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  for (const at of [54, 57, 62, 65]) bytes[at + 2] = 255;
  return bytes;
}

let base: string;
before(() => {
  base = path.dirname(save("half_plus_two/3", (g) => affine(g, 0.5)));
  save("half_plus_two/20", (g) => affine(g, 10));
  save("sandwich", sandwich);
  save("half", half);
  save("channels", channels);
  save("tagged", (g) => affine(g, 1), ["train", "gpu"]);
  mkdirSync(path.join(folder, "empty"));
});
const model = (name: string): string => path.join(folder, name);

describe("servable inspect", () => {
  it("shows the highest version's signatures, and what they become", () => {
    const { code, out } = servable("inspect", base);
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^model +${path.join(base, "20")}$`, "m"));
    for (const line of [
      /^kind +SavedModel/m,
      /^tags +serve$/m,
      /^Signature "serving_default"$/m,
      /^ {2}method +tensorflow\/serving\/predict$/m,
      /^ {2}inputs +x {2}float32 {2}\[\?\] {2}x:0$/m,
      /^ {2}outputs +y {2}float32 {2}\[\?\] {2}y:0$/m,
      /1\. ONNX {2}2 nodes: Add 1, Mul 1/,
      /^ {2}rows +independent/m,
    ])
      assert.match(out, line);
  });

  it("says what is on the host, and why", () => {
    const { out } = servable("inspect", model("sandwich"), "--all");
    assert.match(out, /1 ONNX Runtime session and 2 groups of host ops/);
    assert.match(out, /1\. host {2}1 node: StringToNumber 1\n +StringToNumber: no ONNX form/);
  });

  it("gives the same as JSON", () => {
    const { code, out } = servable("inspect", "--dir", model("sandwich"), "--json");
    assert.equal(code, 0);
    const summary = JSON.parse(out);
    assert.deepEqual([summary.kind, summary.tags], ["SavedModel", ["serve"]]);
    const [signature] = summary.signatures;
    assert.deepEqual(signature.inputs, [{ name: "text", dtype: "string", shape: [-1], tensor: "text:0" }]);
    assert.deepEqual(
      signature.steps.map(({ side, ops }: { side: string; ops: object }) => [side, ops]),
      [
        ["host", { StringToNumber: 1 }],
        ["onnx", { Mul: 1 }],
        ["host", { AsString: 1 }],
      ],
    );
  });

  it("shows what can't run beside what can", () => {
    const { code, out } = servable("inspect", model("half"));
    assert.equal(code, 0);
    assert.match(out, /Signature "bad"\n(.*\n)*? +can't run +UNIMPLEMENTED: .*MakeUnique \(node "unique"/);
    assert.match(out, /not supported, which matters only where a signature needs them: MakeUnique/);
  });

  it("prints no control characters that a model's names may have", () => {
    const dir = save("steering", (g) => {
      const x = g.placeholder("float32", [-1], { name: "x" });
      return { "clear\u001b[2J": predictSignatureDef({ x }, { y: g.compute("Neg", [x]) }) };
    });
    const { out } = servable("inspect", dir);
    assert.match(out, /Signature "clear\ufffd\[2J"/);
    assert.ok(!out.includes("\u001b"));
  });

  it("says when a plan depends on the ranks of requests", () => {
    const dir = save("any_rank", (g) => {
      const x = g.placeholder("float32", null, { name: "x" });
      return { serving_default: predictSignatureDef({ x }, { y: g.compute("Neg", [x]) }) };
    });
    const { out } = servable("inspect", dir);
    assert.match(out, /compiled anew for each rank that requests have: that of x is not declared/);
  });

  it("takes the only MetaGraph, whatever its tags", () => {
    assert.match(servable("inspect", model("tagged")).out, /^tags +train, gpu$/m);
  });

  const faults: [string[], number, RegExp][] = [
    [["nowhere"], 1, /NOT_FOUND: nowhere does not exist/],
    [["empty"], 1, /NOT_FOUND: .*empty has no model/],
    [["."], 1, /Models in it: .*half/],
    [["hlf"], 1, /does not exist\. Did you mean .*half\?/],
    [["half", "--signature_def=goood"], 1, /has no signature "goood"; did you mean "good"\?/],
    [["half", "--tag_set=train"], 1, /NOT_FOUND: .*\{ train \}.*\{ serve \}/],
    [
      ["half", "--sgnature_def=x"],
      2,
      /unknown option --sgnature_def, did you mean --signature_def\?\n.*--help/,
    ],
    [[], 2, /which model\?/],
  ];
  for (const [[name, ...args], status, message] of faults) {
    it(`${[name, ...args].join(" ")} exits with ${status}: ${message.source}`, () => {
      const { code, err, out } = servable("inspect", ...(name === undefined ? [] : [model(name)]), ...args);
      assert.deepEqual([code, out], [status, ""]);
      assert.match(name === "nowhere" ? err.replace(folder + path.sep, "") : err, message);
    });
  }
});

describe("servable check", () => {
  it("exits with 0 for a model that can be served", () => {
    const { code, out } = servable("check", base);
    assert.deepEqual([code, /ok {5}serving_default: 1 ONNX Runtime session/.test(out)], [0, true], out);
    assert.match(out, /It can be served\.\n$/);
  });

  it("names what stands against the others, and exits with 1", () => {
    const { code, out } = servable("check", model("half"));
    assert.equal(code, 1);
    assert.match(
      out,
      /can't {2}bad\n +op +MakeUnique, node "unique": no ONNX form\n +needed +MakeUnique is not supported/,
    );
    assert.match(out, /ok {5}good/);
    assert.match(out, /1 signature of 2 can't be served; the server loads the model and serves the others/);
  });

  it("exits with 1 for a model that ONNX Runtime refuses", () => {
    const fixtures = "../../../engine/src/fixtures/tflite-hostile/";
    const file = fileURLToPath(new URL(`${fixtures}strided_slice_0.tflite`, import.meta.url));
    const { code, out } = servable("check", file);
    assert.equal(code, 1);
    assert.match(out, /It can't be loaded, so none can be served: INVALID_ARGUMENT: .*StridedSlice/);
  });

  it("looks at one signature when asked to", () => {
    assert.equal(servable("check", model("half"), "--signature_def=good").code, 0);
  });

  it("gives the same as JSON", () => {
    const { servable: all, signatures } = JSON.parse(servable("check", model("half"), "--json").out);
    assert.equal(all, false);
    const bad = signatures.find(({ name }: { name: string }) => name === "bad");
    assert.deepEqual(bad.gaps, [{ op: "MakeUnique", node: "unique", reason: "no ONNX form" }]);
    assert.equal(bad.error.code, "UNIMPLEMENTED");
  });

  it("exits with 1 when there is no model to check", () => {
    assert.equal(servable("check", model("empty")).code, 1);
  });
});

describe("servable run", () => {
  it("prints results in rows", () => {
    const { code, out, err } = servable("run", `${base}/3`, "--input", "x=[1, 2, 5]");
    assert.deepEqual([code, out, err], [0, "y  float32 [3]\n[2.5 3.0 4.5]\n", ""]);
  });

  it("takes arrays of files, writes results into others, and does not replace them unasked", () => {
    const input = path.join(folder, "x.npy");
    const outdir = path.join(folder, "results");
    writeFileSync(input, writeNpy(tensor("float64", [2], Float64Array.of(1, 2))));
    const args = ["run", `${base}/3`, "--inputs", `x=${input}`, "--outdir", outdir];
    assert.equal(servable(...args).code, 0);
    const y = readNpy(readFileSync(path.join(outdir, "y.npy")), "y.npy");
    assert.deepEqual([...(y.data as Float32Array)], [2.5, 3]);
    const again = servable(...args);
    assert.equal(again.code, 1);
    assert.match(again.err, /ALREADY_EXISTS: .*y\.npy is there already: give --overwrite/);
    assert.equal(servable(...args, "--overwrite").code, 0);
  });

  it("gives results as JSON", () => {
    const { out } = servable("run", model("sandwich"), "--input_exprs", 'text=["1.5", "-2"]', "--json");
    assert.deepEqual(JSON.parse(out), {
      signature: "serving_default",
      outputs: { y: { dtype: "string", shape: [2], value: ["3.000000", "-4.000000"] } },
    });
  });

  it("decodes pictures", () => {
    const file = path.join(folder, "red.bmp");
    writeFileSync(file, redSquare());
    const meanOf = (...args: string[]) =>
      JSON.parse(servable("run", model("channels"), "--input", `image=${file}`, "--json", ...args).out)
        .outputs.mean.value;
    assert.deepEqual(meanOf(), [[1, 0, 0]]);
    assert.deepEqual(meanOf("--image_range=-1,1"), [[1, -1, -1]]);
    assert.deepEqual(meanOf("--image_range=0,255"), [[255, 0, 0]]);
  });

  it("measures", () => {
    const { out } = servable("run", base, "--input", "x=random[8]", "--repeat=20");
    assert.match(out, /^runs +20\nload +[\d.]+ ms\nfirst run +[\d.]+ ms\nmean of the others +[\d.]+ ms\n/m);
    assert.match(out, /^runs per second +\d+$/m);
  });

  const faults: [string[], number, RegExp][] = [
    [["half_plus_two"], 1, /input "x" \(float32 \[\?\]\) is missing: give --input 'x=…'/],
    [["half_plus_two", "--input", "zebra=1"], 1, /has no input "zebra", it has x/],
    [["half_plus_two", "--input", "x"], 2, /--input needs NAME=VALUE, got "x"/],
    [["half_plus_two", "--input", "x=[1", "--json"], 1, /input "x": /],
    [["half_plus_two", "--input", "x=[1]", "--repeat=0"], 2, /--repeat needs a whole number of at least 1/],
    [["half_plus_two", "--input", "x=[1]", "--image_range=1"], 2, /--image_range needs two numbers/],
    [["half", "--input", "x=ones"], 1, /give --signature_def one of .*good/],
    [["half", "--input", "x=ones", "--signature_def=bad"], 1, /UNIMPLEMENTED: .*MakeUnique/],
  ];
  for (const [[name = "", ...args], status, message] of faults) {
    it(`${[name, ...args].join(" ")} exits with ${status}`, () => {
      const { code, err } = servable("run", model(name), ...args);
      assert.equal(code, status, err);
      assert.match(err, message);
    });
  }
});

describe("servable compile", () => {
  it("writes the plan, its ONNX graphs and pictures for each signature", () => {
    const dump = path.join(folder, "dump");
    const { code, out } = servable("compile", model("sandwich"), "--dump", dump);
    assert.equal(code, 0);
    assert.match(out, /1 ONNX file, plan\.txt, plan\.json, partition\.svg, graph\.svg/);
    const written = path.join(dump, "serving_default");
    assert.deepEqual(readdirSync(written).sort(), [
      "2.onnx",
      "graph.svg",
      "partition.svg",
      "plan.json",
      "plan.txt",
    ]);
    const plan = JSON.parse(readFileSync(path.join(written, "plan.json"), "utf8"));
    assert.deepEqual(
      plan.steps.map(({ side }: { side: string }) => side),
      ["host", "onnx", "host"],
    );
    assert.deepEqual(plan.steps[1].files, ["2.onnx"]);
    assert.match(
      readFileSync(path.join(written, "plan.txt"), "utf8"),
      /2\. ONNX Runtime: 1 node → 1 operator \(2\.onnx\)/,
    );
    for (const picture of ["partition.svg", "graph.svg"]) {
      const svg = readFileSync(path.join(written, picture), "utf8");
      assert.match(
        svg,
        /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]*StringToNumber[\s\S]*AsString[\s\S]*<\/svg>\n$/,
      );
    }
    const onnx = servable("run", path.join(written, "2.onnx"), "--input", "parse:0=[4]", "--json");
    assert.deepEqual(JSON.parse(onnx.out).outputs["double:0"].value, [8]);
  });

  it("says which signature can't be compiled, and exits with 1", () => {
    const dump = path.join(folder, "dump-half");
    const { code, out } = servable("compile", model("half"), "--dump", dump);
    assert.equal(code, 1);
    assert.match(out, /Signature "bad" can't run: UNIMPLEMENTED/);
    assert.deepEqual(readdirSync(dump), ["good"]);
  });

  it("leaves a folder alone that has something in it", () => {
    const { code, err } = servable("compile", model("sandwich"), "--dump", folder);
    assert.deepEqual([code, /ALREADY_EXISTS: .* is not empty/.test(err)], [1, true]);
    assert.equal(servable("compile", model("sandwich")).code, 2);
    assert.ok(!existsSync(path.join(folder, "serving_default")));
  });
});

describe("servable ops", () => {
  const cases: [string[], number, RegExp][] = [
    [["MatMul"], 0, /^MatMul +ONNX +host +shape +rows\n/],
    [["resizebi", "--supported"], 0, /^ResizeBicubic +ONNX[\s\S]*ops, \d+ supported/],
    [["*Regex*"], 0, /^RegexFullMatch +host[\s\S]*StaticRegexReplace/],
    [["MakeUnique"], 0, /^MakeUnique +not supported/],
    [["MatMull"], 1, /no op with "MatMull" in its name, did you mean MatMul\?/],
  ];
  for (const [args, status, printed] of cases) {
    it(args.join(" "), () => {
      const { code, out } = servable("ops", ...args);
      assert.equal(code, status);
      assert.match(out, printed);
    });
  }

  it("gives the same as JSON", () => {
    assert.deepEqual(JSON.parse(servable("ops", "MatMul", "--json").out), [
      { op: "MatMul", onnx: true, host: true, shape: true, rows: true, compiled: false },
    ]);
  });
});

describe("servable help", () => {
  for (const command of ["inspect", "check", "run", "compile", "ops"]) {
    it(`${command} has a use, options, examples and exit statuses`, () => {
      const { code, out } = servable("help", command);
      assert.equal(code, 0);
      assert.match(
        out,
        new RegExp(
          `^Usage: servable ${command} [\\s\\S]*--json|--dump[\\s\\S]*Examples:[\\s\\S]*Exit status: 0`,
        ),
      );
    });
  }

  it("is what a command says with --help", () => {
    assert.equal(servable("ops", "--help").out, servable("help", "ops").out);
  });

  it("suggests the command that was meant", () => {
    assert.match(servable("inspct").err, /Unknown command "inspct", did you mean "inspect"\?/);
    assert.match(servable("help", "chek").err, /did you mean "check"\?/);
  });
});

/** Models that real TensorFlow saved, with its answers: what is written into files is what it computed. */
describe("servable run gives TensorFlow's answers", { skip: goldenSkip() }, () => {
  const cases = [
    "half_plus_two_v2",
    "frozen_graph",
    "keras_cnn",
    "keras_lstm",
    "keras_text_classifier",
    "keras_archive_cnn",
    "keras_h5_cnn",
    "v1_control_flow",
  ];
  for (const name of cases) {
    it(name, () => {
      const golden = loadCase(name);
      const call = golden.calls?.find(isPlain) as GoldenCall & {
        inputs: Readonly<Record<string, GoldenTensor>>;
      };
      const dir = path.join(folder, `golden-${name}`);
      mkdirSync(dir);
      const inputs = [...decodeTensors(call.inputs)].map(([key, value], i) => {
        const file = path.join(dir, `input-${i}.npy`);
        writeFileSync(file, writeNpy(value));
        return `${key}=${file}`;
      });
      const signature = call.signature === undefined ? [] : ["--signature_def", call.signature];
      const args = [...signature, "--inputs", inputs.join(";"), "--outdir", dir];
      const { code, err } = servable("run", path.join(golden.dir, golden.path), ...args);
      assert.equal(code, 0, err);
      for (const [key, expected] of decodeTensors(call.outputs as Readonly<Record<string, GoldenTensor>>)) {
        const file = path.join(dir, `${key.replace(/[^\w.-]/g, "_")}.npy`);
        compareTensor(readNpy(readFileSync(file), file), expected, toleranceOf(call, key), key);
      }
    });
  }
});

function isPlain(call: GoldenCall): boolean {
  return call.method === "predict" && call.inputs !== undefined && call.output_filter === undefined;
}
