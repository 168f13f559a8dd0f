/** A thread for the tests of synchronous-thread.ts: echoes, fails, or goes round in circles, as it is told. */
import { answerTasks, isTrap } from "../task-loop.js";

export type ExampleTask =
  | { readonly kind: "echo"; readonly bytes: Uint8Array }
  | { readonly kind: "count" }
  | { readonly kind: "throw"; readonly name: string; readonly message: string }
  | { readonly kind: "work for"; readonly ms: number }
  | { readonly kind: "sleep for"; readonly ms: number };

export type ExampleAnswer =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "number"; readonly value: number };

let tasks = 0;

function answer(task: ExampleTask): ExampleAnswer {
  tasks++;
  switch (task.kind) {
    case "echo":
      return { kind: "bytes", bytes: task.bytes };
    case "throw":
      throw Object.assign(new Error(task.message), { name: task.name });
    case "sleep for":
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, task.ms);
      break;
    case "work for": {
      const end = performance.now() + task.ms;
      while (performance.now() < end);
      break;
    }
    case "count":
      break;
  }
  return { kind: "number", value: tasks };
}

answerTasks<ExampleTask, ExampleAnswer>({
  ready: Promise.resolve(),
  answer,
  failure: (error) => ({
    kind: "error",
    code: "DATA_LOSS",
    message: (error as Error).message,
    isBroken: isTrap(error),
  }),
  buffersOf: (given) => (given.kind === "bytes" ? [given.bytes.buffer] : []),
});
