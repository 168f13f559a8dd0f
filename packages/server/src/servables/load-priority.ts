/**
 * Loads a model at a lower priority than requests are answered at, so that those who use other models feel little of it.
 * Linux alone has priorities for threads, and lets a process raise one again only with the capability to, or a limit that
 * allows it; elsewhere a load has the priority of all else.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/** Niceness that is added while loading what others do without, and what requests wait for; and the most there is. */
const ADDED = 15;
const ADDED_TO_URGENT = 5;
const MOST = 19;
/** capabilities(7) */
const CAP_SYS_NICE = 23n;
/** RLIMIT_NICE is 20 less the lowest nice value that may be set (getrlimit(2)). */
const NICE_LIMIT_FOR_NORMAL = 20;

export function atLowPriority<T>(load: () => T, isUrgent = false): T {
  const thread = canRaisePriority() ? threadNumber() : undefined;
  if (thread === undefined) return load();
  const before = new Set(threads());
  const normal = getPriority(thread);
  setPriority(thread, Math.min(normal + (isUrgent ? ADDED_TO_URGENT : ADDED), MOST));
  try {
    return load();
  } finally {
    // Threads that the load has started, ONNX Runtime's among them, have inherited its priority.
    for (const each of threads()) if (each === thread || !before.has(each)) raise(each, normal);
  }
}

function raise(thread: number, niceness: number): void {
  try {
    setPriority(thread, niceness);
  } catch {
    // It has ended since.
  }
}

/** The system's number of this thread; undefined where it has none. */
function threadNumber(): number | undefined {
  try {
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    return undefined;
  }
}

function threads(): number[] {
  return readdirSync("/proc/self/task").map(Number);
}

function canRaisePriority(): boolean {
  try {
    const [, capabilities = "0"] = /^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    if ((BigInt(`0x${capabilities}`) >> CAP_SYS_NICE) & 1n) return true;
    const [, limit = "0"] =
      /^Max nice priority\s+(\w+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return limit === "unlimited" || Number(limit) >= NICE_LIMIT_FOR_NORMAL;
  } catch {
    return false;
  }
}
