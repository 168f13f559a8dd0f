/** The snippets of docs/reference/formats.md are compiled and run, each in an empty folder. */
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as formats from "./index.js";
import {
  type CompiledExample,
  compileExamples,
  type PublicSymbol,
  runExample,
} from "./testing/docstring-examples.js";
import { temporaryFolder } from "./testing/temporary-folder.js";

const guide = new URL("../../../docs/reference/formats.md", import.meta.url);

/** The snippets by the heading above each. */
function snippets(text: string): PublicSymbol[] {
  let heading = "";
  return [...text.matchAll(/^## (.*)$|^```ts\n([\s\S]*?)^```$/gm)].flatMap(([, title, code], i) => {
    heading = title ?? heading;
    if (code === undefined) return [];
    return [{ name: `snippet_${i}`, file: "formats.md", line: i, docstring: heading, examples: [code] }];
  });
}

describe("docs/reference/formats.md", () => {
  const found = snippets(readFileSync(guide, "utf8"));
  let compiled: CompiledExample[] = [];

  it("has snippets that compile", () => {
    compiled = compileExamples(found, "@servable/formats", Object.keys(formats), temporaryFolder());
  });

  for (const { name, docstring } of found) {
    it(`shows what works: ${docstring}`, async () => {
      for (const example of compiled.filter(({ symbol }) => symbol.name === name)) await runExample(example);
    });
  }
});
