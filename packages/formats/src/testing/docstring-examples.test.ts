import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import * as formats from "../index.js";
import { type CompiledExample, compileExamples, publicSymbols, runExample } from "./docstring-examples.js";
import { temporaryFolder, writeFile } from "./temporary-folder.js";

const sources = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../src");

describe("the public functions and classes of @servable/formats", () => {
  const symbols = publicSymbols(sources, formats);

  it("all have an example", () => {
    const without = symbols.filter(({ examples }) => examples.length === 0);
    assert.deepEqual(
      without.map(({ name, file, line }) => `${file}:${line} ${name}`),
      [],
    );
  });

  let compiled: CompiledExample[] = [];
  it("have examples that compile", () => {
    compiled = compileExamples(symbols, "@servable/formats", Object.keys(formats), temporaryFolder());
  });

  for (const { name, examples } of symbols.filter((symbol) => symbol.examples.length > 0)) {
    it(`${name} does what ${examples.length === 1 ? "its example says" : "its examples say"}`, async () => {
      for (const example of compiled.filter(({ symbol }) => symbol.name === name)) await runExample(example);
    });
  }
});

describe("publicSymbols", () => {
  it("finds declarations of every form with their examples", () => {
    const folder = temporaryFolder();
    writeFile(
      folder,
      "a.ts",
      [
        "/** One. */",
        "export function one() {}",
        "/**",
        " * Two.",
        " *",
        " * @example",
        " * two();",
        " * more();",
        " * @throws never",
        " */",
        "export async function* two() {}",
        "export class Three {}",
      ].join("\n"),
    );
    const index = { one: () => 1, two: () => 2, Three: class {}, NUMBER: 4 };
    assert.deepEqual(publicSymbols(folder, index), [
      { name: "one", file: "a.ts", line: 2, docstring: "One.", examples: [] },
      {
        name: "two",
        file: "a.ts",
        line: 11,
        docstring: "Two.\n\n@example\ntwo();\nmore();\n@throws never",
        examples: ["two();\nmore();"],
      },
      { name: "Three", file: "a.ts", line: 12, examples: [] },
    ]);
  });

  it("says what it can't find", () => {
    assert.throws(() => publicSymbols(temporaryFolder(), { lost: () => 0 }), /declared nowhere .*: lost/);
  });
});
