import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Code, type Tensor, tensor } from "@servable/formats";
import type { LoadProgress } from "./engine-contract.js";
import { WorkerSupply } from "./worker-supply.js";
import type { WorkerSeat } from "./worker-thread.js";

const FAKE_ENGINE = new URL("./testing/fake-engine.js", import.meta.url).href;
const x = () => new Map<string, Tensor>([["x", tensor("float32", [1], Float32Array.of(1))]]);
const SERVING = { signature: "serving_default" };

async function answer(seat: WorkerSeat): Promise<number> {
  const { outputs } = await seat.run(SERVING, x(), ["y"]);
  return Number(outputs.get("y")?.data[0]);
}

/** Whether two models are in one thread: it ends for both. */
const isOneThread = (a: WorkerSeat, b: WorkerSeat) => a.ended === b.ended;

describe("Worker threads", () => {
  let folder = "";
  let supply: WorkerSupply;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "worker-supply-"));
    await writeFile(join(folder, "saved_model.pb"), "");
    supply = new WorkerSupply(FAKE_ENGINE, 8);
  });
  after(async () => {
    await supply.close();
    await rm(folder, { recursive: true });
  });

  const load = async (isSmall: boolean) => {
    const seat = supply.take(isSmall);
    await seat.load(folder, {});
    return seat;
  };

  it("are shared by small models when there are many, and never with large ones", async () => {
    const large = await load(false);
    const small = await Promise.all(Array.from({ length: 17 }, () => load(true)));
    assert.deepEqual(await Promise.all([large, ...small].map(answer)), new Array<number>(18).fill(2.5));
    const threads = new Set(small.map(({ ended }) => ended));
    assert.equal(threads.size, 8);
    assert.ok(!threads.has(large.ended));
    await Promise.all([large, ...small].map((seat) => seat.close()));
    await Promise.all([large, ...small].map(({ ended }) => ended));
  });

  it("go on when one of several models is closed, given up, or can't be loaded", async () => {
    const seats = await Promise.all(Array.from({ length: 8 }, () => load(true)));
    const broken = await mkdtemp(join(tmpdir(), "worker-supply-broken-"));
    await writeFile(join(broken, "saved_model.pb"), "");
    await writeFile(join(broken, "fail"), "no model at all");
    const [first, second, third] = [supply.take(true), supply.take(true), supply.take(true)];
    await assert.rejects(first.load(broken, {}), /no model at all/);
    await first.terminate();
    const givenUp = second.load(folder, {});
    await second.terminate();
    await assert.rejects(givenUp, { code: Code.UNAVAILABLE });
    await third.load(folder, {});
    await third.close();
    await assert.rejects(answer(third), /not loaded/);
    assert.deepEqual(await Promise.all(seats.map(answer)), new Array<number>(8).fill(2.5));
    await Promise.all(seats.map((seat) => seat.close()));
    await rm(broken, { recursive: true });
  });

  it("tell now and then how far a long load is", async () => {
    const slow = await mkdtemp(join(tmpdir(), "worker-supply-slow-"));
    await writeFile(join(slow, "saved_model.pb"), "");
    await writeFile(join(slow, "slow"), "");
    const told: LoadProgress[] = [];
    const seat = supply.take(false);
    await seat.load(slow, {}, (progress) => told.push(progress));
    assert.deepEqual(told, [
      { stage: "weights", bytes: 1e6 },
      { stage: "weights", bytes: 2e6 },
    ]);
    await seat.close();
    await rm(slow, { recursive: true });
  });

  it("take all their models along when they die, and new models get new threads", async () => {
    const seats = await Promise.all(Array.from({ length: 16 }, () => load(true)));
    const [victim] = seats as [WorkerSeat];
    const dead = seats.filter((seat) => isOneThread(seat, victim));
    assert.equal(dead.length, 2);
    await assert.rejects(victim.run({ signature: "crash" }, new Map(), ["never"]), {
      code: Code.UNAVAILABLE,
    });
    await Promise.all(dead.map(({ ended }) => ended));
    const rest = seats.filter((seat) => !isOneThread(seat, victim));
    const successor = await load(true);
    assert.ok(!rest.some((seat) => isOneThread(seat, successor)));
    const alive = [...rest, successor];
    assert.deepEqual(await Promise.all(alive.map(answer)), new Array<number>(15).fill(2.5));
    await Promise.all(alive.map((seat) => seat.close()));
  });
});
