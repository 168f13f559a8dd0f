/**
 * Synchronous calls to the codec thread: a kernel blocks its own thread anyway, so it waits on shared memory until the
 * answer is there, and reads it from the port without an event loop.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { internal, invalidArgument, resourceExhausted } from "@servable/formats";
import type {
  CodecAnswer,
  CodecTask,
  CodecThreadData,
  DecodeFramesTask,
  DecodeJpegTask,
  EncodeJpegTask,
  Frame,
} from "./codec-tasks.js";
import type { Pixels } from "./image-file.js";

/** No picture of the size that we accept takes so long; a thread that does is given up. */
const PATIENCE_MS = 60_000;

class CodecThread {
  private readonly worker: Worker;
  private readonly port: MessagePort;
  private readonly done = new Int32Array(new SharedArrayBuffer(4));

  constructor() {
    const { port1, port2 } = new MessageChannel();
    const workerData: CodecThreadData = { port: port2, done: this.done };
    this.worker = new Worker(new URL("./codec-thread.js", import.meta.url), {
      workerData,
      transferList: [port2],
    });
    // Neither keeps the process alive.
    this.worker.unref();
    this.port = port1;
    port1.unref();
  }

  /** Blocks until the thread has answered. */
  ask(task: CodecTask): CodecAnswer {
    Atomics.store(this.done, 0, 0);
    this.port.postMessage(task);
    if (Atomics.wait(this.done, 0, 0, PATIENCE_MS) === "timed-out") {
      return { kind: "error", message: `no result within ${PATIENCE_MS} ms`, isBroken: true };
    }
    const received = receiveMessageOnPort(this.port);
    if (received === undefined) throw internal("the codec thread has answered nothing");
    return received.message as CodecAnswer;
  }

  stop(): void {
    this.port.close();
    void this.worker.terminate();
  }
}

let thread: CodecThread | undefined;

/** Starts the thread, if it isn't there, without waiting: to be ready when the first picture comes. */
export function prepareCodecs(): void {
  thread ??= new CodecThread();
}

/** INVALID_ARGUMENT when the codec refuses, RESOURCE_EXHAUSTED when it breaks or takes too long. */
function ask<K extends Exclude<CodecAnswer["kind"], "error">>(
  task: CodecTask,
  kind: K,
): Extract<CodecAnswer, { kind: K }> {
  thread ??= new CodecThread();
  const answer = thread.ask(task);
  if (answer.kind === "error") {
    if (!answer.isBroken) throw invalidArgument(`Could not ${task.kind}: ${answer.message}`);
    thread.stop();
    thread = undefined;
    throw resourceExhausted(`Could not ${task.kind}: ${answer.message}`);
  }
  if (answer.kind !== kind) throw internal(`the codec thread answered with ${answer.kind}, not ${kind}`);
  return answer as Extract<CodecAnswer, { kind: K }>;
}

export function decodeJpegFile(task: Omit<DecodeJpegTask, "kind">): Pixels {
  return ask({ kind: "decode JPEG", ...task }, "pixels").pixels;
}

export function decodeFrames(task: Omit<DecodeFramesTask, "kind">): readonly Frame[] {
  return ask({ kind: "decode frames", ...task }, "frames").frames;
}

export function encodeJpegFile(task: Omit<EncodeJpegTask, "kind">): Uint8Array {
  return ask({ kind: "encode JPEG", ...task }, "file").file;
}
