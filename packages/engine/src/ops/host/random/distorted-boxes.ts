/**
 * Random crops that cover enough of the objects in an image, as
 * tensorflow/core/kernels/image/sample_distorted_bounding_box_op.cc draws them from the same seeds.
 */
import { invalidArgument, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable, NodeFacts } from "../../op-table.js";
import { realsOf, tensorOfNumbers } from "../domains.js";
import { compute, ensure, integersOf } from "../kernel.js";
import { type Philox, Words } from "./philox.js";
import { keyAndCounter, seededGenerator } from "./random.js";

const { fround } = Math;

/** In pixels; the far edges are outside. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const areaOf = ({ left, top, right, bottom }: Box): number => (right - left) * (bottom - top);

function intersection(a: Box, b: Box): Box {
  const [left, top] = [Math.max(a.left, b.left), Math.max(a.top, b.top)];
  const [right, bottom] = [Math.min(a.right, b.right), Math.min(a.bottom, b.bottom)];
  return left > right || top > bottom
    ? { left: 0, top: 0, right: 0, bottom: 0 }
    : { left, top, right, bottom };
}

interface Options {
  readonly aspects: readonly [number, number];
  readonly areas: readonly [number, number];
  readonly attempts: number;
  readonly wholeIfNone: boolean;
}

function optionsOf({ attrs, op, name }: NodeFacts): Options {
  const [aspects, areas] = [attrs.floats("aspect_ratio_range"), attrs.floats("area_range")];
  if (aspects.length !== 2 || areas.length !== 2) {
    throw invalidArgument(
      `${op} node "${name}": aspect_ratio_range and area_range must have two elements each`,
    );
  }
  return {
    aspects: aspects as unknown as [number, number],
    areas: areas as unknown as [number, number],
    attempts: attrs.int("max_attempts"),
    wholeIfNone: attrs.bool("use_image_if_no_bounding_boxes"),
  };
}

function sample(
  words: Words,
  imageSize: Tensor,
  boxesInput: Tensor,
  covered: number,
  options: Options,
): Tensor[] {
  const [height, width, channels] = integersOf(imageSize) as [number, number, number];
  ensure(
    imageSize.shape.length === 1 && imageSize.shape[0] === 3,
    () => `image_size must contain 3 elements, got shape ${shapeText(imageSize.shape)}`,
  );
  ensure(
    height > 0 && width > 0 && channels > 0,
    () => `image_size must be positive, got [${height},${width},${channels}]`,
  );
  const objects = objectsOf(boxesInput, height, width, options.wholeIfNone);
  let crop: Box = { left: 0, top: 0, right: width, bottom: height };
  for (let attempt = 0; attempt < options.attempts; attempt++) {
    const [narrowest, widest] = options.aspects;
    const aspect = fround(fround(randomFloat(words) * fround(widest - narrowest)) + narrowest);
    const candidate = randomCrop(words, width, height, options.areas, aspect);
    if (candidate !== undefined && coversEnough(candidate, objects, covered)) {
      crop = candidate;
      break;
    }
  }
  const { left, top, right, bottom } = crop;
  return [
    tensorOfNumbers(imageSize.dtype, [3], [top, left, 0]),
    tensorOfNumbers(imageSize.dtype, [3], [bottom - top, right - left, -1]),
    tensorOfNumbers("float32", [1, 1, 4], [top / height, left / width, bottom / height, right / width]),
  ];
}

const randomFloat = (words: Words): number => (words.next() & 0x7fffff) * 2 ** -23;
const below = (words: Words, limit: number): number => words.next() % limit;

function objectsOf(boxes: Tensor, height: number, width: number, wholeIfNone: boolean): Box[] {
  ensure(
    boxes.shape.length === 3 && boxes.shape[2] === 4,
    () => `input boxes must be 3-dimensional [batch, num_boxes, coords], got shape ${shapeText(boxes.shape)}`,
  );
  const edges = realsOf(boxes);
  if (edges.length === 0) {
    ensure(
      wholeIfNone,
      "No bounding boxes provided as input. One must enable use_image_if_no_bounding_boxes if you wish to not provide any bounding boxes.",
    );
    return [{ left: 0, top: 0, right: width, bottom: height }];
  }
  return Array.from({ length: edges.length / 4 }, (_, i) => {
    const [top, left, bottom, right] = edges.subarray(4 * i, 4 * i + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    return {
      left: Math.trunc(fround(left * width)),
      top: Math.trunc(fround(top * height)),
      right: Math.trunc(fround(right * width)),
      bottom: Math.trunc(fround(bottom * height)),
    };
  });
}

/** Half to even, as C's lrint. */
function nearest(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A crop of the aspect ratio (width over height) with an area in range, if the image has room. */
function randomCrop(
  words: Words,
  width: number,
  height: number,
  areas: readonly [number, number],
  aspect: number,
): Box | undefined {
  const [smallest, largest] = areas.map((share) => fround(fround(share * width) * height)) as [
    number,
    number,
  ];
  if (!(areas[1] > 0 && aspect > 0 && areas[0] <= areas[1])) return undefined;
  let cropHeight = nearest(Math.sqrt(fround(smallest / aspect)));
  let tallest = nearest(Math.sqrt(fround(largest / aspect)));
  if (nearest(fround(tallest * aspect)) > width) {
    tallest = Math.trunc(fround((width + 0.5 - 0.0000001) / aspect));
    if (nearest(fround(tallest * aspect)) > width) tallest--;
  }
  tallest = Math.min(tallest, height);
  cropHeight = Math.min(cropHeight, tallest);
  if (cropHeight < tallest) cropHeight += below(words, tallest - cropHeight + 1);
  let cropWidth = nearest(fround(cropHeight * aspect));
  // Rounding may have put the area just outside.
  for (const step of [1, -1]) {
    const area = cropWidth * cropHeight;
    if (step > 0 ? area >= smallest : area <= largest) continue;
    cropHeight += step;
    cropWidth = nearest(fround(cropHeight * aspect));
  }
  const area = cropWidth * cropHeight;
  if (
    area < smallest ||
    area > largest ||
    cropWidth > width ||
    cropHeight > height ||
    cropWidth <= 0 ||
    cropHeight <= 0
  ) {
    return undefined;
  }
  const top = cropHeight < height ? below(words, height - cropHeight) : 0;
  const left = cropWidth < width ? below(words, width - cropWidth) : 0;
  return { left, top, right: left + cropWidth, bottom: top + cropHeight };
}

/** Whether the crop covers the share of some object that is asked for. */
function coversEnough(crop: Box, objects: readonly Box[], share: number): boolean {
  if (areaOf(crop) < 1) return false;
  return objects.some(
    (object) => areaOf(object) >= 1 && fround(areaOf(intersection(crop, object)) / areaOf(object)) >= share,
  );
}

/** The words that one run may draw: four for each attempt. */
const setAside = (attempts: number): number => Math.ceil((4 * attempts) / 4);

const seeded = (coveredIsInput: boolean): HostRow =>
  compute((node) => {
    const options = optionsOf(node);
    const generator: Philox = seededGenerator(node);
    const fixed = coveredIsInput ? 0 : node.attrs.float("min_object_covered");
    return (imageSize, boxes, coveredInput) => {
      const words = new Words(generator.fork());
      generator.skip(setAside(options.attempts));
      const covered = coveredIsInput ? (realsOf(coveredInput)[0] as number) : fixed;
      return sample(words, imageSize, boxes, covered, options);
    };
  }, "random");

export const distortedBoxKernels: HostTable = {
  SampleDistortedBoundingBox: seeded(false),
  SampleDistortedBoundingBoxV2: seeded(true),
  StatelessSampleDistortedBoundingBox: compute((node) => {
    const options = optionsOf(node);
    return (imageSize, boxes, covered, seed) =>
      sample(new Words(keyAndCounter(seed)), imageSize, boxes, realsOf(covered)[0] as number, options);
  }),
};
