/**
 * `servable profile`: where the time of a request goes, from the client's call to its answer. What happens inside of the
 * model and around it is measured here, step by step; the way there and back by a server that is started for it.
 */
import { writeFileSync } from "node:fs";
import { type Model, recordSteps, StepRecorder } from "@servable/engine";
import type { Signature, Tensor } from "@servable/formats";
import { decodePredictRequest, encodePredictRequest, encodePredictResponse } from "../apis/predict-codec.js";
import { feedsOf } from "../inference/feeds.js";
import {
  type CommandDescription,
  countOption,
  hasFlag,
  optionOf,
  type ParsedArguments,
} from "./arguments.js";
import { ExitCode } from "./command.js";
import { drawFlames } from "./drawing/flame-picture.js";
import { MODEL_HELP, modelOptions, modelPathOf } from "./model-path.js";
import { givenInputs, imageRangeOf, inputOptions, signatureOf } from "./models/input-options.js";
import { readInputs } from "./models/inputs.js";
import { loadAsAsked, threadsOption } from "./models/load-model.js";
import { type Cost, costTable, median, totalOf } from "./models/request-cost.js";
import { measureCalls } from "./models/served-calls.js";
import { print, printJson, runTool } from "./tool.js";

const MODEL_NAME = "profiled";
const DEFAULT_RUNS = 200;
/** A slow model is not run longer than this, whatever --runs says. */
const MAX_MS = 20_000;

const description: CommandDescription = {
  name: "servable profile",
  about:
    "Says where the time of a gRPC request goes: network, decoding, each step of the compiled model, encoding, queues.",
  operand: "MODEL",
  operandHelp: MODEL_HELP,
  options: {
    tag_set: modelOptions.tag_set,
    dir: modelOptions.dir,
    signature_def: { value: "NAME", help: "The signature; serving_default, or the only one, by default." },
    ...inputOptions,
    runs: { value: "N", help: `How often; ${DEFAULT_RUNS} by default, and no longer than 20 seconds.` },
    threads: threadsOption,
    svg: { value: "FILE", help: "Also draw it: a flame picture, an SVG file." },
    model_only: { help: "Without a server: only what happens between the request's bytes and the answer's." },
    json: { help: "As JSON." },
  },
  examples: [
    ["/models/mnist --signature_def predict_images", "What does a request cost? Inputs are made up"],
    ["/models/resnet --input image=cat.jpg --image_range=-1,1 --svg /tmp/resnet.svg", "With a picture of it"],
  ],
  notes: [
    "Times are medians, one request at a time. Inputs that are not given are random.",
    "Exit status: 0 when it ran, 1 when it did not, 2 when the command is not understood.",
  ],
};

export function profile(args: readonly string[]): Promise<number> {
  return runTool(description, args, async (parsed) => {
    const path = modelPathOf(parsed);
    const model = loadAsAsked(path, parsed);
    const signature = signatureOf(model, optionOf(parsed, "signature_def"));
    const request = encodePredictRequest(
      { name: MODEL_NAME, signatureName: signature.name },
      inputsOf(parsed, signature),
    );
    const runs = countOption(parsed, "runs", 1) ?? DEFAULT_RUNS;
    const inside = measureInside(model, signature, request, runs);
    model.close();
    const around = hasFlag(parsed, "model_only") ? [] : await measureAround(path, request, runs, inside);
    await report([...around, ...inside], { path, signature, parsed });
    return ExitCode.OK;
  });
}

/** Those given, and random values for the others. */
function inputsOf(parsed: ParsedArguments, signature: Signature): Map<string, Tensor> {
  const given = givenInputs(parsed);
  const missing = [...signature.inputs.keys()].filter((name) => !given.some((one) => one.name === name));
  const all = [...given, ...missing.map((name) => ({ name, form: "value" as const, text: "random" }))];
  const imageRange = imageRangeOf(parsed);
  return readInputs(all, signature, imageRange === undefined ? {} : { imageRange });
}

/** From the bytes of a request to those of its answer. The first runs are not counted: they are for the compilers. */
function measureInside(model: Model, signature: Signature, request: Uint8Array, runs: number): Cost[] {
  const times = { decode: [] as number[], run: [] as number[], encode: [] as number[] };
  const spec = { name: MODEL_NAME, version: 1n, signatureName: signature.name };
  const warmUps = Math.min(runs, 20);
  let recorder = new StepRecorder();
  const until = performance.now() + MAX_MS;
  for (let i = 0; i < warmUps + runs && (i < warmUps + 1 || performance.now() < until); i++) {
    if (i === warmUps) recorder = new StepRecorder();
    const start = performance.now();
    // A copy, as from the network: the tensors may be views on it, and the model takes them over.
    const feeds = feedsOf(signature, decodePredictRequest(request.slice()).inputs);
    const decoded = performance.now();
    const outputs = recordSteps(recorder, () => model.run(signature.name, feeds));
    const ran = performance.now();
    encodePredictResponse({ spec, outputs }, false);
    if (i < warmUps) continue;
    times.decode.push(decoded - start);
    times.run.push(ran - decoded);
    times.encode.push(performance.now() - ran);
  }
  const ranMs = median(times.run);
  // Steps are known by their mean, which a few slow runs raise: their shares count.
  const share = (1000 * ranMs) / totalOf(recorder.steps);
  const count = times.run.length;
  return [
    { title: "decode the request", kind: "host", micros: 1000 * median(times.decode), children: [] },
    {
      title: "run the model",
      kind: "host",
      micros: 1000 * ranMs,
      children: recorder.steps.map((step) => stepCost(step, count, share)),
    },
    { title: "encode the answer", kind: "host", micros: 1000 * median(times.encode), children: [] },
  ];
}

type Step = StepRecorder["steps"][number];

/** What a step takes of a run. */
function stepCost({ title, side, micros, count, children }: Step, runs: number, share: number): Cost {
  const times = count > runs ? ` (${Math.round(count / runs)} times)` : "";
  return {
    title: `${title}${times}`,
    kind: side,
    micros: micros * share,
    children: children.map((child) => stepCost(child, runs, share)),
  };
}

/** The way to the model and back: of a call without content, and what a request takes beyond that and the model. */
async function measureAround(
  path: string,
  request: Uint8Array,
  runs: number,
  inside: readonly Cost[],
): Promise<Cost[]> {
  const { emptyMs, predictMs } = await measureCalls(MODEL_NAME, path, request, runs, MAX_MS);
  const known = 1000 * emptyMs + totalOf(inside);
  return [
    {
      title: "client, network and HTTP/2 (a call without content)",
      kind: "port",
      micros: 1000 * emptyMs,
      children: [],
    },
    {
      title: "queue, threads, and what longer messages take",
      kind: "port",
      micros: Math.max(0, 1000 * predictMs - known),
      children: [],
    },
  ];
}

interface Profiled {
  readonly path: string;
  readonly signature: Signature;
  readonly parsed: ParsedArguments;
}

async function report(costs: readonly Cost[], { path, signature, parsed }: Profiled): Promise<void> {
  const svg = optionOf(parsed, "svg");
  if (svg !== undefined) writeFileSync(svg, drawFlames(costs, `${path}: ${signature.name}`));
  if (hasFlag(parsed, "json")) {
    await printJson({ signature: signature.name, micros: totalOf(costs), costs });
    return;
  }
  const written = svg === undefined ? [] : ["", `Written: ${svg}`];
  await print([`${path}, signature ${signature.name}`, "", ...costTable(costs), ...written].join("\n"));
}
