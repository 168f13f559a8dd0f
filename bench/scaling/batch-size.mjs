/** A small network, by the rows of one request: how soon the cost of a request is shared by enough rows. */
import { pinned } from "../machine.mjs";
import { availableServers } from "../servers.mjs";
import { SERVER_CORE } from "../throughput.mjs";
import { measureLines } from "./curve.mjs";
import { denseCheck, denseProbe, writeDenseModel, writeDenseRequest } from "./dense.mjs";

const MODEL = { name: "small_mlp", width: 64, layers: 3 };
const ROWS = [1, 4, 16, 64, 256, 1024];
const IN_FLIGHT = 8;
const COMPARED = ["servable", "floor-sync", "floor-lean"];

/**
 * @param {import("./curve.mjs").Plan} plan
 * @returns {Promise<import("./curve.mjs").Curve[]>}
 */
export async function measureBatchSize(plan) {
  const model = { name: MODEL.name, folder: writeDenseModel(plan.folder, MODEL) };
  const steps = ROWS.map((rows) => ({
    x: rows,
    concurrency: IN_FLIGHT,
    requestFile: writeDenseRequest(plan.folder, MODEL, rows),
    check: denseCheck(MODEL, rows),
  }));
  const servers = availableServers(plan.floor).servers.filter(({ key }) => COMPARED.includes(key));
  const lines = await measureLines(
    plan,
    servers.map(({ key, title, command }) => ({
      key,
      title,
      command: (port) => pinned(SERVER_CORE, command(model, port)),
      ready: (server) => server.firstAnswer(denseProbe(MODEL)),
      generator: plan.generator,
      steps,
    })),
  );
  return [
    {
      key: "batch-size",
      title: "A small network, by rows in one request",
      xTitle: "rows in one request",
      xText: String,
      yTitle: "rows/s",
      yOf: ({ x, rps }) => x * rps.median,
      isLogarithmic: true,
      lines,
      yardsticks: ["floor-sync", "floor-lean"],
      how:
        `${MODEL.layers} dense layers of ${MODEL.width}, float32, over gRPC, ${IN_FLIGHT} requests in flight; the ` +
        "server has one core, the generator the other.",
    },
  ];
}
