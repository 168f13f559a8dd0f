/** A child process that loads hostile models one after the other, replaced when one of them breaks it. */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What the child says of one model. */
export interface LoadReport {
  /** "defect": an error that is no StatusError, or one that says that the engine is wrong. */
  readonly kind: "loaded" | "refused" | "defect";
  /** Code and message of the error; of a defect its stack too. */
  readonly text: string;
  readonly cpuMs: number;
  /** The most memory that the process has had, in MiB. */
  readonly peakMb: number;
}

/** How loading a model ended. All but the first two must not happen, whatever the files say. */
export interface Outcome {
  readonly kind: LoadReport["kind"] | "crash" | "hang" | "memory" | "slow";
  readonly text: string;
}

export const MAX_CPU_MS = 5_000;
export const MAX_MEMORY_MB = 1024;
/** On a machine that has other work the CPU time is not all of the time. */
const MAX_WALL_MS = 30_000;
const WATCH_MS = 50;

export class LoadProcess {
  private child: ChildProcess | undefined;

  /** Loads the model in a version folder, and runs each of its signatures once. */
  load(dir: string): Promise<Outcome> {
    const child = this.start();
    return new Promise((resolve) => {
      let killedFor: Outcome | undefined;
      const kill = (kind: "hang" | "memory", text: string) => {
        killedFor ??= { kind, text };
        child.kill("SIGKILL");
      };
      const timeout = setTimeout(() => kill("hang", `no answer after ${MAX_WALL_MS} ms`), MAX_WALL_MS);
      const watch = setInterval(() => {
        const megabytes = residentMb(child);
        if (megabytes > MAX_MEMORY_MB) kill("memory", `${megabytes.toFixed()} MiB`);
      }, WATCH_MS);
      const settle = (outcome: Outcome) => {
        clearTimeout(timeout);
        clearInterval(watch);
        child.removeAllListeners();
        resolve(outcome);
      };
      child.once("message", (report: LoadReport) => {
        const outcome = judge(report);
        if (outcome.kind === "memory") this.stop();
        settle(outcome);
      });
      child.once("exit", (code, signal) => {
        this.child = undefined;
        settle(
          killedFor ?? { kind: "crash", text: `the process ended with ${signal ?? `exit code ${code}`}` },
        );
      });
      child.send(dir);
    });
  }

  /** Ends the child. The next load starts another. */
  stop(): void {
    this.child?.removeAllListeners();
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
