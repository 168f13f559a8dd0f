/** Which threads a model's requests come to, with real worker threads and an engine that says what it was given. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Tensor, tensor } from "@servable/formats";
import { temporaryFolder } from "@servable/formats/testing/temporary-folder";
import { automaticBatching } from "../batching/batching-settings.js";
import { SavedModelLoader, type SavedModelLoaderOptions } from "./saved-model-loader.js";
import type { ServedModel } from "./served-model.js";
import { WorkerSupply } from "./worker-supply.js";

const FAKE_ENGINE = new URL("./testing/fake-engine.js", import.meta.url).href;

function writeVersion(isConstant: boolean): string {
  const folder = join(temporaryFolder(), "1");
  mkdirSync(folder);
  writeFileSync(join(folder, "saved_model.pb"), "");
  if (isConstant) writeFileSync(join(folder, "constant"), "");
  return folder;
}

function loaderOf(folder: string, options: Partial<SavedModelLoaderOptions> = {}): SavedModelLoader {
  return new SavedModelLoader({ name: "m", version: 1n }, folder, new WorkerSupply(FAKE_ENGINE), {
    load: { intraOpThreads: 4 },
    batching: async () => automaticBatching,
    warmUp: async () => {},
    warn: (message) => assert.fail(message),
    hasRoom: () => true,
    onProgress: () => {},
    onLoad: () => {},
    slots: undefined,
    observer: undefined,
    ...options,
  });
}

const milliseconds = (ms: number): ReadonlyMap<string, Tensor> =>
  new Map([["ms", tensor("int32", [], Int32Array.of(ms))]]);

/** How many threads the instances had that answered, for rounds of requests that all come at once. */
async function threadsOfCrowd(model: ServedModel, rounds: number, until = Number.NaN): Promise<Set<number>> {
  const counts = new Set<number>();
  for (let round = 0; round < rounds && !counts.has(until); round++) {
    const runs = Array.from({ length: 8 }, () => model.run("sleep", milliseconds(2), ["ms"]));
    const asked = Array.from({ length: 4 }, () => model.run("threads", new Map(), ["count"]));
    await Promise.all(runs);
    for (const answer of await Promise.all(asked)) counts.add(Number(answer.get("count")?.data[0]));
  }
  return counts;
}

describe("Requests that come faster than they are answered", () => {
  it("bring a model more instances, each with half of the threads", async () => {
    const loader = loaderOf(writeVersion(true));
    const model = await loader.load(new AbortController().signal);
    assert.deepEqual(await threadsOfCrowd(model, 1), new Set([4]));
    assert.ok((await threadsOfCrowd(model, 10_000, 2)).has(2));
    await loader.unload();
  });

  const alone: readonly (readonly [string, string, Partial<SavedModelLoaderOptions>])[] = [
    ["that runs may change", writeVersion(false), {}],
    ["that has no memory for them", writeVersion(true), { hasRoom: () => false }],
    ["that has one thread", writeVersion(true), { load: { intraOpThreads: 1 } }],
  ];
  for (const [what, folder, options] of alone) {
    it(`bring none to a model ${what}`, async () => {
      const loader = loaderOf(folder, options);
      const model = await loader.load(new AbortController().signal);
      assert.equal((await threadsOfCrowd(model, 20)).size, 1);
      await loader.unload();
    });
  }
});
