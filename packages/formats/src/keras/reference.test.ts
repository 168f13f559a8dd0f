import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { layerTables } from "./layers/index.js";
import { kerasOperations } from "./operation-table.js";

describe("docs/reference/keras.md", () => {
  const text = readFileSync(new URL("../../../../docs/reference/keras.md", import.meta.url), "utf8");
  const rows = new Map(
    [...text.matchAll(/^\| (\w+)\s*\| (\w+(?:, \w+)*)\s*\|$/gm)].map(([, kind, names]) => [kind, names]),
  );
  for (const [kind, table] of Object.entries(layerTables)) {
    it(`lists all layers of the kind ${kind}`, () => {
      const names = Object.keys(table).filter((name) => name !== "InputLayer");
      assert.equal(rows.get(kind), names.sort().join(", "));
    });
  }
  it("lists all operations", () => {
    const flat = text.replace(/\s+/g, " ");
    assert.ok(flat.includes(Object.keys(kerasOperations).sort().join(", ")));
  });
});
