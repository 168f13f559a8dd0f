/** `servable warmup record`: makes a model's warm-up requests from its traffic, live or logged. */
import { Code, invalidArgument, readTfRecordFile, StatusError } from "@servable/formats";
import { requestsOfPredictionLog } from "../apis/prediction-log-codec.js";
import { WarmUpRecorder, warmUpPath } from "../warm-up/recorder.js";
import { MAX_WARM_UP_RECORDS } from "../warm-up/replay.js";
import { type CommandDescription, countOption, type ParsedArguments, UsageError } from "./arguments.js";
import { ExitCode } from "./command.js";
import { runTool } from "./tool.js";

const description: CommandDescription = {
  name: "servable warmup record",
  about:
    "Writes assets.extra/tf_serving_warmup_requests into a version's folder: requests that servers run before the " +
    "version becomes available. They come from request logs, or from clients that talk to a server through this " +
    "program, which records what the server answers.",
  operand: "FOLDER",
  operandHelp: "A version's folder, such as /models/mnist/2.",
  options: {
    log: { value: "FILE", help: "A request log (TFRecord file of PredictionLogs).", repeated: true },
    server: { value: "HOST:PORT", help: "The gRPC server to record the traffic of." },
    port: { value: "PORT", help: "Where clients are to call meanwhile; 8510 by default." },
    seconds: { value: "N", help: "Record for so long; until it is enough, or SIGINT, by default." },
    model: { value: "NAME", help: "Record the requests for this model; all by default." },
    max_records: { value: "N", help: `Enough; 100 by default, at most ${MAX_WARM_UP_RECORDS}.` },
    max_alike: { value: "N", help: "Of requests with the same signature and shapes; 5 by default." },
    overwrite: { help: "Replace the file that is there." },
  },
  examples: [
    ["/models/mnist/2 --log=/var/log/servable/mnist.tfrecord --model=mnist", "From a request log"],
    ["/models/mnist/2 --server=localhost:8500 --port=8510 --seconds=60", "From a minute of traffic"],
  ],
};

export async function warmup([action, ...args]: readonly string[]): Promise<number> {
  const isHelp = action === undefined || /^(-h|--?help)$/.test(action);
  return await runTool(description, isHelp ? ["--help"] : args, async (parsed) => {
    if (action !== "record") throw new UsageError(`there is no "servable warmup ${action}", only "record"`);
    return await record(parsed);
  });
}

async function record(parsed: ParsedArguments): Promise<number> {
  const { operand: folder } = parsed;
  const logs = parsed.options.get("log") ?? [];
  const server = parsed.options.get("server")?.[0];
  const replaces = parsed.options.has("overwrite");
  if (folder === undefined) throw new UsageError("the version's folder is missing");
  if (logs.length > 0 === (server !== undefined)) {
    throw new UsageError("either --log or --server must say where requests come from");
  }
  // Before anything is recorded for nothing.
  warmUpPath(folder, replaces);
  const model = parsed.options.get("model")?.[0];
  const recorder = new WarmUpRecorder({
    maxRecords: Math.min(MAX_WARM_UP_RECORDS, countOption(parsed, "max_records", 1) ?? 100),
    maxAlike: countOption(parsed, "max_alike", 1) ?? 5,
    ...(model === undefined ? {} : { model }),
  });
  if (server === undefined) await recordLogs(recorder, logs);
  else await recordTraffic(recorder, server, parsed);
  if (recorder.count === 0) throw invalidArgument("there was no request to record");
  const path = await recorder.save(folder, replaces);
  process.stdout.write(`Wrote ${recorder.count} requests to ${path}\n`);
  return ExitCode.OK;
}

async function recordLogs(recorder: WarmUpRecorder, files: readonly string[]): Promise<void> {
  for (const file of files) {
    try {
      await recordLog(recorder, file);
    } catch (reason) {
      const { code, message } = StatusError.from(reason);
      // A log that is being written may end amid a record.
      if (code !== Code.DATA_LOSS || recorder.count === 0) throw reason;
      process.stderr.write(`${message}: what is before it counts\n`);
    }
  }
}

async function recordLog(recorder: WarmUpRecorder, file: string): Promise<void> {
  let at = 0;
  for await (const record of readTfRecordFile(file)) {
    if (recorder.isFull) return;
    at++;
    try {
      const { api, requests } = requestsOfPredictionLog(record) ?? { api: "Predict", requests: [] };
      for (const request of requests) recorder.add(api, request);
    } catch (reason) {
      const { code, message } = StatusError.from(reason);
      throw new StatusError(code, `${file}: record ${at}: ${message}`, { cause: reason });
    }
  }
}

const MAX_REQUEST_BYTES = 2 ** 31 - 1;

/** Until there are enough requests, the time is over, or the user ends it. */
async function recordTraffic(
  recorder: WarmUpRecorder,
  server: string,
  parsed: ParsedArguments,
): Promise<void> {
  const { startRecordingProxy } = await import("../warm-up/recording-proxy.js");
  const seconds = countOption(parsed, "seconds", 1);
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const proxy = await startRecordingProxy({
    server,
    listen: `0.0.0.0:${countOption(parsed, "port", 0) ?? 8510}`,
    maxRequestBytes: MAX_REQUEST_BYTES,
    onAnswered: (api, request) => {
      recorder.add(api, request);
      if (recorder.isFull) finish();
    },
  });
  process.stderr.write(`Recording requests for ${server} that clients send to port ${proxy.port}\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, finish);
  const timer = seconds === undefined ? undefined : setTimeout(finish, seconds * 1000);
  await finished;
  clearTimeout(timer);
  await proxy.stop();
}
