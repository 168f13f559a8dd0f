/** A network that is worth more than one core, by the cores that the server may run on; more than two are simulated. */
import { pinned } from "../machine.mjs";
import { availableServers } from "../servers.mjs";
import { median } from "../statistics.mjs";
import { numberText } from "../table.mjs";
import { measureLines } from "./curve.mjs";
import { denseCheck, denseProbe, writeDenseModel, writeDenseRequest } from "./dense.mjs";
import { scalingOf, simulated } from "./simulation.mjs";

const MODEL = { name: "large_mlp", width: 1024, layers: 4 };
const ROWS = 64;
const IN_FLIGHT = 4;
const MEASURED = [
  { cores: 1, pin: "0", anyCore: false },
  { cores: 2, pin: "0,1", anyCore: true },
];
const SIMULATED = [4, 8, 16];

/**
 * @param {import("./curve.mjs").Plan} plan
 * @returns {Promise<import("./curve.mjs").Curve[]>}
 */
export async function measureCores(plan) {
  const model = { name: MODEL.name, folder: writeDenseModel(plan.folder, MODEL) };
  const requestFile = writeDenseRequest(plan.folder, MODEL, ROWS);
  const [servable] = availableServers(undefined).servers;
  if (servable?.key !== "servable") return [];
  /** The main thread's share of the server's processor time, on one core. @type {number[]} */
  const shares = [];
  const measured = await measureLines(
    plan,
    MEASURED.map(({ cores, pin, anyCore }) => ({
      key: servable.key,
      title: servable.title,
      command: (port) => pinned(pin, servable.command(model, port)),
      ready: (server) => server.firstAnswer(denseProbe(MODEL)),
      generator: plan.generator,
      anyCore,
      ...(cores === 1 && { watch: (server) => watchMainThread(server, shares) }),
      steps: [{ x: cores, concurrency: IN_FLIGHT, requestFile, check: denseCheck(MODEL, ROWS) }],
    })),
  );
  const points = measured.flatMap((line) => line.points);
  const [one, two] = points;
  if (one === undefined || two === undefined) return [];
  const scaling = scalingOf(one, two, median(shares));
  return [
    {
      key: "cores",
      title: "A large network, by the server's cores",
      xTitle: "cores",
      xText: String,
      yTitle: "requests/s",
      yOf: ({ rps }) => rps.median,
      isLogarithmic: false,
      lines: [
        { key: "servable", title: "Servable", points },
        {
          key: "simulated",
          title: "simulated (dashed)",
          points: SIMULATED.map((cores) => simulated(scaling, { one, two }, cores)),
          isSimulated: true,
        },
      ],
      yardsticks: [],
      how:
        `${MODEL.layers} dense layers of ${MODEL.width}, ${ROWS} rows in a request, ${IN_FLIGHT} in flight. On one ` +
        "core the generator has another; on two it shares them with the server. More cores are simulated: Amdahl's " +
        `law, with the serial share that the step from one core to two shows (${percent(scaling.serialShare)}), and ` +
        "no more than the one main thread can read, decode, encode and write, by its processor time for a request " +
        `(${numberText(scaling.mainThreadLimit)} requests/s); latencies go on from those on two by Little's law.`,
    },
  ];
}

/**
 * @param {import("../server-process.mjs").ServerProcess} server
 * @param {number[]} shares
 */
function watchMainThread(server, shares) {
  const [main, all] = [server.mainThreadCpuSeconds() ?? 0, server.cpuSeconds() ?? 0];
  return () => {
    const own = (server.mainThreadCpuSeconds() ?? 0) - main;
    shares.push(own / ((server.cpuSeconds() ?? 0) - all));
  };
}

/** @param {number} share */
const percent = (share) => `${Math.round(100 * share)} %`;
