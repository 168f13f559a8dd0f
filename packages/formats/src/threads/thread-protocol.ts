/** What a program and a thread that it calls synchronously say to each other: one task, one answer, in turn. */
import type { MessagePort } from "node:worker_threads";
import type { CodeName } from "../status.js";

/** What the thread is started with. */
export interface ThreadData {
  /** Tasks come in, answers go out. */
  readonly port: MessagePort;
  /** One entry, set to 1 and notified when an answer has been sent. */
  readonly done: Int32Array<SharedArrayBuffer>;
}

/** The answer to a task that failed. */
export interface ThreadError {
  readonly kind: "error";
  readonly code: CodeName;
  readonly message: string;
  /** The thread can't be used any more. */
  readonly isBroken: boolean;
}
