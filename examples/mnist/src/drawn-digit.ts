/**
 * Digits drawn by code in the manner of MNIST: 20 pixels high, their center of mass in the middle of 28×28.
 * Something to show a model where there is no data set.
 */
import { IMAGE_SIZE } from "./data-set.js";
import { digitStrokes, type Point, type Stroke } from "./page/digit-strokes.js";

const DIGIT_HEIGHT = 20;
/** Half a stroke's width in pixels, and how far it fades out beyond. */
const PEN_RADIUS = 0.9;
const PEN_FADE = 1.1;

/** The image of a digit from 0 to 9: 784 values from 0, background, to 1. */
export function drawDigit(digit: number): Float32Array {
  const lines = digitStrokes[digit] ?? [];
  const middle: Point = [IMAGE_SIZE / 2, IMAGE_SIZE / 2];
  const [x, y] = centerOfMass(draw(lines, middle));
  return draw(lines, [2 * middle[0] - x, 2 * middle[1] - y]);
}

/** @param middle where the middle of the digit's box comes to lie, in pixels */
function draw(lines: readonly Stroke[], middle: Point): Float32Array {
  const image = new Float32Array(IMAGE_SIZE * IMAGE_SIZE);
  for (let y = 0; y < IMAGE_SIZE; y++) {
    for (let x = 0; x < IMAGE_SIZE; x++) {
      const pixel: Point = [
        0.5 + (x + 0.5 - middle[0]) / DIGIT_HEIGHT,
        0.5 + (y + 0.5 - middle[1]) / DIGIT_HEIGHT,
      ];
      const distance = DIGIT_HEIGHT * distanceTo(lines, pixel);
      image[y * IMAGE_SIZE + x] = Math.max(0, Math.min(1, 1 - (distance - PEN_RADIUS) / PEN_FADE));
    }
  }
  return image;
}

/** In pixels. MNIST has it in the middle of its images. */
function centerOfMass(image: Float32Array): Point {
  let [mass, massX, massY] = [0, 0, 0];
  image.forEach((value, i) => {
    mass += value;
    massX += value * ((i % IMAGE_SIZE) + 0.5);
    massY += value * (Math.floor(i / IMAGE_SIZE) + 0.5);
  });
  return [massX / mass, massY / mass];
}

function distanceTo(lines: readonly Stroke[], point: Point): number {
  let least = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    for (let i = 0; i + 1 < line.length; i++) {
      least = Math.min(least, distanceToSegment(point, line[i] as Point, line[i + 1] as Point));
    }
  }
  return least;
}

function distanceToSegment([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1);
  const nearest = Math.max(0, Math.min(1, along));
  return Math.hypot(x - ax - nearest * dx, y - ay - nearest * dy);
}

const SHADES = " .:-=+*#%@";

/** The image in characters, two a pixel, without the empty rows above and below. */
export function asciiArt(image: Float32Array): string {
  const rows = Array.from({ length: IMAGE_SIZE }, (_, y) => {
    const row = Array.from(image.subarray(y * IMAGE_SIZE, (y + 1) * IMAGE_SIZE), shade);
    return row.join("").trimEnd();
  });
  const drawn = rows.map((row) => row !== "");
  return rows.slice(drawn.indexOf(true), drawn.lastIndexOf(true) + 1).join("\n");
}

function shade(value: number): string {
  return (SHADES[Math.round(value * (SHADES.length - 1))] ?? " ").repeat(2);
}
