import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Flag, flagNames, flags } from "./flags.js";
import { flagsHelp } from "./flags-help.js";
import { parseFlags } from "./parse-flags.js";

describe("flags", () => {
  const cases: [string[], Record<string, unknown>][] = [
    [[], { port: 8500, rest_api_port: 0, model_name: "default", enable_model_warmup: true }],
    [["--port=9000", "--model_name=m"], { port: 9000, model_name: "m" }],
    [["--port", "9000", "--model_base_path", "/a b"], { port: 9000, model_base_path: "/a b" }],
    [["-port=9000"], { port: 9000 }],
    [["--model-base-path=/m"], { model_base_path: "/m" }],
    [["--model_base_path=/m=1"], { model_base_path: "/m=1" }],
    [["--model_base_path="], { model_base_path: "" }],
    [["--load_retry_interval_micros=-1"], { load_retry_interval_micros: -1 }],
    [["--per_process_gpu_memory_fraction=0.5"], { per_process_gpu_memory_fraction: 0.5 }],
    [["--enable_batching"], { enable_batching: true }],
    [["--enable_batching", "--port=1"], { enable_batching: true, port: 1 }],
    [["--enable_batching", "false"], { enable_batching: false }],
    [["--enable_model_warmup=false"], { enable_model_warmup: false }],
    [["--enable_model_warmup=0"], { enable_model_warmup: false }],
    [["--port=1", "--port=2"], { port: 2 }],
  ];
  for (const [args, expected] of cases) {
    it(`are read from ${args.join(" ") || "nothing"}`, () => {
      const { values } = parseFlags(args);
      for (const [name, value] of Object.entries(expected)) assert.equal(values[name as never], value, name);
    });
  }

  const faults: [string[], RegExp][] = [
    [["--prot=1"], /unknown flag --prot, did you mean --port\?/],
    [["--model_basepath=x"], /did you mean --model_base_path\?/],
    [["--zzzzzzzzzzzzzzzzzzzz"], /unknown flag --zzzzzzzzzzzzzzzzzzzz$/],
    [["serve"], /unexpected argument "serve"/],
    [["--port=abc"], /--port needs an integer/],
    [["--port"], /--port needs an integer/],
    [["--enable_batching=maybe"], /--enable_batching needs true or false/],
    [["--per_process_gpu_memory_fraction=x"], /needs a number/],
    [["--prot=1", "--port=x"], /unknown flag --prot.*; --port needs/],
  ];
  for (const [args, message] of faults) {
    it(`are refused: ${args.join(" ")}`, () =>
      assert.throws(() => parseFlags(args), { codeName: "INVALID_ARGUMENT", message }));
  }

  it("are all in the help", () => {
    const help = flagsHelp("servable serve");
    for (const name of flagNames) assert.ok(help.includes(`--${name}`), name);
    for (const line of help.split("\n")) assert.ok(line.length <= 100, line);
  });

  it("say what they do in a sentence", () => {
    for (const name of flagNames) assert.match((flags[name] as Flag).help, /^[A-Z].*\.$/s, name);
  });
});
