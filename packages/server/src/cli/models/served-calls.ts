/** How long calls to a served model take: a server is started for it, and asked one request at a time. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { Code, StatusError, unavailable } from "@servable/formats";
import { GetModelStatusRequestSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import { freePort } from "../../free-port.js";
import { median } from "./request-cost.js";

export interface CallTimes {
  /** A call that asks for next to nothing. */
  readonly emptyMs: number;
  readonly predictMs: number;
}

const PREDICT = "/tensorflow.serving.PredictionService/Predict";
const STATUS = "/tensorflow.serving.ModelService/GetModelStatus";
const START_LIMIT_MS = 120_000;
const LOOK_MS = 20;

/**
 * @param model the folder or file of a version
 * @param request a serialized PredictRequest
 * @param maxMs both kinds of calls together take no longer than about twice this
 */
export async function measureCalls(
  name: string,
  model: string,
  request: Uint8Array,
  runs: number,
  maxMs: number,
): Promise<CallTimes> {
  const base = mkdtempSync(path.join(tmpdir(), "servable-profile-"));
  const port = await freePort();
  placeVersion(base, path.resolve(model));
  const args = ["serve", `--port=${port}`, `--model_name=${name}`, `--model_base_path=${base}`];
  const server = spawn(process.execPath, [process.argv[1] as string, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  server.stderr.on("data", (text) => {
    log = `${log}${text}`.slice(-2000);
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    await untilAnswered(client, request, () => (server.exitCode === null ? undefined : log));
    const statusRequest = toBinary(
      GetModelStatusRequestSchema,
      create(GetModelStatusRequestSchema, { modelSpec: { name } }),
    );
    const predictMs = await medianMs(() => call(client, PREDICT, request), runs, maxMs);
    const emptyMs = await medianMs(() => call(client, STATUS, statusRequest), runs, maxMs);
    return { emptyMs, predictMs };
  } finally {
    client.close();
    server.kill();
    rmSync(base, { recursive: true });
  }
}

/** The model as version 1 of a base path, where it lies. */
function placeVersion(base: string, model: string): void {
  const version = path.join(base, "1");
  if (statSync(model).isDirectory()) {
    symlinkSync(model, version, "junction");
    return;
  }
  mkdirSync(version);
  symlinkSync(model, path.join(version, `model${path.extname(model)}`));
}

async function untilAnswered(
  client: Client,
  request: Uint8Array,
  ended: () => string | undefined,
): Promise<void> {
  const limit = Date.now() + START_LIMIT_MS;
  for (;;) {
    try {
      await call(client, PREDICT, request);
      return;
    } catch (reason) {
      const { code } = reason as { code: Code };
      const isStarting = code === Code.UNAVAILABLE || code === Code.NOT_FOUND;
      const log = ended();
      if (log !== undefined) throw unavailable(`the server has ended: ${log.trim()}`);
      if (!isStarting || Date.now() > limit) throw new StatusError(code, (reason as Error).message);
      await sleep(LOOK_MS);
    }
  }
}

function call(client: Client, method: string, request: Uint8Array): Promise<Buffer | undefined> {
  const asIs = (bytes: Uint8Array) => bytes as Buffer;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(method, asIs, asIs, Buffer.from(request), (error, answer) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
}

/** The first quarter is not counted: the server settles on how it runs the model. */
async function medianMs(run: () => Promise<unknown>, runs: number, maxMs: number): Promise<number> {
  const times: number[] = [];
  const until = Date.now() + maxMs;
  for (let i = 0; i < 2 * runs && (i === 0 || Date.now() < until); i++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return median(times.slice(Math.floor(times.length / 4)));
}
