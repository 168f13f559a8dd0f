/** `servable checkpoint` as a program: what it prints, what it writes, how it ends. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  Checkpoint,
  CheckpointSaver,
  openCheckpoint,
  stringTensor,
  type Tensor,
  tensor,
} from "@servable/formats";

const program = fileURLToPath(new URL("./main.js", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "servable-checkpoint-"));
after(() => rmSync(folder, { recursive: true }));

const values = new Map<string, Tensor>([
  ["dense/bias", tensor("float32", [2], Float32Array.of(0.5, -1))],
  [
    "dense/kernel",
    tensor(
      "float32",
      [4, 2],
      Float32Array.from({ length: 8 }, (_, i) => i),
    ),
  ],
  ["step", tensor("int64", [], BigInt64Array.of(7n))],
  ["words", stringTensor([2], ["a", Uint8Array.of(0xff)])],
]);
const partitions = { "dense/kernel": [2, 1] };
const prefix = new CheckpointSaver({ partitions, now: () => 0 }).save(
  values,
  path.join(folder, "model.ckpt"),
  {
    globalStep: 7,
  },
);

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "checkpoint", ...args], {
    encoding: "utf8",
  });
  return { status, stdout: stdout.replaceAll(folder, "DIR"), stderr: stderr.replaceAll(folder, "DIR") };
}

describe("servable checkpoint list", () => {
  const shown = [
    "DIR/model.ckpt-7",
    "",
    "dense/bias    float32  [2]    8",
    "dense/kernel  float32  [4,2]  32  2 slices",
    "step          int64    []     8",
    "words         string   [2]",
    "",
    "4 tensors, 48 bytes",
    "",
  ].join("\n");

  for (const [what, operand] of [
    ["a prefix", prefix],
    ["a file", `${prefix}.index`],
    ["a folder", folder],
  ] as const) {
    it(`takes ${what}`, () => {
      assert.deepEqual(run("list", operand), { status: 0, stdout: shown, stderr: "" });
    });
  }

  it("checks all checksums when asked to", () => {
    assert.match(run("list", prefix, "--verify").stdout, /48 bytes; all checksums are right\n$/);
  });

  it("prints JSON", () => {
    const { tensors } = JSON.parse(run("list", prefix, "--json").stdout) as { tensors: unknown[] };
    assert.deepEqual(tensors[1], {
      name: "dense/kernel",
      dtype: "float32",
      shape: [4, 2],
      slices: 2,
      bytes: 32,
    });
  });

  it("lists the checkpoints of a folder", () => {
    assert.equal(
      run("list", folder, "--checkpoints").stdout,
      "DIR/model.ckpt-7  1970-01-01T00:00:00.000Z  latest\n",
    );
  });

  it("lists objects", () => {
    const tree = { model: { w: tensor("float32", [1], Float32Array.of(1)) } };
    const stored = new Checkpoint(tree).save(path.join(folder, "objects", "ckpt"));
    assert.equal(
      run("list", stored, "--objects").stdout,
      [
        "(root)",
        "model",
        "save_counter  save_counter/.ATTRIBUTES/VARIABLE_VALUE",
        "model/w       model/w/.ATTRIBUTES/VARIABLE_VALUE",
        "",
      ].join("\n"),
    );
  });

  it("says what is missing", () => {
    assert.deepEqual(run("list", path.join(folder, "other")), {
      status: 1,
      stdout: "",
      stderr: "servable checkpoint list: NOT_FOUND: There is no checkpoint DIR/other\n",
    });
  });
});

describe("servable checkpoint show", () => {
  it("prints values", () => {
    const { stdout } = run("show", prefix, "--tensor", "dense/bias", "--tensor", "words", "--tensor", "step");
    assert.equal(
      stdout,
      'dense/bias  float32 [2]\n0.5 -1\nwords  string [2]\n"a" "base64:/w=="\nstep  int64 []\n7\n',
    );
  });

  it("prints the first ones of many", () => {
    const { stdout } = run("show", prefix, "--tensor=dense/kernel", "--max=3");
    assert.equal(stdout, "dense/kernel  float32 [4,2]\n0 1 2 … 5 more\n");
  });

  it("knows the names that there are", () => {
    const { status, stderr } = run("show", prefix, "--tensor=dense/bais");
    assert.equal(status, 1);
    assert.match(stderr, /has no tensor "dense\/bais", did you mean "dense\/bias"\?/);
  });
});

describe("servable checkpoint rename", () => {
  it("copies with other names, in another format", () => {
    const to = path.join(folder, "renamed");
    const { status, stdout } = run(
      "rename",
      prefix,
      `--to=${to}`,
      "--map=dense/=d/",
      "--map=step=global_step",
      "--format=V1",
    );
    assert.deepEqual([status, stdout], [0, "DIR/renamed: 4 tensors, 3 of them renamed\n"]);
    const reader = openCheckpoint(to);
    assert.deepEqual(reader.names(), ["d/bias", "d/kernel", "global_step", "words"]);
    assert.deepEqual(reader.read("d/kernel"), values.get("dense/kernel"));
    reader.close();
  });

  it("leaves out what is not named, and replaces only when forced", () => {
    const to = path.join(folder, "some");
    const args = ["rename", prefix, `--to=${to}`, "--map=step=s", "--only"];
    assert.equal(run(...args).status, 0);
    assert.match(
      run(...args).stderr,
      /ALREADY_EXISTS: There is a checkpoint DIR\/some already; --force replaces it/,
    );
    assert.equal(run(...args, "--force", "--shards=2").status, 0);
    assert.deepEqual(openCheckpoint(to).names(), ["s"]);
  });

  const refused: [args: string[], status: number, message: RegExp][] = [
    [["rename", prefix], 2, /--to=PREFIX says where/],
    [["rename", prefix, `--to=${prefix}`], 2, /must be another checkpoint/],
    [["rename", prefix, `--to=${folder}/x`, "--map=nothing=x"], 1, /has no tensor "nothing"/],
    [["rename", prefix, `--to=${folder}/x`, "--map=dense/=d"], 2, /a scope becomes a scope/],
    [["rename", prefix, `--to=${folder}/none/x`], 1, /no folder DIR\/none/],
    [["lis", prefix], 2, /unknown command "lis", did you mean "list"\?/],
  ];
  for (const [args, status, message] of refused) {
    it(`is refused: ${args.slice(2).join(" ").replaceAll(folder, "DIR") || args[0]}`, () => {
      const result = run(...args);
      assert.equal(result.status, status);
      assert.match(result.stderr, message);
    });
  }
});
