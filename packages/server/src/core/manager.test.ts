import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { dataLoss, unavailable } from "@servable/formats";
import { Manager } from "./manager.js";
import { StateMonitor } from "./state-monitor.js";
import { FakeClock, settle } from "./testing/fake-clock.js";
import { FakeLoader } from "./testing/fake-loader.js";

describe("the manager", () => {
  let monitor: StateMonitor;
  let clock: FakeClock;
  let manager: Manager<string>;
  let history: string[];

  beforeEach(() => {
    monitor = new StateMonitor();
    clock = new FakeClock();
    history = [];
    monitor.listen((id, state) => history.push(`${id.version} ${state.kind}`));
    manager = newManager(4);
  });

  function newManager(maxParallelLoads: number): Manager<string> {
    return new Manager({
      monitor,
      maxParallelLoads,
      maxParallelUnloads: 4,
      maxLoadRetries: 2,
      loadRetryIntervalMs: 60_000,
      clock,
    });
  }

  function aspire(...versions: [number, FakeLoader, string?][]): void {
    manager.setAspiredVersions(
      "m",
      versions.map(([version, data, revision = "a"]) => ({
        id: { name: "m", version: BigInt(version) },
        data,
        revision,
      })),
    );
  }

  const state = (version: number) => monitor.state({ name: "m", version: BigInt(version) });

  async function load(version: number, loader = new FakeLoader(`v${version}`)): Promise<FakeLoader> {
    aspire([version, loader]);
    loader.finishLoad();
    await settle();
    return loader;
  }

  it("loads what is aspired and gives out handles", async () => {
    const loader = new FakeLoader("v1");
    aspire([1, loader]);
    assert.deepEqual(history, ["1 start", "1 loading"]);
    assert.throws(() => manager.handle({ name: "m" }), {
      codeName: "NOT_FOUND",
      message: "Servable not found for request: Latest(m)",
    });
    loader.finishLoad();
    await settle();
    assert.equal(manager.handle({ name: "m" }).servable, "v1");
    assert.equal(manager.handle({ name: "m", version: 1n }).id.version, 1n);
    assert.throws(() => manager.handle({ name: "m", version: 2n }), { message: /Specific\(m, 2\)/ });
    assert.throws(() => manager.handle({ name: "x" }), { codeName: "NOT_FOUND" });
  });

  it("answers with the newest version that is ready", async () => {
    const [one, two, three] = [new FakeLoader("v1"), new FakeLoader("v2"), new FakeLoader("v3")];
    aspire([1, one], [2, two], [3, three]);
    two.finishLoad();
    one.finishLoad();
    await settle();
    assert.equal(manager.handle({ name: "m" }).servable, "v2");
  });

  it("keeps the old version until the new one is ready and its handles are released", async () => {
    const one = await load(1);
    const handle = manager.handle({ name: "m" });
    const two = new FakeLoader("v2");
    aspire([2, two]);
    assert.equal(manager.handle({ name: "m" }).servable, "v1");
    two.finishLoad();
    await settle();
    assert.equal(state(1)?.kind, "unloading");
    assert.equal(manager.handle({ name: "m" }).servable, "v2");
    assert.throws(() => manager.handle({ name: "m", version: 1n }), { codeName: "NOT_FOUND" });
    assert.equal(one.unloads, 0, "a handle is still out");
    handle.release();
    handle.release();
    await settle();
    assert.equal(one.unloads, 0, "the second handle is still out");
  });

  it("unloads once the last handle is released", async () => {
    const one = await load(1);
    const handles = [manager.handle({ name: "m" }), manager.handle({ name: "m" })];
    aspire();
    for (const handle of handles) {
      assert.equal(one.unloads, 0);
      handle.release();
    }
    await settle();
    assert.equal(one.unloads, 1);
    one.finishUnload();
    await settle();
    assert.deepEqual(history.slice(-2), ["1 unloading", "1 end"]);
  });

  it("reports why a load failed, and does not try broken files again", async () => {
    const loader = new FakeLoader();
    aspire([1, loader]);
    loader.failLoad(dataLoss("bad checksum"));
    await settle();
    const failed = state(1);
    assert.equal(failed?.kind === "end" && failed.error?.message, "bad checksum");
    aspire([1, new FakeLoader()]);
    assert.equal(state(1)?.kind, "end");
  });

  it("tries a failed version again when its contents changed", async () => {
    const loader = new FakeLoader();
    aspire([1, loader]);
    loader.failLoad(dataLoss("bad checksum"));
    await settle();
    const repaired = new FakeLoader();
    aspire([1, repaired, "b"]);
    repaired.finishLoad();
    await settle();
    assert.equal(state(1)?.kind, "available");
  });

  it("leaves an available version alone when its contents change", async () => {
    await load(1);
    const other = new FakeLoader();
    aspire([1, other, "b"]);
    assert.equal(other.loads, 0);
  });

  it("repeats what may pass, so many times and no more", async () => {
    const loader = new FakeLoader();
    aspire([1, loader]);
    for (const attempt of [1, 2, 3]) {
      assert.equal(loader.loads, attempt);
      loader.failLoad(unavailable("worker ended"));
      await settle();
      await clock.advance(60_000);
    }
    assert.equal(loader.loads, 3);
    assert.equal(state(1)?.kind, "end");
    assert.deepEqual(history, ["1 start", "1 loading", "1 loading", "1 loading", "1 end"]);
  });

  it("gives up a load that nobody wants any more", async () => {
    const loader = new FakeLoader();
    aspire([1, loader]);
    aspire();
    assert.ok(loader.isAborted);
    loader.failLoad(unavailable("stopped"));
    await settle();
    assert.equal(clock.sleeping, 0);
    assert.equal(state(1)?.kind, "end");
  });

  it("loads a version anew that is wanted again while it unloads", async () => {
    const one = await load(1);
    aspire();
    await settle();
    const again = new FakeLoader("again");
    aspire([1, again]);
    assert.equal(again.loads, 0);
    one.finishUnload();
    await settle();
    again.finishLoad();
    await settle();
    assert.equal(manager.handle({ name: "m" }).servable, "again");
  });

  it("starts a version that is aspired again as soon as it is, at once when it was gone", async () => {
    const one = await load(1);
    aspire();
    await settle();
    one.finishUnload();
    await settle();
    assert.equal(state(1)?.kind, "end");
    history = [];
    aspire([1, new FakeLoader()]);
    assert.deepEqual(history, ["1 start", "1 loading"]);
  });

  it("knows what is still to come, also while its predecessor leaves", async () => {
    const id = { name: "m", version: 1n };
    const one = await load(1);
    assert.ok(!manager.isComing(id), "it is there");
    aspire();
    await settle();
    assert.ok(!manager.isComing(id), "nobody wants it");
    const coming: string[] = [];
    monitor.listen((_, { kind }) => coming.push(`${kind} ${manager.isComing({ name: "m" })}`));
    const again = new FakeLoader();
    aspire([1, again]);
    assert.ok(manager.isComing(id));
    one.finishUnload();
    await settle();
    again.finishLoad();
    await settle();
    assert.deepEqual(coming, ["end true", "start true", "loading true", "available false"]);
    assert.ok(!manager.isComing({ name: "m", version: 2n }));
  });

  it("loads no more at a time than it may", async () => {
    manager = newManager(2);
    const loaders = [1, 2, 3].map((version) => new FakeLoader(`v${version}`));
    aspire(...loaders.map((loader, i): [number, FakeLoader] => [i + 1, loader]));
    await settle();
    assert.deepEqual(
      loaders.map(({ loads }) => loads),
      [0, 1, 1],
    );
    loaders[2]?.finishLoad();
    await settle();
    assert.equal(loaders[0]?.loads, 1);
  });

  it("unloads everything when it closes", async () => {
    const loader = await load(1);
    let isClosed = false;
    const closed = manager.close().then(() => {
      isClosed = true;
    });
    await settle();
    assert.equal(isClosed, false);
    loader.finishUnload();
    await closed;
    assert.deepEqual(manager.available(), []);
  });
});

describe("the state monitor", () => {
  it("lists versions newest first", () => {
    const monitor = new StateMonitor();
    for (const version of [2n, 10n, 1n]) monitor.publish({ name: "m", version }, { kind: "start" });
    assert.deepEqual(
      monitor.versions("m").map(({ version }) => version),
      [10n, 2n, 1n],
    );
    assert.deepEqual(monitor.versions("other"), []);
  });

  it("forgets old ended versions, and no others", () => {
    const monitor = new StateMonitor();
    monitor.publish({ name: "m", version: 0n }, { kind: "available" });
    for (let version = 1n; version <= 150n; version++)
      monitor.publish({ name: "m", version }, { kind: "end" });
    const kept = monitor.versions("m").map(({ version }) => version);
    assert.deepEqual([kept.length, kept[0], kept.at(-1), kept.at(-2)], [101, 150n, 0n, 51n]);
  });

  it("lets callers wait for a state", async () => {
    const monitor = new StateMonitor();
    const id = { name: "m", version: 1n };
    const reached = monitor.waitUntil(() => monitor.state(id)?.kind === "available");
    monitor.publish(id, { kind: "loading" });
    monitor.publish(id, { kind: "available" });
    await reached;
    await assert.rejects(
      monitor.waitUntil(() => false, AbortSignal.abort(new Error("given up"))),
      /given up/,
    );
  });
});
