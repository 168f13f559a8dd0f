/** A server under the load of one network's images, with each number of requests in flight. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { loader, tensor, tensorFromProto, tensorToProto } from "@servable/formats";
import {
  PredictRequestSchema,
  PredictResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import { freePort, ServerProcess } from "../server-process.mjs";
import { atEachConcurrency } from "../throughput.mjs";

/** A server may load more instances of a network once it has seen that it needs them. */
const SETTLING_SECONDS = 10;

/** @typedef {{ name: string, side: number, folder: string }} Network images are side × side × 3 */

/**
 * @param {object} plan
 * @param {Network} plan.network
 * @param {import("../servers.mjs").Server} plan.server
 * @param {import("../generator.mjs").Generator} plan.generator
 * @param {readonly number[]} plan.inFlight
 * @param {string} plan.folder for files of the run
 * @param {number} plan.seconds
 */
export async function measureImages({ network, server, generator, inFlight, folder, seconds }) {
  const port = await freePort();
  const running = new ServerProcess(server.command(network, port), port);
  const image = imageOf(network);
  const input = inputOf(network);
  try {
    await running.firstAnswer({
      model: network.name,
      inputs: { [input]: image },
      isRight: (outputs) => [...outputs.values()].every(isDistribution),
    });
    const requestFile = join(folder, "request.bin");
    const request = create(PredictRequestSchema, {
      modelSpec: { name: network.name },
      inputs: { [input]: tensorToProto(image) },
    });
    writeFileSync(requestFile, toBinary(PredictRequestSchema, request));
    const dumpFile = join(folder, "answer.bin");
    const load = { generator, server: running, requestFile, dumpFile, seconds, anyCore: true };
    const check = (/** @type {Uint8Array} */ answer) => checkAnswer(answer, server);
    return await atEachConcurrency(load, inFlight, check, SETTLING_SECONDS);
  } finally {
    await running.stop();
  }
}

/** The one input of the signature that is called. @param {Network} network */
function inputOf({ folder }) {
  const { serving_default } = loader.load(["serve"], join(folder, "1")).signatures;
  const [name] = Object.keys(serving_default?.inputs ?? {});
  if (name === undefined) throw new Error(`${folder}: no signature serving_default with an input`);
  return name;
}

/** One image of values between -1 and 1 that are not all alike. @param {Network} network */
function imageOf({ side }) {
  const values = Float32Array.from({ length: side * side * 3 }, (_, i) => ((i * 7_919) % 255) / 127.5 - 1);
  return tensor("float32", [1, side, side, 3], values);
}

/**
 * @param {Uint8Array} answer
 * @param {import("../servers.mjs").Server} server
 */
function checkAnswer(answer, server) {
  for (const [name, proto] of Object.entries(fromBinary(PredictResponseSchema, answer).outputs)) {
    if (!isDistribution(tensorFromProto(proto, `output "${name}"`))) {
      throw new Error(`${server.title} answers scores under load that do not add up to one`);
    }
  }
}

/** Whether scores add up to one, as those of a softmax do. @param {import("@servable/formats").Tensor} scores */
function isDistribution({ data }) {
  let sum = 0;
  for (const score of data) sum += Number(score);
  return Math.abs(sum - 1) < 1e-3;
}
