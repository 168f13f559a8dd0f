import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededRandom } from "@servable/formats/testing/mutations";
import { Stream } from "./stream.js";
import { StreamTable } from "./stream-table.js";

const streamOf = (id: number) => new Stream(id, 0, 0, undefined);
const idsOf = (streams: Iterable<Stream>) => [...streams].map(({ id }) => id).sort((a, b) => a - b);

describe("a connection's streams", () => {
  it("are found by their numbers until they are deleted", () => {
    const table = new StreamTable();
    const stream = streamOf(7);
    table.add(stream);
    assert.equal(table.get(7), stream);
    assert.equal(table.get(9), undefined);
    assert.equal(table.delete(9), false);
    assert.equal(table.delete(7), true);
    assert.equal(table.delete(7), false);
    assert.equal(table.get(7), undefined);
    assert.equal(table.size, 0);
  });

  it("are found when many want the same place", () => {
    const table = new StreamTable();
    const ids = [1, 33, 65, 97, 3, 35];
    for (const id of ids) table.add(streamOf(id));
    table.delete(33);
    for (const id of [1, 65, 97, 3, 35]) assert.equal(table.get(id)?.id, id);
    assert.deepEqual(idsOf(table.all()), [1, 3, 35, 65, 97]);
  });

  it("are those that a Map would hold, whatever comes and goes", () => {
    const random = seededRandom(5);
    const [table, map] = [new StreamTable(), new Map<number, Stream>()];
    for (let step = 0, next = 1; step < 50_000; step++) {
      if (random(100) < (step % 2000 < 1000 ? 60 : 40)) {
        const stream = streamOf(next);
        table.add(stream);
        map.set(next, stream);
        next += 2 * (1 + random(3));
      } else {
        const id = 1 + 2 * random(next);
        assert.equal(table.delete(id), map.delete(id));
        const [first] = map.keys();
        if (first !== undefined) assert.equal(table.delete(first), map.delete(first));
      }
      assert.equal(table.size, map.size);
      const id = 1 + 2 * random(next);
      assert.equal(table.get(id), map.get(id));
    }
    assert.deepEqual(idsOf(table.all()), idsOf(map.values()));
  });
});
