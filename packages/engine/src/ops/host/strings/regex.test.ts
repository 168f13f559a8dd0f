import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeRecorded } from "../testing/recorded-cases.js";
import { regexKernels } from "./regex.js";
import { javaScriptClass } from "./regex-class.js";

describeRecorded("regex", regexKernels);

describe("a pattern that is one class", () => {
  const classes: [pattern: string, source: string][] = [
    ["[abc]", "[abc]"],
    ["[^a-z]+", "[^a-z]+"],
    ["\\s+", "[\\t\\n\\f\\r ]+"],
    ["\\W", "[^0-9A-Za-z_]"],
    // What Keras strips from text by default.
    [
      "[!\"#$%&()\\*\\+,-\\./:;<=>?@\\[\\\\\\]^_`{|}~\\']",
      "[!\"#\\$%&\\(\\)\\*\\+,-\\.\\/:;<=>\\?@\\[\\\\\\]\\^_`\\{\\|\\}~']",
    ],
    ["[\\w.-]", "[0-9A-Za-z_\\.\\-]"],
  ];
  for (const [pattern, source] of classes) {
    it(`${pattern} goes to JavaScript's engine`, () => {
      assert.equal(javaScriptClass(pattern, true)?.source, source);
    });
  }

  for (const pattern of [
    "a",
    "[a]b",
    "[\\w-z]",
    "[a-c-e]",
    "[[:alpha:]]",
    "\\pL",
    "[\\S]",
    "[\\x41]",
    "(?i)[a]",
    "[]a]",
  ]) {
    it(`${pattern} does not`, () => assert.equal(javaScriptClass(pattern, true), undefined));
  }
});
