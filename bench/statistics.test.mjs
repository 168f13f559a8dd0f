import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { median, summarize } from "./statistics.mjs";
import { numberText, summaryText, table } from "./table.mjs";

describe("the median", () => {
  /** @type {readonly (readonly [readonly number[], number])[]} */
  const rows = [
    [[5], 5],
    [[3, 1, 2], 2],
    [[10, 9], 9.5],
    [[100, 2, 30, 4], 17],
  ];
  for (const [values, expected] of rows) {
    it(`of ${values.join(", ")} is ${expected}`, () => assert.equal(median(values), expected));
  }
});

describe("numbers in a report", () => {
  it("have three significant digits, large ones all before the point", () => {
    assert.deepEqual([17_345.6, 312.4, 4.384, 0.1514, Number.NaN].map(numberText), [
      "17,346",
      "312",
      "4.38",
      "0.151",
      "n/a",
    ]);
  });

  it("show their range", () => {
    assert.equal(summaryText(summarize([300, 298, 340])), "300 (298–340)");
    assert.equal(summaryText(summarize([5])), "5.00");
    assert.equal(summaryText(undefined), "n/a");
  });
});

describe("a table", () => {
  it("is Markdown, numbers to the right", () => {
    assert.equal(
      table(
        ["server", "ms"],
        [
          ["a", "1"],
          ["longer", "100"],
        ],
      ),
      "| server |  ms |\n|--------|----:|\n| a      |   1 |\n| longer | 100 |",
    );
  });
});
