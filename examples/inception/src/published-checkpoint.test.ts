/** Downloading the published checkpoint, from a server of the test's own. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { Code, latestCheckpoint } from "@servable/formats";
import { fetchPublishedCheckpoint, METADATA_FILE, SYNSET_FILE } from "./published-checkpoint.js";
import { smallInput, testFolder } from "./testing/small-inception.js";

const folder = testFolder();
const canPack = existsSync("/bin/tar") || existsSync("/usr/bin/tar");

describe("the published checkpoint", { skip: canPack ? false : "there is no tar here" }, () => {
  const asked: string[] = [];
  let server: Server;
  let base: string;

  before(async () => {
    const { checkpointDir } = smallInput(folder, "V1");
    const archive = path.join(folder, "inception.tar.gz");
    const packed = path.basename(checkpointDir);
    execFileSync("tar", ["-czf", archive, "-C", path.dirname(checkpointDir), packed]);
    const files: Record<string, Buffer> = {
      "/model/inception.tar.gz": readFileSync(archive),
      [`/names/${SYNSET_FILE}`]: Buffer.from("n01\n"),
      [`/names/${METADATA_FILE}`]: Buffer.from("n01\ttench\n"),
      "/model/damaged.tar.gz": readFileSync(archive).subarray(0, 1000),
    };
    server = createServer(({ url = "" }, response) => {
      asked.push(url);
      const file = files[url];
      response.writeHead(file === undefined ? 404 : 200).end(file);
    }).listen(0);
    await new Promise((resolve) => server.once("listening", resolve));
    base = `http://localhost:${(server.address() as AddressInfo).port}`;
  });
  after(() => void server.close());

  const source = (archive = "inception.tar.gz") => ({
    checkpointUrl: `${base}/model/${archive}`,
    namesUrl: `${base}/names`,
  });

  it("is unpacked, with the names of its classes", async () => {
    const target = path.join(folder, "target");
    await fetchPublishedCheckpoint(target, source());
    assert.equal(latestCheckpoint(target), path.join(target, "model.ckpt-157585"));
    assert.deepEqual(
      readdirSync(target).sort(),
      ["checkpoint", METADATA_FILE, SYNSET_FILE, "model.ckpt-157585"].sort(),
    );
    asked.length = 0;
    await fetchPublishedCheckpoint(target, source());
    assert.deepEqual(asked, [], "what is there is not fetched again");
  });

  it("that can't be had comes with advice", async () => {
    await assert.rejects(fetchPublishedCheckpoint(path.join(folder, "away"), source("none.tar.gz")), {
      code: Code.UNAVAILABLE,
      message: /Cannot download .*none\.tar\.gz \(HTTP status 404\)\. .*inception_random_checkpoint/,
    });
  });

  it("that is damaged is not taken", async () => {
    const target = path.join(folder, "damaged");
    await assert.rejects(fetchPublishedCheckpoint(target, source("damaged.tar.gz")), {
      code: Code.DATA_LOSS,
    });
  });
});
