import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { FakeClock, settle } from "../core/testing/fake-clock.js";
import { FileSystemSource, type VersionChoice, versionNumber } from "./file-system.js";

const latest: VersionChoice = { kind: "latest", count: 1 };

describe("the file system source", () => {
  let base: string;
  let source: FileSystemSource;
  /** What was last aspired to, by servable. */
  let aspired: Map<string, string[]>;
  let revisions: Map<string, string | undefined>;
  let warnings: string[];
  let settled: Set<bigint>;
  let clock: FakeClock;

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "source-"));
    aspired = new Map();
    revisions = new Map();
    warnings = [];
    settled = new Set();
    clock = new FakeClock();
  });

  afterEach(async () => {
    source.stop();
    await clock.advance(0);
    await rm(base, { recursive: true });
  });

  async function start(choice: VersionChoice = latest, pollIntervalMs = 0): Promise<void> {
    source = new FileSystemSource({
      pollIntervalMs,
      isSettled: ({ version }) => settled.has(version),
      warn: (message) => warnings.push(message),
      clock,
    });
    await source.start([{ name: "m", basePath: base, choice }], (name, versions) => {
      aspired.set(
        name,
        versions.map(({ data }) => data.slice(base.length + 1)),
      );
      for (const { data, revision } of versions) revisions.set(data.slice(base.length + 1), revision);
    });
  }

  async function version(name: string, file = "saved_model.pb"): Promise<void> {
    await mkdir(join(base, name, "variables"), { recursive: true });
    await writeFile(join(base, name, file), "model");
  }

  const choices: [string, VersionChoice, string[]][] = [
    ["latest", latest, ["00000123"]],
    ["latest of none", { kind: "latest", count: 0 }, ["00000123"]],
    ["latest two", { kind: "latest", count: 2 }, ["00000123", "20"]],
    ["all", { kind: "all" }, ["00000123", "20", "3"]],
    ["specific", { kind: "specific", versions: [3n, 20n, 99n] }, ["20", "3"]],
  ];
  for (const [title, choice, expected] of choices) {
    it(`aspires to versions by policy: ${title}`, async () => {
      for (const name of ["3", "00000123", "20", "not_a_version", "1a"]) await version(name);
      await start(choice);
      assert.deepEqual(aspired.get("m"), expected);
    });
  }

  it("takes a new version once it looks the same in two polls, and keeps the old one until then", async () => {
    await version("1");
    await start();
    await version("2");
    await source.poll();
    assert.deepEqual(aspired.get("m"), ["1"]);
    await writeFile(join(base, "2", "variables", "data"), "half");
    await source.poll();
    assert.deepEqual(aspired.get("m"), ["1"], "it grew since the last poll");
    await source.poll();
    assert.deepEqual(aspired.get("m"), ["2"]);
  });

  it("takes a complete folder at the first poll, and one without a model at the second", async () => {
    await version("1");
    await mkdir(join(base, "2"));
    await start({ kind: "all" }, 1000);
    assert.deepEqual(aspired.get("m"), ["1"]);
    assert.ok(source.isPending("m"));
    await source.poll();
    assert.deepEqual(aspired.get("m"), ["2", "1"]);
    assert.ok(!source.isPending("m"));
  });

  it("takes a folder without a model at the first poll when nothing has changed in it for a while", async () => {
    await version("1", "frozen.pb");
    await clock.advance(Date.now() + 10_000);
    await start(latest, 1000);
    assert.deepEqual(aspired.get("m"), ["1"]);
  });

  it("waits for nothing when it polls once", async () => {
    await version("1", "frozen.pb");
    await start(latest, 0);
    assert.deepEqual(aspired.get("m"), ["1"]);
  });

  it("reports a new revision when the files of a version that isn't loaded change", async () => {
    await version("1");
    await start();
    const first = revisions.get("1");
    await appendFile(join(base, "1", "saved_model.pb"), "!");
    await source.poll();
    assert.equal(revisions.get("1"), first, "the change may not be over yet");
    await source.poll();
    assert.notEqual(revisions.get("1"), first);
  });

  it("takes at once what stood there while the policy left it out", async () => {
    await version("1");
    await version("2");
    await start(latest, 1000);
    await source.update([
      { name: "m", basePath: base, choice: { kind: "specific", versions: [1n, 2n, 3n] } },
    ]);
    assert.deepEqual(aspired.get("m"), ["2", "1"]);
    await version("3");
    await source.poll();
    assert.deepEqual(aspired.get("m"), ["2", "1"], "version 3 is new: it may still be copied");
  });

  it("looks no further at the files of a version that is loaded", async () => {
    await version("1");
    await start();
    settled.add(1n);
    const first = revisions.get("1");
    await appendFile(join(base, "1", "saved_model.pb"), "!");
    await source.poll();
    await source.poll();
    assert.equal(revisions.get("1"), first);
  });

  it("lets go of a version whose folder is gone", async () => {
    await version("1");
    await version("2");
    await start();
    await rm(join(base, "2"), { recursive: true });
    await source.poll();
    assert.deepEqual(aspired.get("m"), ["1"], "never none, if another stands there");
  });

  it("leaves everything as it is while the base path is away, and says so once", async () => {
    await version("1");
    await start();
    aspired.clear();
    await rename(base, `${base}-away`);
    await source.poll();
    await source.poll();
    assert.equal(aspired.size, 0);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] as string, /Could not find base path .* for servable m/);
    await rename(`${base}-away`, base);
    await source.poll();
    assert.deepEqual(aspired.get("m"), ["1"]);
  });

  it("says when there is no version", async () => {
    await mkdir(join(base, "model"));
    await start();
    assert.deepEqual(aspired.get("m"), []);
    assert.match(warnings[0] as string, /No versions of servable m found under base path .*\/1\//);
  });

  it("says when a specific version is missing", async () => {
    await version("1");
    await start({ kind: "specific", versions: [1n, 7n] });
    assert.match(warnings[0] as string, /Version 7 of servable m/);
  });

  it("says when two folders have one number", async () => {
    await version("1");
    await version("01");
    await start();
    assert.deepEqual(aspired.get("m"), ["1"]);
    assert.match(warnings[0] as string, /Version 1 of servable m will be loaded from 1, 01 will be ignored/);
  });

  it("watches what it is told to watch from now on", async () => {
    await mkdir(join(base, "a"));
    await mkdir(join(base, "b"));
    await version("a/1");
    await version("b/2");
    const servable = (name: string) => ({ name, basePath: join(base, name), choice: latest });
    await start();
    await source.update([servable("a"), servable("b")]);
    assert.deepEqual(aspired.get("m"), []);
    assert.deepEqual([aspired.get("a"), aspired.get("b")], [["a/1"], ["b/2"]]);
    await source.update([servable("b")]);
    assert.deepEqual(aspired.get("a"), []);
  });

  it("polls at its interval until it is stopped", async () => {
    await start(latest, 1000);
    await version("5");
    for (let polls = 0; polls < 2; polls++) {
      await clock.advance(1000);
      while (clock.sleeping === 0) await settle();
    }
    assert.deepEqual(aspired.get("m"), ["5"]);
  });
});

describe("the name of a version folder", () => {
  const names: [string, bigint | undefined][] = [
    ["1", 1n],
    ["000123", 123n],
    ["1750000000123456789", 1_750_000_000_123_456_789n],
    ["9223372036854775807", 2n ** 63n - 1n],
    ["9223372036854775808", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["1a", undefined],
    ["", undefined],
    ["0x1", undefined],
  ];
  for (const [name, expected] of names) {
    it(`"${name}" is ${expected ?? "no version"}`, () => assert.equal(versionNumber(name), expected));
  }
});
