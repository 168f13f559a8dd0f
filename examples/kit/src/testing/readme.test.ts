import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { matchesOutput, readmeSteps } from "./readme.js";

describe("a README", () => {
  it("has commands, some with what they print", () => {
    const markdown =
      "# Title\n\n```sh\necho 1\n```\n\n```text\n1\n```\n\n```sh background\nserve\n```\n\nSo:\n\n```text\nno output\n```\n\n```sh by-hand\nnpm ci\n```\n";
    assert.deepEqual(readmeSteps(markdown), [
      { kind: "run", commands: "echo 1\n", output: "1\n" },
      { kind: "background", commands: "serve\n", output: undefined },
      { kind: "by-hand", commands: "npm ci\n", output: undefined },
    ]);
  });
});

describe("an output", () => {
  const cases: [output: string, shown: string, matches: boolean][] = [
    ["a\nb\n", "a\nb\n", true],
    ["a\nb", "a\nb\n", true],
    ["a\nb\nc\n", "a\nb\n", false],
    ["took 17 ms\n", "took … ms\n", true],
    ["took 17 s\n", "took … ms\n", false],
    ["a\nb\nc\n", "a\n…\nc\n", true],
    ["a\nc\n", "a\n…\nc\n", true],
    ["a.c\n", "abc\n", false],
    ["abc\n", "a.c\n", false],
  ];
  for (const [output, shown, matches] of cases) {
    it(`${JSON.stringify(output)} ${matches ? "is" : "is not"} ${JSON.stringify(shown)}`, () => {
      assert.equal(matchesOutput(output, shown), matches);
    });
  }
});
