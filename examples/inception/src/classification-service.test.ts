/** The gRPC service of one's own, with models of pictures and of numbers behind it. */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { Code } from "@servable/formats";
import {
  ClassificationClient,
  MAX_INPUT_BYTES,
  type RunningService,
  startClassificationService,
} from "./classification-service.js";
import { Classifier } from "./classifier.js";
import { drawJpeg } from "./drawn-picture.js";
import { exportIris } from "./iris.js";
import { smallSavedModel, testFolder } from "./testing/small-inception.js";

const DEADLINE_MS = 10_000;
const folder = testFolder();

function floats(...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  numbers.forEach((number, i) => {
    new DataView(bytes.buffer).setFloat32(4 * i, number, true);
  });
  return bytes;
}

/** A running service and its client, for the tests of one `describe`. */
function serving(open: () => Classifier): { client: () => ClassificationClient } {
  let classifier: Classifier;
  let service: RunningService;
  let client: ClassificationClient;
  before(async () => {
    classifier = open();
    service = await startClassificationService(0, (input) => classifier.classify(input));
    client = new ClassificationClient(`localhost:${service.port}`);
  });
  after(async () => {
    client.close();
    await service.stop();
    classifier.close();
  });
  return { client: () => client };
}

describe("the service, with a model of pictures", () => {
  const { client } = serving(() => Classifier.open(smallSavedModel(folder)));

  it("answers with ten named classes, the best first", async () => {
    const classes = await client().classify(drawJpeg(64, 48, 1), DEADLINE_MS);
    assert.equal(classes.length, 10);
    assert.deepEqual(
      classes,
      [...classes].sort((a, b) => b.score - a.score),
    );
    assert.match(classes[0]?.name ?? "", /^class \d{4}$/);
  });

  const refused: [situation: string, input: Uint8Array, code: Code][] = [
    ["what is no picture", Buffer.from("no picture"), Code.INVALID_ARGUMENT],
    ["nothing", new Uint8Array(), Code.INVALID_ARGUMENT],
    ["a picture that ends too early", drawJpeg(64, 48, 1).subarray(0, 300), Code.INVALID_ARGUMENT],
    ["what is too large", new Uint8Array(MAX_INPUT_BYTES + 4096), Code.RESOURCE_EXHAUSTED],
  ];
  for (const [situation, input, code] of refused) {
    it(`refuses ${situation}`, async () => {
      await assert.rejects(client().classify(input, DEADLINE_MS), { code });
    });
  }
});

describe("the service, with a model of numbers", () => {
  const { client } = serving(() => {
    exportIris(path.join(folder, "iris", "1"));
    return Classifier.open(path.join(folder, "iris"));
  });

  // Flowers 1, 51 and 101 of Fisher's table, the first of each species.
  const flowers: [species: string, measures: [number, number, number, number]][] = [
    ["Iris setosa", [5.1, 3.5, 1.4, 0.2]],
    ["Iris versicolor", [7.0, 3.2, 4.7, 1.4]],
    ["Iris virginica", [6.3, 3.3, 6.0, 2.5]],
  ];
  for (const [species, measures] of flowers) {
    it(`knows ${species} by ${measures.join(", ")}`, async () => {
      const classes = await client().classify(floats(...measures), DEADLINE_MS);
      assert.equal(classes[0]?.name, species);
      const sum = classes.reduce((total, { score }) => total + score, 0);
      assert.ok(Math.abs(sum - 1) < 1e-6, `scores add up to ${sum}`);
    });
  }

  it("refuses three numbers, saying what it wants", async () => {
    await assert.rejects(client().classify(floats(1, 2, 3), DEADLINE_MS), {
      code: Code.INVALID_ARGUMENT,
      message: "The input must be 4 float32 numbers, 16 bytes, little-endian; got 12",
    });
  });
});

describe("the folder of versions", () => {
  it("gives the newest", () => {
    const versions = path.join(folder, "versions");
    for (const version of ["2", "10", "9"]) exportIris(path.join(versions, version));
    const classifier = Classifier.open(versions);
    assert.equal(path.basename(classifier.versionDir), "10");
    classifier.close();
  });

  it("that is not there, or empty, is said so", () => {
    assert.throws(() => Classifier.open(path.join(folder, "none")), {
      code: Code.NOT_FOUND,
      message: /none/,
    });
    assert.throws(() => Classifier.open(path.join(folder, "iris", "1", "variables")), {
      code: Code.NOT_FOUND,
    });
  });
});
