import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { wishesOfModel } from "./saved-model-config.js";

describe("saved_model_config.pb", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "model-config-"));
    await mkdir(join(folder, "assets.extra"));
  });
  after(() => rm(folder, { recursive: true }));

  const write = (...bytes: number[]) =>
    writeFile(join(folder, "assets.extra", "saved_model_config.pb"), Uint8Array.from(bytes));

  it("need not be there", async () => assert.deepEqual(await wishesOfModel(folder), []));

  it("has wishes, of which nothing is known but their names", async () => {
    // session_overrides {} tfrt_runtime_config {} critical: true
    await write(0x0a, 0x00, 0x12, 0x00, 0x18, 0x01);
    assert.deepEqual(await wishesOfModel(folder), ["session_overrides", "tfrt_runtime_config"]);
  });

  it("is refused when it is no message", async () => {
    await write(0x0a, 0x7f, 0x00);
    await assert.rejects(wishesOfModel(folder), {
      codeName: "INVALID_ARGUMENT",
      message: /saved_model_config\.pb: SavedModelConfig can't be parsed/,
    });
  });
});
