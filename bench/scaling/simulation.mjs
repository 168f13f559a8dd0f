/**
 * What more cores than can be measured would bring, by a model of two parts:
 *
 * - Amdahl's law. The share of the work that no second core takes off is what the step from one core to two shows:
 *   with s = 2 · X(1) / X(2) - 1, throughput on n cores is X(1) / (s + (1 - s) / n).
 * - One main thread. It reads, decodes, encodes and writes every request; throughput is never more than one core does
 *   of that, which is known from the processor time of that thread.
 *
 * Latencies go on from those on two cores by Little's law, as the number of requests in flight stays the same.
 */
import { summarize } from "../statistics.mjs";

/**
 * @typedef {object} Scaling
 * @property {number} serialShare of the work, 0 to 1
 * @property {number} mainThreadLimit requests per second
 */

/**
 * @param {import("./curve.mjs").Point} one on one core
 * @param {import("./curve.mjs").Point} two on two
 * @param {number} mainThreadShare of the server's processor time on one core
 * @returns {Scaling}
 */
export function scalingOf(one, two, mainThreadShare) {
  const serial = (2 * one.rps.median) / two.rps.median - 1;
  const cpuSeconds = Number(one.serverCpus?.median) / one.rps.median;
  return {
    serialShare: Math.min(1, Math.max(0, serial)),
    mainThreadLimit: 1 / (cpuSeconds * mainThreadShare),
  };
}

/**
 * @param {Scaling} scaling
 * @param {{ one: import("./curve.mjs").Point, two: import("./curve.mjs").Point }} measured on one core and on two
 * @param {number} cores
 * @returns {import("./curve.mjs").Point}
 */
export function simulated({ serialShare, mainThreadLimit }, { one, two }, cores) {
  const rps = Math.min(one.rps.median / (serialShare + (1 - serialShare) / cores), mainThreadLimit);
  return { x: cores, rps: summarize([rps]), p99Ms: summarize([(two.p99Ms.median * two.rps.median) / rps]) };
}
