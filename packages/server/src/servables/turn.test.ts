import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { invalidArgument, type Tensor, tensor } from "@servable/formats";
import type { Tensors } from "../batching/batch.js";
import { Turn } from "./turn.js";

const rows = (...values: number[]): Map<string, Tensor> =>
  new Map([["x", tensor("float32", [values.length], Float32Array.from(values))]]);

const valuesOf = (outputs: Tensors) => [...((outputs.get("y") as Tensor).data as Float32Array)];

/** A turn of a model that doubles, and how many rows each of its runs had. */
function turnOf(maxRows = 4) {
  const runs: number[] = [];
  const turn = new Turn(
    ["y"],
    (inputs) => {
      const data = inputs.get("x")?.data as Float32Array;
      runs.push(data.length);
      if (data.includes(13)) throw invalidArgument("unlucky");
      return new Map([
        [
          "y",
          tensor(
            "float32",
            [data.length],
            data.map((value) => 2 * value),
          ),
        ],
      ]);
    },
    maxRows,
  );
  return { turn, runs };
}

describe("A turn of the event loop", () => {
  it("runs all that came as one and gives each its own rows", async () => {
    const { turn, runs } = turnOf();
    const answers = await Promise.all([turn.add(rows(1), 1), turn.add(rows(2, 3), 2), turn.add(rows(), 0)]);
    assert.deepEqual(answers.map(valuesOf), [[2], [4, 6], []]);
    assert.deepEqual(runs, [3]);
  });

  it("fails only those whose own run fails", async () => {
    const { turn } = turnOf();
    const [good, bad] = await Promise.allSettled([turn.add(rows(1), 1), turn.add(rows(13), 1)]);
    assert.equal(good.status === "fulfilled" && valuesOf(good.value)[0], 2);
    assert.match(String(bad.status === "rejected" && bad.reason), /unlucky/);
  });

  it("takes no more rows than allowed, none of another shape, no other outputs, and nothing once it is over", async () => {
    const { turn } = turnOf();
    void turn.add(rows(1, 2, 3), 3);
    const square = new Map([["x", tensor("float32", [1, 1], Float32Array.of(1))]]);
    assert.equal(turn.takes(rows(1), 1, ["y"]), true);
    assert.equal(turn.takes(rows(1, 1), 2, ["y"]), false);
    assert.equal(turn.takes(square, 1, ["y"]), false);
    assert.equal(turn.takes(rows(1), 1, []), false);
    assert.equal(turn.takes(rows(1), 1, ["z"]), false);
    await setImmediate();
    assert.equal(turn.takes(rows(1), 1, ["y"]), false);
  });

  it("runs at once when it is told to", async () => {
    const { turn, runs } = turnOf();
    const answer = turn.add(rows(5), 1);
    turn.finish();
    assert.deepEqual(runs, [1]);
    assert.deepEqual(valuesOf(await answer), [10]);
  });
});
