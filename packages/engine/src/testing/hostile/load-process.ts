/** A child process that loads hostile models one after the other, replaced when one of them breaks it. */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What the child says of one model. */
export interface LoadReport {
  /** "loaded": its signatures are about to run; "done": nothing follows. */
  readonly stage: "loaded" | "done";
  /** "defect": an error that is no StatusError, or one that says that the engine is wrong. */
  readonly kind: "loaded" | "refused" | "defect";
  /** Code and message of the error; of a defect its stack too. */
  readonly text: string;
  /** What loading took. */
  readonly cpuMs: number;
  /** The most memory that the process has had until the model was loaded, in MiB. */
  readonly peakMb: number;
}

/**
 * How a model ended. All but the first two must not happen, whatever its files say. How long a loaded model runs, and
 * on how much memory, is the model's choice: that counts as loaded. A crash never does.
 */
export interface Outcome {
  readonly kind: LoadReport["kind"] | "crash" | "hang" | "memory" | "slow";
  readonly text: string;
}

export const MAX_CPU_MS = 5_000;
export const MAX_MEMORY_MB = 1024;
/** A process that has computed for so long will not answer. */
const HANG_CPU_MS = 2 * MAX_CPU_MS;
/** On a machine that has other work the CPU time is not all of the time. */
const MAX_WALL_MS = 120_000;
const WATCH_MS = 50;

export class LoadProcess {
  private child: ChildProcess | undefined;

  /** Loads the model in a version folder, and runs each of its signatures once. */
  async load(dir: string): Promise<Outcome> {
    const outcome = await new Trial(this.start()).run(dir);
    // What a process has used once it is taken to use for ever.
    if (outcome.kind !== "loaded" && outcome.kind !== "refused") this.stop();
    if (this.child?.exitCode !== null || this.child.killed) this.child = undefined;
    return outcome;
  }

  /** Ends the child. The next load starts another. */
  stop(): void {
    this.child?.kill("SIGKILL");
    this.child = undefined;
  }

  private start(): ChildProcess {
    this.child ??= fork(fileURLToPath(new URL("./load-child.js", import.meta.url)), {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    return this.child;
  }
}

/** One model in the child, watched. */
class Trial {
  private loaded: LoadReport | undefined;
  private killedFor: Outcome | undefined;

  constructor(private readonly child: ChildProcess) {}

  run(dir: string): Promise<Outcome> {
    const { child } = this;
    return new Promise((resolve) => {
      const timeout = setTimeout(() => this.kill("hang", `no answer after ${MAX_WALL_MS} ms`), MAX_WALL_MS);
      const cpuBefore = cpuMs(child);
      const watch = setInterval(() => this.watch(cpuBefore), WATCH_MS);
      const settle = (outcome: Outcome) => {
        clearTimeout(timeout);
        clearInterval(watch);
        child.removeAllListeners();
        resolve(outcome);
      };
      child.on("message", (report: LoadReport) => {
        if (report.stage === "loaded") this.loaded = report;
        else settle(judge(report));
      });
      child.once("exit", (code, signal) => {
        settle(this.killedFor ?? { kind: "crash", text: `ended with ${signal ?? `exit code ${code}`}` });
      });
      child.once("error", ({ message }) => settle({ kind: "crash", text: message }));
      child.send(dir);
    });
  }

  private watch(cpuBefore: number): void {
    const computed = cpuMs(this.child) - cpuBefore;
    if (computed > HANG_CPU_MS) this.kill("hang", `no answer after ${computed} ms of CPU time`);
    const megabytes = residentMb(this.child);
    if (megabytes > MAX_MEMORY_MB) this.kill("memory", `${megabytes.toFixed()} MiB`);
  }

  private kill(kind: "hang" | "memory", text: string): void {
    this.killedFor ??= this.loaded === undefined ? { kind, text } : judge(this.loaded);
    this.child.kill("SIGKILL");
  }
}

function judge({ kind, text, cpuMs, peakMb }: LoadReport): Outcome {
  if (kind === "defect") return { kind, text };
  if (peakMb > MAX_MEMORY_MB) return { kind: "memory", text: `${peakMb.toFixed()} MiB; ${text}` };
  if (cpuMs > MAX_CPU_MS) return { kind: "slow", text: `${cpuMs.toFixed()} ms of CPU time; ${text}` };
  return { kind, text };
}

/** Memory of a process now, in MiB; 0 where the system does not tell. */
function residentMb({ pid }: ChildProcess): number {
  try {
    const pages = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1];
    return (Number(pages) * 4096) / 2 ** 20;
  } catch {
    return 0;
  }
}

/** What a process has computed so far, in milliseconds of CPU time; 0 where the system does not tell. */
function cpuMs({ pid }: ChildProcess): number {
  try {
    // The name of the program, in parentheses, may have blanks. Times are in hundredths of a second.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\)/s, "").split(" ");
    return 10 * (Number(fields[12]) + Number(fields[13]));
  } catch {
    return 0;
  }
}
