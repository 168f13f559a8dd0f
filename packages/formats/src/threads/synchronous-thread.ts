/**
 * A thread that is called as a function is: the caller waits on shared memory until the answer is there, and reads it
 * from the port without an event loop. For libraries whose start is asynchronous where their callers are not, and which
 * a hostile file may crash or send round in circles: the thread is ended then, and the next task starts another.
 *
 * The other side is task-loop.ts, in the module that the thread runs.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { Code, internal, resourceExhausted, StatusError } from "../status.js";
import type { ThreadData, ThreadError } from "./thread-protocol.js";

/** How long an answer may take. */
export interface Patience {
  readonly ms: number;
  /**
   * "wall" counts the time that passes. On a busy machine the thread may have had little of it: "cpu" counts time only
   * as far as this process has computed.
   */
  readonly clock: "wall" | "cpu";
}

export interface SynchronousThreadOptions {
  /** What the thread writes to stdout and stderr is dropped; false by default. */
  readonly isSilent?: boolean;
}

/** How often to look at the CPU's clock. */
const LOOK_MS = 250;

interface Running {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly done: ThreadData["done"];
}

/** One thread, started when it is needed. It keeps no process alive. */
export class SynchronousThread<Task, Answer extends { readonly kind: string }> {
  private running: Running | undefined;

  /**
   * @param name of the library, for errors
   * @param entry the module that the thread runs
   */
  constructor(
    private readonly name: string,
    private readonly entry: URL,
    private readonly options: SynchronousThreadOptions = {},
  ) {}

  /** Identifies the thread that runs now, which alone knows what it was told; undefined when none does. */
  get worker(): Worker | undefined {
    return this.running?.worker;
  }

  /** Starts the thread, if it isn't there, without waiting. */
  prepare(): void {
    this.running ??= start(this.entry, this.options);
  }

  /**
   * Blocks until the thread has answered.
   *
   * @param what the task is about, at the beginning of errors
   * @throws what the thread answers as an error; RESOURCE_EXHAUSTED when patience is at its end
   */
  ask<K extends Exclude<Answer["kind"], "error">>(
    task: Task,
    kind: K,
    what: string,
    patience: Patience,
  ): Extract<Answer, { kind: K }> {
    this.running ??= start(this.entry, this.options);
    const { port, done } = this.running;
    Atomics.store(done, 0, 0);
    port.postMessage(task);
    if (!waitFor(done, patience)) {
      this.stop();
      throw resourceExhausted(`${what}: ${this.name} has no result after ${patience.ms} ms`);
    }
    const answer = receiveMessageOnPort(port)?.message as Answer | ThreadError | undefined;
    if (answer === undefined) throw internal(`the ${this.name} thread has answered nothing`);
    if (isError(answer)) {
      if (answer.isBroken) this.stop();
      throw new StatusError(Code[answer.code], `${what}: ${answer.message}`);
    }
    if (answer.kind !== kind) {
      throw internal(`the ${this.name} thread answered with ${answer.kind}, not ${kind}`);
    }
    return answer as Extract<Answer, { kind: K }>;
  }

  /** Ends the thread, if there is one, and gives its memory back. */
  stop(): void {
    const { running } = this;
    this.running = undefined;
    if (running === undefined) return;
    running.port.close();
    void running.worker.terminate();
    // Ending it makes the process wait for it again.
    running.worker.unref();
  }
}

function isError(answer: { readonly kind: string }): answer is ThreadError {
  return answer.kind === "error";
}

function start(entry: URL, { isSilent = false }: SynchronousThreadOptions): Running {
  const { port1, port2 } = new MessageChannel();
  const done = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ThreadData = { port: port2, done };
  const worker = new Worker(entry, {
    workerData,
    transferList: [port2],
    stdout: isSilent,
    stderr: isSilent,
  });
  // Neither keeps the process alive.
  worker.unref();
  port1.unref();
  return { worker, port: port1, done };
}

/** False when patience is at its end. */
function waitFor(done: ThreadData["done"], { ms, clock }: Patience): boolean {
  if (clock === "wall") return Atomics.wait(done, 0, 0, ms) !== "timed-out";
  const start = performance.now();
  const before = process.cpuUsage();
  while (Atomics.wait(done, 0, 0, LOOK_MS) === "timed-out") {
    const isOver = performance.now() - start > ms && process.cpuUsage(before).user / 1000 > ms;
    if (isOver) return false;
  }
  return true;
}
