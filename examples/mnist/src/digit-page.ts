/**
 * The server of the page that draws digits: its files, and two questions that it passes on to the model server through
 * our client. The browser never meets the model server, which may stay inside.
 */
import type { Client } from "@servable/client";
import { tensor } from "@servable/client";
import { pageFiles } from "@servable/example-kit/page-files";
import {
  json,
  jsonError,
  type Route,
  startWebServer,
  type WebServer,
} from "@servable/example-kit/web-server";
import { invalidArgument } from "@servable/formats";
import { CLASSES, PIXELS } from "./data-set.js";

const MODEL = "mnist";
const DEADLINE_MS = 5000;
/** An image in JSON is 4 KB. */
const MAX_BODY_BYTES = 64 * 1024;

const scripts = [
  "main",
  "digit-strokes",
  "drawing-board",
  "mnist-image",
  "score-bars",
  "score-requests",
  "server-api",
];

const files = pageFiles({
  "/": new URL("../src/page/index.html", import.meta.url),
  "/style.css": new URL("../src/page/style.css", import.meta.url),
  ...Object.fromEntries(
    scripts.map((name) => [`/${name}.js`, new URL(`./page/${name}.js`, import.meta.url)]),
  ),
});

/** Starts the page's server, on port 0 at a free one; without a host it listens to this machine alone. */
export async function startDigitPage(
  client: Client,
  place: { readonly port: number; readonly host?: string },
): Promise<WebServer> {
  const routes: Record<string, Route> = {
    ...files,
    "GET /api/versions": async () => json({ versions: await availableVersions(client) }),
    "POST /api/scores": async (request) => {
      const question = readQuestion((await request.body(MAX_BODY_BYTES)).toString("utf8"));
      return json(await scores(client, question, request.signal));
    },
  };
  return await startWebServer({ ...place, routes, onError: jsonError });
}

interface Question {
  readonly pixels: Float32Array;
  readonly version: number | undefined;
}

/** INVALID_ARGUMENT unless it is {"pixels": 784 numbers from 0 to 1, "version": digits}, the latter optional. */
function readQuestion(text: string): Question {
  let question: unknown;
  try {
    question = JSON.parse(text);
  } catch {
    throw invalidArgument("The request is not JSON");
  }
  const { pixels, version } = Object(question) as { pixels?: unknown; version?: unknown };
  const isPixel = (value: unknown) => typeof value === "number" && value >= 0 && value <= 1;
  if (!Array.isArray(pixels) || pixels.length !== PIXELS || !pixels.every(isPixel)) {
    throw invalidArgument(`"pixels" must be ${PIXELS} numbers from 0 to 1`);
  }
  if (version !== undefined && !/^\d{1,15}$/.test(String(version))) {
    throw invalidArgument('"version" must be a natural number');
  }
  return { pixels: Float32Array.from(pixels), version: version === undefined ? undefined : Number(version) };
}

async function scores(client: Client, { pixels, version }: Question, signal: AbortSignal) {
  const started = performance.now();
  const { outputs, model } = await client.predict({
    model: MODEL,
    ...(version !== undefined && { version }),
    signature: "predict_images",
    inputs: { images: tensor("float32", [1, PIXELS], pixels) },
    deadlineMs: DEADLINE_MS,
    signal,
  });
  const values = Array.from(outputs.get("scores")?.data ?? [], Number);
  if (values.length !== CLASSES) throw invalidArgument(`Model "${MODEL}" gives no ten scores`);
  return { scores: values, version: String(model.version), ms: performance.now() - started };
}

/** Newest first. */
async function availableVersions(client: Client): Promise<string[]> {
  const versions = await client.getModelStatus({ model: MODEL, deadlineMs: DEADLINE_MS });
  return versions
    .filter(({ state }) => state === "AVAILABLE")
    .map(({ version }) => version)
    .sort((a, b) => (a < b ? 1 : -1))
    .map(String);
}
