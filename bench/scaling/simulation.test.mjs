import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { summarize } from "../statistics.mjs";
import { scalingOf, simulated } from "./simulation.mjs";

/** @param {number} x @param {number} rps */
const point = (x, rps) => ({
  x,
  rps: summarize([rps]),
  p99Ms: summarize([8]),
  serverCpus: summarize([1]),
});

describe("a simulation of more cores", () => {
  const one = point(1, 100);
  const cases = [
    { what: "all work is shared", two: 200, mainThreadShare: 0.01, cores: 8, rps: 800 },
    // A third stays: 100 / (1/3 + 2/3 / 4).
    { what: "a third of it stays on one core", two: 150, mainThreadShare: 0.01, cores: 4, rps: 200 },
    { what: "the main thread has a fifth of it", two: 200, mainThreadShare: 0.2, cores: 8, rps: 500 },
    {
      what: "the second core is worth more than the first",
      two: 220,
      mainThreadShare: 0.01,
      cores: 4,
      rps: 400,
    },
    { what: "the second core is worth nothing", two: 90, mainThreadShare: 0.01, cores: 4, rps: 100 },
  ];
  for (const { what, two: twoRps, mainThreadShare, cores, rps } of cases) {
    it(`gives ${rps} requests/s on ${cores} cores where ${what}`, () => {
      const two = point(2, twoRps);
      const result = simulated(scalingOf(one, two, mainThreadShare), { one, two }, cores);
      assert.ok(Math.abs(result.rps.median - rps) < 1e-6, `got ${result.rps.median}`);
      // As many requests in flight: throughput times latency stays.
      assert.ok(Math.abs(result.rps.median * result.p99Ms.median - twoRps * 8) < 1e-6);
    });
  }
});
