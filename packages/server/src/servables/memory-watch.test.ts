import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Loader } from "../core/loader.js";
import { MemoryWatch } from "./memory-watch.js";

const MIB = 2 ** 20;
const id = { name: "m", version: 3n };
const never = new AbortController().signal;

describe("the memory of versions", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "memory-"));
    await writeFile(join(folder, "weights"), Buffer.alloc(4 * MIB));
  });
  after(() => rm(folder, { recursive: true }));

  /** A process whose memory grows with each load. */
  function watchWith(limitBytes: number | undefined) {
    const told: unknown[] = [];
    const process = { bytes: 10 * MIB };
    const watch = new MemoryWatch({
      limitBytes,
      residentBytes: () => process.bytes,
      onMemory: (_, bytes) => told.push(bytes === undefined ? "gone" : bytes / MIB),
    });
    let finish = () => {};
    const loader: Loader<string> = {
      load: () =>
        new Promise((resolve) => {
          finish = () => {
            process.bytes += 5 * MIB;
            resolve("loaded");
          };
        }),
      unload: async () => {
        process.bytes -= 5 * MIB;
      },
    };
    return { told, loader: watch.watch(id, folder, loader), finish: () => finish() };
  }

  const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

  it("is what the process grows by, until they are gone", async () => {
    const { told, loader, finish } = watchWith(undefined);
    const loading = loader.load(never);
    await settle();
    finish();
    assert.equal(await loading, "loaded");
    await loader.unload();
    assert.deepEqual(told, [5, "gone"]);
  });

  it("has a limit, which counts what is being loaded", async () => {
    const { loader, finish } = watchWith(16 * MIB);
    const loading = loader.load(never);
    await settle();
    await assert.rejects(loader.load(never), {
      codeName: "RESOURCE_EXHAUSTED",
      message:
        "Servable {name: m version: 3} needs about 4 MiB, and 14 MiB of the limit of 16 MiB are in use",
    });
    finish();
    await loading;
    await assert.rejects(loader.load(never), { codeName: "RESOURCE_EXHAUSTED" });
    await loader.unload();
    const again = loader.load(never);
    await settle();
    finish();
    assert.equal(await again, "loaded");
  });

  const rooms: readonly (readonly [string, number, number | undefined, boolean])[] = [
    ["a small part of what there is", 100, undefined, true],
    ["a large part of what there is", 20, undefined, false],
    ["less than the limit leaves", 100, 20, true],
    ["more than the limit leaves", 100, 15, false],
  ];
  for (const [what, available, limit, expected] of rooms) {
    it(`${expected ? "has" : "has no"} room for more instances that take ${what}`, () => {
      const watch = new MemoryWatch({
        limitBytes: limit === undefined ? undefined : limit * MIB,
        residentBytes: () => 10 * MIB,
        availableBytes: () => available * MIB,
        onMemory: () => {},
      });
      assert.equal(watch.hasRoom(4 * MIB), expected);
    });
  }
});
