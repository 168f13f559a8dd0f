/**
 * A curve: what a server does as one quantity grows, for each of the servers or settings that are compared. Servers
 * take turns, so that a change in the machine's mood meets all of them.
 */
import { measureLoad } from "../generator.mjs";
import { freePort, ServerProcess } from "../server-process.mjs";
import { summarize } from "../statistics.mjs";

/** @typedef {import("../statistics.mjs").Summary} Summary */
/** @typedef {import("../generator.mjs").Generator} Generator */

/**
 * @typedef {object} Point
 * @property {number} x
 * @property {Summary} rps requests per second
 * @property {Summary} p99Ms
 * @property {Summary} [serverCpus] cores that the server kept busy; absent where nothing was measured
 * @property {Summary} [otherCpus] cores that other programs kept busy
 */

/**
 * @typedef {object} Line
 * @property {string} key
 * @property {string} title
 * @property {readonly Point[]} points
 * @property {boolean} [isSimulated] computed, not measured
 */

/**
 * @typedef {object} Curve
 * @property {string} key names its plot and its table
 * @property {string} title
 * @property {string} xTitle
 * @property {(x: number) => string} xText
 * @property {string} yTitle of the throughput
 * @property {(point: Point) => number} yOf throughput in that unit
 * @property {boolean} isLogarithmic whether throughput is drawn so
 * @property {readonly Line[]} lines the first is Servable
 * @property {readonly string[]} yardsticks keys of the lines that the first is divided by
 * @property {string} how in a sentence or two, what was measured
 */

/**
 * What a curve is measured with.
 * @typedef {object} Plan
 * @property {string} folder for files of the run
 * @property {number} repetitions
 * @property {number} seconds of each measurement
 * @property {Generator} generator the quickest there is
 * @property {string | undefined} floor program of the C++ floor
 */

/**
 * One measurement of a line.
 * @typedef {object} Step
 * @property {number} x
 * @property {number} concurrency requests in flight
 * @property {string} requestFile
 * @property {(answer: Uint8Array) => void} check throws for a wrong answer
 * @property {Generator} [generator] instead of the line's
 */

/**
 * One server, and what it is loaded with.
 * @typedef {object} Subject
 * @property {string} key
 * @property {string} title
 * @property {(port: number) => string[] | Promise<string[]>} command pinned as it is to run
 * @property {(server: ServerProcess) => Promise<unknown>} ready
 * @property {Generator} generator
 * @property {readonly Step[]} steps
 * @property {boolean} [anyCore] whether the generator is left to run where it likes
 * @property {number} [settlingSeconds] of load before the first step; a second otherwise
 * @property {(server: ServerProcess) => () => void} [watch] called before each step; what it gives, after
 */

/** Where the curve has points, in order. @param {Pick<Curve, "lines">} curve */
export function placesOf({ lines }) {
  return [...new Set(lines.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
}

const WARMUP_SECONDS = 0.2;
/** Enough for a just-in-time compiler to settle. */
const SETTLING_SECONDS = 1;

/**
 * Lines of the subjects, each measured so many times in turns.
 * @param {Plan} plan
 * @param {readonly Subject[]} subjects
 * @returns {Promise<Line[]>}
 */
export async function measureLines({ folder, repetitions, seconds }, subjects) {
  const dumpFile = `${folder}/answer.bin`;
  const results = subjects.map(({ steps }) =>
    steps.map(() => /** @type {import("../generator.mjs").LoadResult[]} */ ([])),
  );
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const [i, subject] of subjects.entries()) {
      const loads = await measureSubject(subject, { seconds, dumpFile });
      for (const [j, load] of loads.entries()) results[i]?.[j]?.push(load);
    }
  }
  return subjects.map(({ key, title, steps }, i) => ({
    key,
    title,
    points: steps.map(({ x }, j) => pointOf(x, results[i]?.[j] ?? [])),
  }));
}

/** @param {number} x @param {readonly import("../generator.mjs").LoadResult[]} runs @returns {Point} */
function pointOf(x, runs) {
  return {
    x,
    rps: summarize(runs.map((run) => run.rps)),
    p99Ms: summarize(runs.map((run) => run.p99Ms)),
    serverCpus: summarize(runs.map((run) => run.serverCpus)),
    otherCpus: summarize(runs.map((run) => run.otherCpus)),
  };
}

/**
 * @param {Subject} subject
 * @param {{ seconds: number, dumpFile: string }} how
 */
async function measureSubject(subject, { seconds, dumpFile }) {
  const { command, ready, steps, generator, anyCore = false, settlingSeconds = SETTLING_SECONDS } = subject;
  const port = await freePort();
  const server = new ServerProcess(await command(port), port);
  try {
    await ready(server);
    const settle = steps[Math.floor(steps.length / 2)];
    const common = { server, dumpFile, anyCore };
    if (settle !== undefined) {
      await measureLoad({ generator, ...settle, ...common, seconds: settlingSeconds, warmupSeconds: 0 });
    }
    const results = [];
    for (const step of steps) {
      const unwatch = subject.watch?.(server);
      const load = { generator, ...step, ...common, seconds, warmupSeconds: WARMUP_SECONDS };
      const { answer, ...result } = await measureLoad(load);
      unwatch?.();
      step.check(answer);
      results.push(result);
    }
    return results;
  } finally {
    await server.stop();
  }
}
