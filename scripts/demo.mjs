// Serves the checked-in MNIST model and asks it for a digit that is drawn here:
//
//   npm run demo                      keeps serving until Ctrl-C
//   npm run demo -- --once            ends after the prediction
//   npm run demo -- --digit=4 --port=8500 --rest_api_port=8501
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connect, tensor } from "@servable/client";
import { asciiArt, drawDigit } from "../examples/mnist/dist/drawn-digit.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const MODEL = "mnist";
const START_LIMIT_MS = 60_000;
const POLL_MS = 100;
const BAR_WIDTH = 40;

const { values: flags } = parseArgs({
  options: {
    once: { type: "boolean", default: false },
    digit: { type: "string", default: String(1 + Math.floor(9 * Math.random())) },
    port: { type: "string", default: "8500" },
    rest_api_port: { type: "string", default: "8501" },
  },
});

/** Rather a clear word now than an answer from some other server later. */
async function checkFree(flag) {
  const socket = createConnection(Number(flags[flag]), "localhost");
  const isTaken = await new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  socket.destroy();
  if (isTaken) throw new Error(`Port ${flags[flag]} is in use: choose another one with --${flag}.`);
}

function startServer() {
  const args = [
    "packages/server/dist/bundle/servable.js",
    "serve",
    `--port=${flags.port}`,
    `--rest_api_port=${flags.rest_api_port}`,
    `--model_name=${MODEL}`,
    "--model_base_path=examples/mnist/model",
  ];
  console.log(`$ node ${args.join(" ")}\n`);
  return spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
}

/** Resolves when a version of the model is available. Rejects when the server ends before, or takes too long. */
async function untilReady(client, exited) {
  const limit = Date.now() + START_LIMIT_MS;
  for (;;) {
    const ended = await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, POLL_MS))]);
    if (ended !== undefined) throw new Error(`The server ended (${ended}); see above.`);
    const versions = await client.getModelStatus({ model: MODEL, deadlineMs: 1000 }).catch(() => []);
    if (versions.some(({ state }) => state === "AVAILABLE")) return;
    if (Date.now() > limit) throw new Error(`The model is not available after ${START_LIMIT_MS / 1000} s.`);
  }
}

async function predict(client, image) {
  const images = tensor("float32", [1, image.length], image);
  const started = performance.now();
  const { outputs, model } = await client.predict({
    model: MODEL,
    signature: "predict_images",
    inputs: { images },
  });
  return { scores: [...outputs.get("scores").data], version: model.version, ms: performance.now() - started };
}

function showScores(scores) {
  const best = scores.indexOf(Math.max(...scores));
  for (const [digit, score] of scores.entries()) {
    const bar = "█".repeat(Math.round(score * BAR_WIDTH));
    console.log(`  ${digit}  ${score.toFixed(4)}  ${bar}${digit === best ? "  ←" : ""}`);
  }
}

/** What to try next: commands that work as they stand. */
function showCommands(image) {
  const folder = mkdtempSync(path.join(tmpdir(), "servable-demo-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  // A feature takes its type from how its numbers are written: 0.000 is a float where 0 would be an integer.
  const pixels = `[${Array.from(image, (value) => value.toFixed(3))}]`;
  const requests = {
    predict: `{"signature_name": "predict_images", "instances": [${pixels}]}`,
    classify: `{"examples": [{"x": ${pixels}}]}`,
  };
  const url = `http://localhost:${flags.rest_api_port}/v1/models/${MODEL}`;
  console.log(
    `The model is served by gRPC on localhost:${flags.port} and by REST on localhost:${flags.rest_api_port}. Try:\n`,
  );
  console.log(`  curl ${url}`);
  console.log(`  curl ${url}/metadata`);
  for (const [method, request] of Object.entries(requests)) {
    const file = path.join(folder, `${method}.json`);
    writeFileSync(file, request);
    console.log(`  curl -d @${file} ${url}:${method}`);
  }
}

async function demo() {
  await checkFree("port");
  await checkFree("rest_api_port");
  const server = startServer();
  const exited = new Promise((resolve) => {
    server.once("exit", (code, signal) => resolve(signal ?? `status ${code}`));
    server.once("error", (error) => resolve(error.message));
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => server.kill(signal));
  const client = connect({ grpc: `localhost:${flags.port}` });
  try {
    await untilReady(client, exited);
    const image = drawDigit(Number(flags.digit));
    console.log(`${asciiArt(image)}\n`);
    const { scores, version, ms } = await predict(client, image);
    console.log(`Scores of ${MODEL}, version ${version}, for this image (${ms.toFixed(1)} ms):\n`);
    showScores(scores);
    console.log();
    if (flags.once) return;
    showCommands(image);
    console.log("\nServing until Ctrl-C.");
    await exited;
  } finally {
    client.close();
    server.kill("SIGTERM");
    await exited;
  }
}

try {
  await demo();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
