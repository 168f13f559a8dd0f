import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { Code } from "@servable/formats";
import { numberedClassNames, readClassNames } from "./class-names.js";
import { testFolder } from "./testing/small-inception.js";

const folder = testFolder();

function names(synsets: string, metadata: string): string[] {
  const [synsetFile, metadataFile] = [path.join(folder, "synsets.txt"), path.join(folder, "metadata.txt")];
  writeFileSync(synsetFile, synsets);
  writeFileSync(metadataFile, metadata);
  return readClassNames({ synsetFile, metadataFile });
}

describe("names of classes", () => {
  it("are in the order of the synsets, after the background", () => {
    const metadata = "n01\ttench, Tinca tinca\nn02\tgoldfish\nn03\tnever asked for\n";
    assert.deepEqual(names("n02\nn01\n", metadata), ["unused background", "goldfish", "tench, Tinca tinca"]);
  });

  it("may end their lines as on Windows", () => {
    assert.deepEqual(names("n01\r\n", "n01\ttench\r\n"), ["unused background", "tench"]);
  });

  const refused: [situation: string, synsets: string, metadata: string, message: RegExp][] = [
    [
      "a synset without name",
      "n01\nn02\n",
      "n01\ttench\n",
      /1 synsets of .*synsets\.txt are not in .*: n02$/,
    ],
    [
      "a line without tab",
      "n01\n",
      "n01 tench\n",
      /metadata\.txt, line 1: expected a synset, a tab and a label/,
    ],
  ];
  for (const [situation, synsets, metadata, message] of refused) {
    it(`are refused: ${situation}`, () => {
      assert.throws(() => names(synsets, metadata), { code: Code.INVALID_ARGUMENT, message });
    });
  }

  it("that are missing come with advice", () => {
    const absent = { synsetFile: path.join(folder, "absent"), metadataFile: path.join(folder, "absent") };
    assert.throws(() => readClassNames(absent), { code: Code.NOT_FOUND, message: /inception_checkpoint/ });
  });

  it("can be numbers", () => {
    assert.deepEqual(numberedClassNames(3), ["unused background", "class 1", "class 2"]);
  });
});
