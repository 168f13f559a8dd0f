/**
 * `node bench/rest-bodies.mjs [--rounds=7]`: what a tensor costs over REST in each form that a body may have. How fast
 * the server's own code makes a tensor of a received body, next to what JSON.parse takes for the same numbers as JSON;
 * and how fast bodies go through a served model, one after the other over one connection of the loopback, next to a
 * plain node:http server that only collects them. On a busy machine the CPU time says more than the clock.
 *
 * The model answers with the shape of its input, or, where it says so, with the input itself.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  bytesOf,
  GraphBuilder,
  predictSignatureDef,
  SavedModelBuilder,
  tensor,
  tensorToProto,
  writeNpy,
} from "@servable/formats";
import { PredictRequestSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import { readPredictBody } from "../packages/server/dist/rest/predict-body.js";
import { REPOSITORY } from "./machine.mjs";
import { freePort, ServerProcess } from "./server-process.mjs";
import { servableProgram } from "./servers.mjs";
import { median } from "./statistics.mjs";
import { numberText, table } from "./table.mjs";

const MODEL = "bodies";
const PATH = `/v1/models/${MODEL}:predict`;
/** Height, width and channels of one picture. */
const PICTURE = [224, 224, 3];
const PICTURE_VALUES = 224 * 224 * 3;
/** Pictures of the large bodies, which have 16 MB. */
const BATCH = 27;
/** How long one form is measured in one round, at least three times. */
const TURN_MS = 400;
/** So many times faster than JSON.parse is a view as well. */
const MAX_RATIO = 1000;
/** Whatever seems faster than memory has not been looked at: the tensor is a view on the body. */
const VIEW_MB_PER_S = 100_000;

const { values: flags } = parseArgs({ options: { rounds: { type: "string", default: "7" } } });
const rounds = Number(flags.rounds);

/**
 * One kind of body.
 * @typedef {object} Form
 * @property {string} title
 * @property {Parameters<typeof readPredictBody>[0] | undefined} kind as the server calls it; undefined when it is not decoded by the thread that reads it
 * @property {string} type the Content-Type
 * @property {Uint8Array} body
 * @property {string} [json] the same numbers as JSON, for JSON.parse
 * @property {boolean} [echoes] whether the answer is the input
 */

/**
 * Writes version 1 of the model into `folder`/1.
 * @param {string} folder
 */
function writeModel(folder) {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1, ...PICTURE], { name: "x" });
  const pixels = graph.placeholder("uint8", [-1, -1, 3], { name: "pixels" });
  const shape = graph.compute("Shape", [x], {}, { name: "shape" });
  const y = graph.compute("Identity", [x], {}, { name: "y" });
  const file = graph.compute("EncodeJpeg", [pixels], {}, { name: "file" });
  const builder = new SavedModelBuilder(`${folder}/1`);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: {
      serving_default: predictSignatureDef({ x }, { shape }),
      identity: predictSignatureDef({ x }, { y }),
      jpeg: predictSignatureDef({ pixels }, { file }),
    },
    variables: new Map(),
  });
  builder.save();
}

// ---- bodies --------------------------------------------------------------------------------------------------

/** @param {number} count @param {(index: number) => number} value */
const floats = (count, value) => Float32Array.from({ length: count }, (_, i) => value(i));

/** Values that look random and are the same each time. @param {number} i */
const noise = (i) => ((Math.imul(i, 2654435761) >>> 8) & 0xffffff) / 0x1000000;

/** @param {Float32Array} data @param {(value: number) => string} print */
function pictureJson(data, print) {
  const [, width = 0, channels = 0] = PICTURE;
  const rows = [];
  for (let at = 0; at < data.length; ) {
    const row = [];
    for (let x = 0; x < width; x++) {
      const pixel = [];
      for (let c = 0; c < channels; c++) pixel.push(print(Number(data[at++])));
      row.push(`[${pixel.join(", ")}]`);
    }
    rows.push(`[${row.join(", ")}]`);
  }
  return `{"instances": [[${rows.join(", ")}]]}`;
}

/** @param {string} title @param {string} json @returns {Form} */
const jsonForm = (title, json) => ({
  title,
  kind: "json",
  type: "application/json",
  body: Buffer.from(json),
  json,
});

/** @param {Uint8Array} jpeg @returns {readonly Form[]} */
function forms(jpeg) {
  const pixels = floats(PICTURE_VALUES, (i) => Math.floor(noise(i) * 256));
  const fractions = floats(PICTURE_VALUES, noise);
  const decimals = pictureJson(fractions, (value) => value.toFixed(4));
  const picture = tensor("float32", [1, ...PICTURE], fractions);
  const batch = tensor("float32", [BATCH, ...PICTURE], floats(BATCH * PICTURE_VALUES, noise));
  return [
    jsonForm("JSON, pixels 0 to 255", pictureJson(pixels, String)),
    jsonForm("JSON, four decimals", decimals),
    jsonForm(
      "JSON, seventeen digits",
      pictureJson(fractions, (value) => String(value)),
    ),
    ...binaryForms("one picture", picture, decimals),
    { title: "image/jpeg, one picture", kind: undefined, type: "image/jpeg", body: jpeg },
    ...binaryForms("27 pictures", batch, undefined),
    {
      title: "bytes, 27 pictures there and back",
      kind: "bytes",
      type: "application/octet-stream",
      body: bytesOf(batch.data),
      echoes: true,
    },
  ];
}

/**
 * @param {string} what
 * @param {import("@servable/formats").TensorOf<"float32">} x
 * @param {string | undefined} json
 * @returns {readonly Form[]}
 */
function binaryForms(what, x, json) {
  const same = json === undefined ? {} : { json };
  const message = create(PredictRequestSchema, { inputs: { x: tensorToProto(x, { asContent: true }) } });
  return [
    {
      title: `protobuf, ${what}`,
      kind: "protobuf",
      type: "application/x-protobuf",
      body: toBinary(PredictRequestSchema, message),
      ...same,
    },
    { title: `.npy, ${what}`, kind: "npy", type: "application/x-npy", body: writeNpy(x), ...same },
    {
      title: `bytes, ${what}`,
      kind: "bytes",
      type: "application/octet-stream",
      body: bytesOf(x.data),
      ...same,
    },
  ];
}

// ---- decoding ------------------------------------------------------------------------------------------------

/** What the readers of bodies ask a model. @type {import("../packages/server/dist/servables/served-model.js").ServedModel} */
const served = {
  signatures: new Map([
    [
      "serving_default",
      {
        name: "serving_default",
        methodName: "tensorflow/serving/predict",
        inputs: new Map([
          ["x", { name: "x:0", dtype: /** @type {const} */ ("float32"), shape: [-1, ...PICTURE] }],
        ]),
        outputs: new Map(),
        defaults: new Map(),
      },
    ],
  ]),
  signatureDefs: new Uint8Array(0),
  warmable: new Set(),
  run: () => Promise.reject(new Error("only asked for its signatures")),
  runTensors: () => Promise.reject(new Error("only asked for its signatures")),
};

/** @param {NonNullable<Form["kind"]>} kind @param {Uint8Array} body */
async function decode(kind, body) {
  const { signal } = new AbortController();
  const request = { body, query: "", signal, header: () => undefined };
  const { inputs } = await readPredictBody(kind, served, { name: MODEL, signatureName: "" }, request);
  return inputs.get("x")?.();
}

/** The median of how long something takes, in milliseconds. @param {() => unknown} what */
async function medianMs(what) {
  const times = [];
  const end = performance.now() + TURN_MS;
  while (times.length < 3 || performance.now() < end) {
    const start = performance.now();
    await what();
    times.push(performance.now() - start);
  }
  return median(times);
}

// ---- end to end ----------------------------------------------------------------------------------------------

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/**
 * @param {number} port
 * @param {string} path
 * @param {Uint8Array} body
 * @param {Readonly<Record<string, string>>} headers
 * @returns {Promise<Buffer>}
 */
function post(port, path, body, headers) {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      port,
      path,
      method: "POST",
      headers: { ...headers, "Content-Length": body.length },
    };
    const sent = httpRequest({ ...options, host: "127.0.0.1" }, (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const answer = Buffer.concat(chunks);
        if (response.statusCode === 200) resolve(answer);
        else reject(new Error(`${response.statusCode}: ${answer.toString().slice(0, 500)}`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** @param {number} port @param {Form} form */
function predict(port, { type, body, echoes = false }) {
  const headers = { "Content-Type": type, Accept: echoes ? "application/octet-stream" : "application/json" };
  return post(port, echoes ? `${PATH}?signature_name=identity` : PATH, body, headers);
}

/** @param {number} port @param {Form} form */
const collect = (port, { body, echoes = false }) => post(port, echoes ? "/?echo" : "/", body, {});

/** @param {number} port */
async function jpegPicture(port) {
  const [height = 0, width = 0] = PICTURE;
  // Smooth, with some noise, as photographs are.
  const pixels = Uint8Array.from(
    { length: PICTURE_VALUES },
    (_, i) => 100 + 100 * Math.sin(i / 9000) + 20 * noise(i),
  );
  return await post(port, `${PATH}?signature_name=jpeg`, pixels, {
    "Content-Type": "application/octet-stream",
    "Tensor-Shape": JSON.stringify([height, width, 3]),
    Accept: "application/octet-stream",
  });
}

// ---- report --------------------------------------------------------------------------------------------------

/** Milliseconds for each body: of waiting, and of what the server's threads spent. @typedef {{ ms: number, cpuMs: number }} Cost */
/** One form in one round. @typedef {{ decode?: number, parse?: number, served: Cost, plain: Cost }} Times */

/** @param {Form} form @param {ServerProcess} servable @param {ServerProcess} plain @returns {Promise<Times>} */
async function measure(form, servable, plain) {
  const { kind, json, body } = form;
  return {
    ...(kind !== undefined && { decode: await medianMs(() => decode(kind, body)) }),
    ...(json !== undefined && { parse: await medianMs(() => JSON.parse(json)) }),
    served: await costOf(servable, () => predict(servable.port, form)),
    plain: await costOf(plain, () => collect(plain.port, form)),
  };
}

/** @param {ServerProcess} server @param {() => Promise<unknown>} ask @returns {Promise<Cost>} */
async function costOf(server, ask) {
  const before = server.cpuSeconds() ?? Number.NaN;
  let count = 0;
  const ms = await medianMs(() => {
    count++;
    return ask();
  });
  return { ms, cpuMs: (((server.cpuSeconds() ?? Number.NaN) - before) * 1000) / count };
}

/** @param {Form} form @param {readonly Times[]} times */
function row({ title, body }, times) {
  const speed = (/** @type {number} */ ms) => body.length / 1e3 / ms;
  const middle = (/** @type {(times: Times) => number | undefined} */ of) => {
    const values = times.flatMap((each) => of(each) ?? []);
    return values.length === 0 ? undefined : median(values);
  };
  const decoded = middle(({ decode: ms }) => (ms === undefined ? undefined : speed(ms)));
  const ratio = middle(({ decode: ms, parse }) =>
    ms === undefined || parse === undefined ? undefined : parse / ms,
  );
  const end = (/** @type {(times: Times) => number} */ of) => numberText(median(times.map(of)));
  return [
    title,
    numberText(body.length / 1e6),
    decoded === undefined ? "" : decoded > VIEW_MB_PER_S ? "a view" : numberText(decoded),
    ratio === undefined || ratio > MAX_RATIO ? "" : `${numberText(ratio)}×`,
    end(({ served }) => served.ms),
    end(({ served }) => speed(served.ms)),
    end(({ plain }) => speed(plain.ms)),
    `${end(({ served, plain }) => plain.ms / served.ms)}×`,
    end(({ served }) => served.cpuMs),
    end(({ plain }) => plain.cpuMs),
  ];
}

const head = [
  "body",
  "MB",
  "decode MB/s",
  "× JSON.parse",
  "end to end ms",
  "MB/s",
  "plain node:http MB/s",
  "× plain",
  "CPU ms",
  "plain CPU ms",
];

/** @param {ServerProcess} server @param {() => Promise<unknown>} ask */
const untilItAnswers = (server, ask) =>
  server.until(() =>
    ask().then(
      () => true,
      () => false,
    ),
  );

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "servable-bodies-"));
  writeModel(folder);
  const [servablePort, plainPort] = [await freePort(), await freePort()];
  const servable = new ServerProcess(
    [
      ...servableProgram,
      "serve",
      `--port=${await freePort()}`,
      `--rest_api_port=${servablePort}`,
      `--model_name=${MODEL}`,
      `--model_base_path=${folder}`,
    ],
    servablePort,
  );
  const plainFile = join(REPOSITORY, "bench", "baselines", "plain-body-server.mjs");
  const plain = new ServerProcess([process.execPath, plainFile, `--port=${plainPort}`], plainPort);
  try {
    await untilItAnswers(servable, () => jpegPicture(servable.port));
    await untilItAnswers(plain, () => post(plain.port, "/", new Uint8Array(1), {}));
    const measured = forms(await jpegPicture(servable.port)).map((form) => ({
      form,
      times: /** @type {Times[]} */ ([]),
    }));
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const { form, times } of measured) {
        const result = await measure(form, servable, plain);
        if (round > 0) times.push(result);
      }
    }
    process.stdout.write(
      `${table(
        head,
        measured.map(({ form, times }) => row(form, times)),
      )}\n`,
    );
  } finally {
    agent.destroy();
    await Promise.all([servable.stop(), plain.stop()]);
    rmSync(folder, { recursive: true });
  }
}

await main();
