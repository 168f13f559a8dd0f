import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog, logFormatNamed } from "./log.js";

describe("the log", () => {
  it("is lines of text for people, whatever is in a message", () => {
    const lines: string[] = [];
    createLog((line) => lines.push(line)).warn("two\nlines", { model: "m", micros: 3 });
    assert.match(lines.join(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}: W two lines model=m micros=3\n$/);
  });

  it("is lines of JSON for programs", () => {
    const lines: string[] = [];
    createLog((line) => lines.push(line), "json").error("two\nlines", { model: "m" });
    assert.equal(lines.join().split("\n").length, 2);
    const { time, ...rest } = JSON.parse(lines.join());
    assert.ok(!Number.isNaN(Date.parse(time)));
    assert.deepEqual(rest, { severity: "error", message: "two\nlines", model: "m" });
  });

  it("has formats by name", () => {
    assert.deepEqual(["auto", "text", "json"].map(logFormatNamed), [undefined, "text", "json"]);
    assert.throws(() => logFormatNamed("xml"), {
      codeName: "INVALID_ARGUMENT",
      message: /auto, text and json/,
    });
  });
});
