/** The codec thread, called synchronously: a kernel blocks its own thread anyway. */
import { type Patience, SynchronousThread } from "@servable/formats/threads/synchronous-thread";
import type {
  CodecAnswer,
  CodecTask,
  DecodeFramesTask,
  DecodeJpegTask,
  EncodeJpegTask,
  Frame,
} from "./codec-tasks.js";
import type { Pixels } from "./image-file.js";

/** No picture of the size that we accept takes so long; a thread that does is given up. */
const PATIENCE: Patience = { ms: 60_000, clock: "wall" };

const thread = new SynchronousThread<CodecTask, CodecAnswer>(
  "the codec",
  new URL("./codec-thread.js", import.meta.url),
);

/** Starts the thread, if it isn't there, without waiting: to be ready when the first picture comes. */
export function prepareCodecs(): void {
  thread.prepare();
}

/** INVALID_ARGUMENT when the codec refuses, RESOURCE_EXHAUSTED when it breaks or takes too long. */
function ask<K extends CodecAnswer["kind"]>(task: CodecTask, kind: K): Extract<CodecAnswer, { kind: K }> {
  return thread.ask(task, kind, `Could not ${task.kind}`, PATIENCE);
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
