import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { flagsPage } from "./flags-page.js";

const page = new URL("../../../../docs/reference/flags.md", import.meta.url);

/** The formatter aligns tables. */
const withoutAlignment = (text: string) => text.replace(/ +/g, " ").replace(/-{3,}/g, "---");

describe("docs/reference/flags.md", () => {
  it("lists the flags as the table has them", () => {
    if (process.env.UPDATE_DOCS !== undefined) writeFileSync(page, flagsPage());
    assert.equal(withoutAlignment(readFileSync(page, "utf8")), withoutAlignment(flagsPage()));
  });
});
