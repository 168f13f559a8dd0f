/**
 * Decodes image files in a thread of its own, so that neither a large picture nor the start of the codecs keeps others
 * waiting. One at a time: they wait for their turn here, where those that nobody waits for any more are left out.
 */
import { Worker } from "node:worker_threads";
import { StatusError, type Tensor, unavailable } from "@servable/formats";
import type { CallSignal } from "../../call-abort.js";
import { unpackError } from "../../servables/worker-protocol.js";
import type { ImageAnswer, ImageTask } from "./image-task.js";

/** Started for the first picture. */
let thread: Worker | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * The pixels of an image file, of shape [height, width, channels]. INVALID_ARGUMENT when the file can't be decoded,
 * UNAVAILABLE when the thread has ended.
 *
 * @param what names the input in errors
 */
export async function decodeImage(what: string, task: ImageTask, signal: CallSignal): Promise<Tensor> {
  const turn = last.then(() => {
    if (signal.aborted) throw signal.reason;
    return ask(task);
  });
  last = turn.catch(() => {});
  const answer = await orAborted(turn, signal);
  if (answer.kind === "pixels") return answer.tensor;
  const { code, message } = unpackError(answer.error);
  throw new StatusError(code, `${what}: ${message}`);
}

async function orAborted<T>(promise: Promise<T>, signal: CallSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function ask(task: ImageTask): Promise<ImageAnswer> {
  thread ??= startThread();
  const worker = thread;
  return new Promise((resolve, reject) => {
    const onExit = () => {
      thread = undefined;
      worker.off("message", onMessage);
      reject(unavailable("The thread that decodes images has ended"));
    };
    const onMessage = (answer: ImageAnswer) => {
      worker.off("exit", onExit);
      resolve(answer);
    };
    worker.once("message", onMessage);
    worker.once("exit", onExit);
    // A copy, and not the request's memory: small, next to the pixels.
    const file = Uint8Array.from(task.file);
    worker.postMessage({ ...task, file }, [file.buffer]);
  });
}

function startThread(): Worker {
  const worker = new Worker(new URL("./image-thread.js", import.meta.url));
  // An error ends the thread, and that is reported to who waits. It doesn't keep the process alive.
  worker.on("error", () => {});
  worker.unref();
  return worker;
}
