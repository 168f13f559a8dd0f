import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Drawing, IMAGE_SIZE, mnistImage } from "./page/mnist-image.js";

const SIZE = 100;

/** A filled rectangle on an empty drawing. */
function rectangle(left: number, top: number, width: number, height: number): Drawing {
  const ink = new Uint8Array(SIZE * SIZE);
  for (let y = top; y < top + height; y++) ink.fill(255, y * SIZE + left, y * SIZE + left + width);
  return { width: SIZE, height: SIZE, ink };
}

/** The image as rows of "#" for ink, "." for none and "+" between. */
function rows(drawing: Drawing): string[] {
  const image = mnistImage(drawing) ?? new Float32Array();
  const mark = (value: number) => (value > 0.999 ? "#" : value < 0.001 ? "." : "+");
  return Array.from({ length: IMAGE_SIZE }, (_, y) =>
    Array.from(image.subarray(y * IMAGE_SIZE, (y + 1) * IMAGE_SIZE), mark).join(""),
  );
}

const band = (from: number, to: number) => ".".repeat(from) + "#".repeat(to - from) + ".".repeat(28 - to);

describe("a drawing as MNIST has it", () => {
  it("is nothing where nothing is drawn", () => {
    assert.equal(mnistImage({ width: SIZE, height: SIZE, ink: new Uint8Array(SIZE * SIZE) }), undefined);
  });

  const upright = [
    ...new Array(4).fill(band(0, 0)),
    ...new Array(20).fill(band(12, 16)),
    ...new Array(4).fill(band(0, 0)),
  ];
  const cases: [situation: string, drawing: Drawing, expected: string[]][] = [
    ["is 20 pixels high and in the middle", rectangle(40, 10, 16, 80), upright],
    ["is the same wherever it was drawn", rectangle(0, 20, 16, 80), upright],
    ["is the same however large it was drawn", rectangle(70, 50, 4, 20), upright],
    [
      "is 20 pixels wide when it is wider than high",
      rectangle(10, 0, 40, 20),
      [
        ...new Array(9).fill(band(0, 0)),
        ...new Array(10).fill(band(4, 24)),
        ...new Array(9).fill(band(0, 0)),
      ],
    ],
  ];
  for (const [what, drawing, expected] of cases) {
    it(what, () => assert.deepEqual(rows(drawing), expected));
  }

  it("has its center of mass in the middle, not its box", () => {
    const ink = Uint8Array.from(rectangle(40, 10, 20, 80).ink as Uint8Array);
    // A foot twice as wide as the rest draws the center down, so that the image moves up.
    for (let y = 70; y < 90; y++) ink.fill(255, y * SIZE + 30, y * SIZE + 70);
    const image = mnistImage({ width: SIZE, height: SIZE, ink }) ?? new Float32Array();
    let [mass, moment] = [0, 0];
    image.forEach((value, i) => {
      mass += value;
      moment += value * (Math.floor(i / IMAGE_SIZE) + 0.5);
    });
    assert.ok(Math.abs(moment / mass - 14) < 0.01, `center of mass at ${moment / mass}`);
  });
});
