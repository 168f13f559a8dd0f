/**
 * A tensor sent to and fro: an identity model over gRPC, next to a plain echo of the same bytes over node:net and an
 * echo of the same message by @grpc/grpc-js. What is measured is what the server does with bytes, and how often.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  bytesOf,
  GraphBuilder,
  predictSignatureDef,
  SavedModelBuilder,
  tensor,
  tensorFromProto,
  tensorToProto,
} from "@servable/formats";
import {
  PredictRequestSchema,
  PredictResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import { chooseGenerator } from "../generator.mjs";
import { pinned, REPOSITORY } from "../machine.mjs";
import { servableProgram } from "../servers.mjs";
import { SERVER_CORE } from "../throughput.mjs";
import { measureLines } from "./curve.mjs";

const NAME = "identity";
const FLOAT_BYTES = 4;
const PAYLOAD_BYTES = [4, 64, 1024, 16_384, 131_072, 1 << 20, 4 << 20, 16 << 20];
/** Enough that the server has the next request while an answer is on its way. */
const IN_FLIGHT = 2;
const MEBIBYTE = 1 << 20;

/** Ours for all, for the C++ one speaks no plain TCP. */
const grpcGenerator = chooseGenerator(undefined);
const netGenerator = {
  title: "bench/node-loadgen/net.mjs",
  command: [process.execPath, join(REPOSITORY, "bench", "node-loadgen", "net.mjs")],
};

/**
 * @param {import("./curve.mjs").Plan} plan
 * @returns {Promise<import("./curve.mjs").Curve[]>}
 */
export async function measurePayload(plan) {
  const model = join(plan.folder, NAME);
  writeIdentity(model);
  const steps = PAYLOAD_BYTES.map((bytes) => stepOf(plan.folder, bytes));
  const raw = steps.map((step) => ({ ...step, check: () => {} }));
  const baseline = (/** @type {string} */ name) => (/** @type {number} */ port) =>
    pinned(SERVER_CORE, [process.execPath, join(REPOSITORY, "bench", "baselines", name), `--port=${port}`]);
  const lines = await measureLines(plan, [
    {
      key: "servable",
      title: "Servable",
      command: (port) =>
        pinned(SERVER_CORE, [
          ...servableProgram,
          "serve",
          `--port=${port}`,
          `--model_name=${NAME}`,
          `--model_base_path=${model}`,
        ]),
      ready: (server) => server.firstAnswer(probe),
      generator: grpcGenerator,
      steps,
    },
    {
      key: "net",
      title: "node:net echo",
      command: baseline("net-echo-server.mjs"),
      ready: untilItListens,
      generator: netGenerator,
      steps: raw,
    },
    {
      key: "grpc-js",
      title: "@grpc/grpc-js echo",
      command: baseline("grpc-js-echo-server.mjs"),
      ready: untilItListens,
      generator: grpcGenerator,
      steps: raw,
    },
  ]);
  return [
    {
      key: "payload",
      title: "Echo of a tensor, by its size",
      xTitle: "payload",
      xText: bytesText,
      yTitle: "MiB/s each way",
      yOf: ({ x, rps }) => (x * rps.median) / MEBIBYTE,
      isLogarithmic: true,
      lines,
      yardsticks: ["net", "grpc-js"],
      how:
        `A float32 tensor through an identity model and back over gRPC, ${IN_FLIGHT} in flight on one connection; ` +
        "server and generator have a core each. Beside it a node:net server that writes back what it reads, as it " +
        "reads it, and a @grpc/grpc-js server that gives back each message as it came. The generator is the one " +
        "in Node for all three.",
    },
  ];
}

/** @param {import("../server-process.mjs").ServerProcess} server */
const untilItListens = (server) => server.untilItListens();

/** @param {string} folder of the version folders */
function writeIdentity(folder) {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1, -1], { name: "x" });
  const y = graph.compute("Identity", [x], {}, { name: "y" });
  mkdirSync(folder, { recursive: true });
  const builder = new SavedModelBuilder(join(folder, "1"));
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: { serving_default: predictSignatureDef({ x }, { y }) },
    variables: new Map(),
  });
  builder.save();
}

/** @param {number} bytes */
const payloadOf = (bytes) =>
  tensor(
    "float32",
    [1, bytes / FLOAT_BYTES],
    Float32Array.from({ length: bytes / FLOAT_BYTES }, (_, i) => i % 1000),
  );

/** @type {import("../server-process.mjs").Probe} */
const probe = {
  model: NAME,
  inputs: { x: payloadOf(FLOAT_BYTES) },
  isRight: (outputs) => outputs.get("y")?.data[0] === 0,
};

/**
 * @param {string} folder
 * @param {number} bytes
 * @returns {import("./curve.mjs").Step}
 */
function stepOf(folder, bytes) {
  const x = payloadOf(bytes);
  const inputs = { x: tensorToProto(x, { asContent: true }) };
  const requestFile = join(folder, `echo-${bytes}.bin`);
  const message = create(PredictRequestSchema, { modelSpec: { name: NAME }, inputs });
  writeFileSync(requestFile, toBinary(PredictRequestSchema, message));
  return {
    x: bytes,
    concurrency: IN_FLIGHT,
    requestFile,
    check(answer) {
      const y = fromBinary(PredictResponseSchema, answer).outputs.y;
      const data = y && tensorFromProto(y, 'output "y"').data;
      if (!(data instanceof Float32Array) || Buffer.compare(bytesOf(data), bytesOf(x.data)) !== 0)
        throw new Error(`${bytes} bytes come back as others`);
    },
  };
}

/** @param {number} bytes */
function bytesText(bytes) {
  if (bytes >= MEBIBYTE) return `${bytes / MEBIBYTE} MiB`;
  return bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`;
}
