/**
 * Runs the commands of a README as they are written, and holds what it shows against what came out.
 *
 *     ```sh               run; must end with status 0
 *     ```sh background    started; goes on beside the commands after it
 *     ```sh by-hand       not run: what a test has done before, or can't do
 *     ```text             directly below: what the command prints; … stands for what differs from run to run,
 *                         alone on a line for any lines
 *
 * After a step that failed none is run any more: the later ones build on it, and would wait for what does not come.
 *
 * Only places are exchanged (ports, folders), in commands and outputs alike, so that tests can run side by side.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { after, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const BACKGROUND_LIMIT_MS = 120_000;
const FOREGROUND_LIMIT_MS = 300_000;
const POLL_MS = 50;

type StepKind = "run" | "background" | "by-hand";

export interface ReadmeStep {
  readonly kind: StepKind;
  readonly commands: string;
  /** Undefined when the README shows none. */
  readonly output: string | undefined;
}

const kinds: Readonly<Record<string, StepKind>> = {
  "": "run",
  background: "background",
  "by-hand": "by-hand",
};

/** The commands of a README in their order. */
export function readmeSteps(markdown: string): ReadmeStep[] {
  const block = /^```sh *([a-z-]*)\n([\s\S]*?)^```\n(?:\n?```text\n([\s\S]*?)^```\n)?/gm;
  return [...markdown.matchAll(block)].map(([, word = "", commands = "", output]) => {
    const kind = kinds[word];
    assert.ok(kind !== undefined, `a block of the README is marked "${word}"`);
    return { kind, commands, output };
  });
}

/** Whether an output is what a README shows. */
export function matchesOutput(output: string, shown: string): boolean {
  const lines = shown.trimEnd().split("\n");
  const pattern = lines
    .map((line) => (line.trim() === "…" ? "(?:.*\n)*?" : `${line.split("…").map(escaped).join(".*")} *\n`))
    .join("");
  return new RegExp(`^${pattern}$`).test(`${output.trimEnd()}\n`);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

export interface ReadmeRunOptions {
  /** What to write for what, everywhere. */
  readonly replacements: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** A run through a README. Close it, whatever happened: it ends what runs in the background. */
export class ReadmeRun {
  readonly steps: readonly ReadmeStep[];
  /** The first step that failed. */
  private failed: ReadmeStep | undefined;
  private readonly background: { child: ChildProcess; output: () => string; step: ReadmeStep }[] = [];

  constructor(
    readme: URL,
    private readonly options: ReadmeRunOptions,
  ) {
    // In one pass, and ports as whole numbers: what was put in is not looked at again.
    const places = Object.keys(options.replacements).map((place) =>
      /^\d+$/.test(place) ? `(?<!\\d)${place}(?!\\d)` : escaped(place),
    );
    const replaced = (text: string) =>
      text.replace(new RegExp(places.join("|"), "g"), (place) => options.replacements[place] ?? place);
    this.steps = readmeSteps(replaced(readFileSync(readme, "utf8")));
  }

  /** Runs a step and holds its output against the README's; one in the background as soon as it has said as much. */
  async runStep(step: ReadmeStep): Promise<void> {
    if (step.kind === "by-hand") return;
    this.requireNoFailure();
    try {
      await this.carryOut(step);
    } catch (reason) {
      this.failed = step;
      throw reason;
    }
  }

  private async carryOut(step: ReadmeStep): Promise<void> {
    const child = this.start(step.commands);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    const ended = once(child, "close").then(() => child.exitCode);
    if (step.kind === "background") {
      this.background.push({ child, output: () => output, step });
      await this.untilShown(step, () => output, ended);
      return;
    }
    // A shell loop that waits for what does not come would wait for ever, and outlive this process.
    const overdue = setTimeout(() => endGroup(child), FOREGROUND_LIMIT_MS);
    const status = await ended;
    clearTimeout(overdue);
    assert.equal(status, 0, `status ${status} of\n${step.commands}\n${output}`);
    if (step.output !== undefined) {
      assert.ok(
        matchesOutput(output, step.output),
        `${step.commands}\nprints\n${output}\nexpected\n${step.output}`,
      );
    }
  }

  /** What a background command has printed when it has ended by itself. */
  async finished(command: string): Promise<string> {
    this.requireNoFailure();
    const found = this.background.find(({ step }) => step.commands.includes(command));
    assert.ok(found !== undefined, `no command with "${command}" runs in the background`);
    if (found.child.exitCode === null) await once(found.child, "close");
    return found.output();
  }

  async close(): Promise<void> {
    for (const { child } of this.background) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      const closed = once(child, "close");
      endGroup(child);
      await closed;
    }
  }

  private requireNoFailure(): void {
    assert.ok(this.failed === undefined, `not run, because this step failed:\n${this.failed?.commands}`);
  }

  private start(commands: string): ChildProcess {
    // A group of its own, so that what the shell has started ends with it.
    return spawn("bash", ["-euo", "pipefail", "-c", commands], {
      cwd: root,
      env: { ...process.env, ...this.options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
  }

  private async untilShown(step: ReadmeStep, output: () => string, ended: Promise<unknown>): Promise<void> {
    const { output: shown } = step;
    if (shown === undefined) return;
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    const limit = Date.now() + BACKGROUND_LIMIT_MS;
    while (!matchesOutput(output(), shown)) {
      assert.ok(!isOver && Date.now() < limit, `${step.commands}\nprints\n${output()}\nexpected\n${shown}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** A test for each step that is run. Afterwards the run is closed, and the folder that it works in removed. */
export function testSteps(run: ReadmeRun, folder: string): void {
  after(async () => {
    await run.close();
    rmSync(folder, { recursive: true });
  });
  for (const step of run.steps.filter(({ kind }) => kind !== "by-hand")) {
    it(step.commands.trim().split("\n")[0] ?? "", () => run.runStep(step));
  }
}

/** Ends a shell and all that it has started. */
function endGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, "SIGTERM");
}
