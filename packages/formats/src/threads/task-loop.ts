/** The inner side of a synchronous-thread.ts: answers one task after another, for as long as the thread lives. */
import { workerData } from "node:worker_threads";
import type { ThreadData, ThreadError } from "./thread-protocol.js";

export interface TaskLoop<Task, Answer> {
  /** Tasks wait for it; when it fails, they all do. */
  readonly ready: Promise<unknown>;
  answer(task: Task): Answer;
  /** What to say of what `answer` or `ready` threw. */
  failure(error: unknown): ThreadError;
  /** The memory that an answer hands over. */
  buffersOf(answer: Answer): readonly ArrayBufferLike[];
}

export function answerTasks<Task, Answer>({
  ready,
  answer,
  failure,
  buffersOf,
}: TaskLoop<Task, Answer>): void {
  const { port, done } = workerData as ThreadData;
  const send = async (task: Task) => {
    try {
      await ready;
      const given = answer(task);
      port.postMessage(given, buffersOf(given) as ArrayBuffer[]);
    } catch (error) {
      port.postMessage(failure(error));
    }
    Atomics.store(done, 0, 1);
    Atomics.notify(done, 0);
  };
  port.on("message", send);
}

/** Whether code of WebAssembly has trapped: its memory is in no known state then. */
export function isTrap(error: unknown): boolean {
  return error instanceof Error && error.name === "RuntimeError";
}
