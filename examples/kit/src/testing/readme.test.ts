import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { matchesOutput, ReadmeRun, readmeSteps } from "./readme.js";

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

describe("a run through a README", () => {
  let folder: string | undefined;
  let run: ReadmeRun | undefined;
  afterEach(async () => {
    await run?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  /** Of blocks, each a mark, commands, and what they print. */
  function runOf(...blocks: [mark: string, commands: string, output?: string][]): ReadmeRun {
    folder = mkdtempSync(path.join(tmpdir(), "readme-run-"));
    const file = path.join(folder, "README.md");
    const texts = blocks.map(
      ([mark, commands, output]) =>
        `\`\`\`sh ${mark}\n${commands}\n\`\`\`\n${output === undefined ? "" : `\`\`\`text\n${output}\n\`\`\`\n`}`,
    );
    writeFileSync(file, texts.join("\n"));
    run = new ReadmeRun(pathToFileURL(file), { replacements: { PLACE: "there" } });
    return run;
  }

  /** What each step says, undefined for those that succeed. */
  async function problemsOf(run: ReadmeRun): Promise<(string | undefined)[]> {
    const problems = [];
    for (const step of run.steps) {
      problems.push(
        await run.runStep(step).then(
          () => undefined,
          (reason: Error) => reason.message,
        ),
      );
    }
    return problems;
  }

  it("runs the steps one after another, with places exchanged", async () => {
    const run = runOf(
      ["", "echo PLACE", "there"],
      ["background", "echo up; sleep 0.1; echo down", "up"],
      ["by-hand", "false"],
      ["", "true"],
    );
    assert.deepEqual(await problemsOf(run), [undefined, undefined, undefined, undefined]);
    assert.equal(await run.finished("echo up"), "up\ndown\n");
  });

  const failures: [string, [mark: string, commands: string, output?: string], RegExp][] = [
    ["ends with an error", ["", "echo oops; exit 3"], /^status 3 of\necho oops; exit 3\n\noops\n/],
    ["prints something else", ["", "echo a", "b"], /^echo a\n\nprints\na\n\nexpected\nb\n/],
    ["ends in the background before it is up", ["background", "echo a", "b"], /^echo a\n\nprints\na\n/],
  ];
  for (const [title, failing, message] of failures) {
    it(`is over after a step that ${title}`, async () => {
      const run = runOf(
        ["background", "sleep 100"],
        failing,
        ["", "sleep 100"],
        ["background", "sleep 100", "up"],
        ["by-hand", "sleep 100"],
      );
      const since = performance.now();
      const [before, failed, ...after] = await problemsOf(run);
      assert.ok(performance.now() - since < 10_000, "nothing was waited for");
      assert.equal(before, undefined);
      assert.match(failed ?? "", message);
      const notRun = `not run, because this step failed:\n${failing[1]}\n`;
      assert.deepEqual(after, [notRun, notRun, undefined]);
      await assert.rejects(run.finished("sleep 100"), { message: notRun });
    });
  }
});
