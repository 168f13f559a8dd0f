import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Tolerance } from "@servable/formats/testing";
import { assertTensorsClose, type JsonTensor, tensorsOfJson } from "./testing/json-tensor.js";
import { loadTfliteModel } from "./tflite-model.js";

const fixtures = fileURLToPath(new URL("../src/fixtures/tflite/", import.meta.url));

interface RecordedModel {
  readonly about: string;
  readonly operators: readonly string[];
  readonly tolerance: Tolerance;
  readonly calls: readonly {
    readonly signature: string;
    readonly inputs: Readonly<Record<string, JsonTensor>>;
    readonly outputs: Readonly<Record<string, JsonTensor>>;
  }[];
}

const names = readdirSync(fixtures).flatMap((file) => /^(.*)\.tflite$/.exec(file)?.[1] ?? []);

function recorded(name: string): RecordedModel {
  return JSON.parse(readFileSync(`${fixtures}${name}.json`, "utf8"));
}

describe("TensorFlow Lite models give the interpreter's answers", () => {
  for (const name of names) {
    const { about, calls, tolerance } = recorded(name);
    it(`${name}: ${about}`, () => {
      const model = loadTfliteModel(`${fixtures}${name}.tflite`);
      for (const [i, { signature, inputs, outputs }] of calls.entries()) {
        const actual = model.run(signature, tensorsOfJson(inputs));
        assertTensorsClose(actual, tensorsOfJson(outputs), tolerance, `${signature} ${i}`);
      }
      model.close();
    });
  }
});
assert.ok(names.length > 0);
