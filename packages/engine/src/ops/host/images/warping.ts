/** Ops that take parts of images, turn them, or draw on them. */
import { elementCount, invalidArgument, outOfRange, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../../op-table.js";
import { newReals, type Reals, realsOf, tensorOf } from "../domains.js";
import { indexData } from "../index-data.js";
import { compute, countOf, ensure } from "../kernel.js";
import { requireImages, sizeOf } from "./resizing.js";

const { fround } = Math;

// ---- crop and resize -------------------------------------------------------------------------------------------

/** The part of one image's axis between two relative ends, sampled at `size` places. */
function places(start: number, end: number, inSize: number, size: number): number[] {
  const step = size > 1 ? fround((fround(end - start) * (inSize - 1)) / (size - 1)) : 0;
  return Array.from({ length: size }, (_, i) =>
    size > 1
      ? fround(fround(start * (inSize - 1)) + fround(i * step))
      : fround(0.5 * fround(start + end) * (inSize - 1)),
  );
}

const cropAndResize = compute((node) => {
  const nearest = node.attrs.string("method") === "nearest";
  const outside = node.attrs.float("extrapolation_value");
  return (image, boxes, boxIndex, cropSize) => {
    requireImages(image);
    const [batch, height, width, channels] = image.shape as [number, number, number, number];
    const count = boxes.shape[0] as number;
    ensure(
      boxes.shape.length === 2 && boxes.shape[1] === 4,
      () => `boxes must have 4 columns, got shape ${shapeText(boxes.shape)}`,
    );
    ensure(
      boxIndex.shape.length === 1 && boxIndex.shape[0] === count,
      () => `box_index has incompatible shape ${shapeText(boxIndex.shape)}`,
    );
    const owners = indexData(boxIndex);
    if (!owners.every((owner) => owner >= 0 && owner < batch)) {
      throw outOfRange("box_index has values outside [0, batch_size)");
    }
    const [cropHeight, cropWidth] = sizeOf(cropSize);
    const shape = [count, cropHeight, cropWidth, channels];
    const [values, edges] = [realsOf(image), realsOf(boxes)];
    const out = new Float32Array(countOf(shape));
    for (let n = 0; n < count; n++) {
      const [y1, x1, y2, x2] = edges.subarray(4 * n, 4 * n + 4) as unknown as [
        number,
        number,
        number,
        number,
      ];
      const xs = places(x1, x2, width, cropWidth);
      const read = reader(values, {
        height,
        width,
        channels,
        start: (owners[n] as number) * height * width * channels,
      });
      for (const [row, y] of places(y1, y2, height, cropHeight).entries()) {
        for (const [column, x] of xs.entries()) {
          const to = ((n * cropHeight + row) * cropWidth + column) * channels;
          const inside = y >= 0 && y <= height - 1 && x >= 0 && x <= width - 1;
          for (let c = 0; c < channels; c++) {
            out[to + c] = !inside
              ? outside
              : nearest
                ? read(roundAway(y), roundAway(x), c)
                : bilinear(read, y, x, c);
          }
        }
      }
    }
    return { dtype: "float32", shape, data: out };
  };
});

const roundAway = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);

interface Image {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Of its first element. */
  readonly start: number;
}

/** Reads an element of an image; `fill` where there is none. */
type Read = (y: number, x: number, channel: number) => number;

function reader(values: Reals, { height, width, channels, start }: Image, fill = 0): Read {
  return (y, x, channel) =>
    y >= 0 && y < height && x >= 0 && x < width
      ? (values[start + (y * width + x) * channels + channel] as number)
      : fill;
}

/** Between the four pixels around a place inside the image. */
function bilinear(read: Read, y: number, x: number, channel: number): number {
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const [bottom, right] = [Math.ceil(y), Math.ceil(x)];
  const across = (row: number): number => {
    const first = read(row, left, channel);
    return first + (read(row, right, channel) - first) * (x - left);
  };
  const first = across(top);
  return first + (across(bottom) - first) * (y - top);
}

// ---- projective transforms -------------------------------------------------------------------------------------

/** Where a coordinate outside the image is read. */
type Extend = (at: number, size: number) => number;

const inside = (at: number, size: number): number => Math.min(Math.max(at, 0), size - 1);

const extensions: Readonly<Record<string, Extend>> = {
  CONSTANT: (at) => at,
  NEAREST: inside,
  /** dcba|abcd|dcba */
  REFLECT: (at, size) => {
    if (at >= 0 && at <= size - 1) return at;
    if (size <= 1) return 0;
    const period = 2 * size;
    if (at < 0) {
      const near = period * Math.trunc(-at / period) + at;
      return inside(near < -size ? near + period : -near - 1, size);
    }
    const near = at - period * Math.trunc(at / period);
    return inside(near >= size ? period - near - 1 : near, size);
  },
  /** abcd|abcd|abcd */
  WRAP: (at, size) => {
    if (at >= 0 && at <= size - 1) return at;
    if (size <= 1) return 0;
    const turns = Math.trunc(Math.abs(at) / (size - 1));
    return inside(at < 0 ? at + size * (turns + 1) : at - size * turns, size);
  },
};

/** Between the four pixels around a place that may lie outside, where reading gives the fill value. */
function bilinearFilled(read: Read, y: number, x: number, channel: number): number {
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const across = (row: number): number =>
    (left + 1 - x) * read(row, left, channel) + (x - left) * read(row, left + 1, channel);
  return (top + 1 - y) * across(top) + (y - top) * across(top + 1);
}

const projective: HostRow = compute((node) => {
  const mode = node.attrs.string("fill_mode");
  const extend = Object.hasOwn(extensions, mode) ? extensions[mode] : undefined;
  if (extend === undefined) throw invalidArgument(`${node.op} node "${node.name}": Invalid mode "${mode}"`);
  const nearest = node.attrs.string("interpolation") === "NEAREST";
  return (images, transforms, outputShape, fillInput) => {
    ensure(images.shape.length === 4, () => `Input images must have rank 4, got ${shapeText(images.shape)}`);
    const [batch, height, width, channels] = images.shape as [number, number, number, number];
    const count = transforms.shape[0] as number;
    ensure(
      transforms.shape.length === 2 && transforms.shape[1] === 8 && (count === batch || count === 1),
      () => `Input transform should be num_images x 8 or 1 x 8, got ${shapeText(transforms.shape)}`,
    );
    const fill = fillInput === undefined ? 0 : (realsOf(fillInput)[0] as number);
    const [outHeight, outWidth] = sizeOf(outputShape);
    const shape = [batch, outHeight, outWidth, channels];
    const [values, matrices] = [realsOf(images), realsOf(transforms)];
    const out = newReals(images.dtype, shape);
    for (let n = 0; n < batch && out.length > 0; n++) {
      const matrix = matrices.subarray(count === 1 ? 0 : 8 * n) as Reals;
      const read = reader(values, { height, width, channels, start: n * height * width * channels }, fill);
      for (let row = 0; row < outHeight; row++) {
        for (let column = 0; column < outWidth; column++) {
          const to = ((n * outHeight + row) * outWidth + column) * channels;
          const place = projected(matrix, column, row);
          for (let c = 0; c < channels; c++)
            out[to + c] = place === undefined ? fill : sample(read, place, c);
        }
      }
    }
    return tensorOf(images.dtype, shape, out);

    function sample(read: Read, place: { x: number; y: number }, channel: number): number {
      const [y, x] = [(extend as Extend)(place.y, height), (extend as Extend)(place.x, width)];
      return nearest ? read(roundAway(y), roundAway(x), channel) : bilinearFilled(read, y, x, channel);
    }
  };
});

/** The input place of an output pixel; undefined at infinity. */
function projected(matrix: Reals, x: number, y: number): { x: number; y: number } | undefined {
  const [a, b, c, d, e, f, g, h] = matrix as unknown as number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const scale = fround(fround(fround(g * x) + fround(h * y)) + 1);
  if (scale === 0) return undefined;
  const along = (p: number, q: number, r: number): number =>
    fround(fround(fround(fround(p * x) + fround(q * y)) + r) / scale);
  return { x: along(a, b, c), y: along(d, e, f) };
}

// ---- boxes -----------------------------------------------------------------------------------------------------

/** Colours of boxes where none are given: yellow, blue, red, lime, purple, olive, maroon, navy, aqua, fuchsia. */
const palette: readonly (readonly number[])[] = [
  [1, 1, 0, 1],
  [0, 0, 1, 1],
  [1, 0, 0, 1],
  [0, 1, 0, 1],
  [0.5, 0, 0.5, 1],
  [0.5, 0.5, 0, 1],
  [0.5, 0, 0, 1],
  [0, 0, 0.5, 1],
  [0, 1, 1, 1],
  [1, 0, 1, 1],
];

const drawBoxes = compute(() => (images, boxes, colorsInput) => {
  ensure(
    images.shape.length === 4,
    () => `The rank of the images should be 4, got ${shapeText(images.shape)}`,
  );
  ensure(
    boxes.shape.length === 3 && boxes.shape[0] === images.shape[0] && boxes.shape[2] === 4,
    () => `boxes must have shape [batch,num,4], got ${shapeText(boxes.shape)}`,
  );
  const [batch, height, width, channels] = images.shape as [number, number, number, number];
  const count = boxes.shape[1] as number;
  const colors = colorsOf(colorsInput, channels);
  const out = Float32Array.from(realsOf(images));
  const edges = realsOf(boxes);
  for (let n = 0; n < batch && out.length > 0; n++) {
    for (let b = 0; b < count; b++) {
      const box = edges.subarray((n * count + b) * 4) as unknown as [number, number, number, number];
      const [top, left, bottom, right] = [
        box[0] * (height - 1),
        box[1] * (width - 1),
        box[2] * (height - 1),
        box[3] * (width - 1),
      ].map(Math.trunc) as [number, number, number, number];
      if (top > bottom || left > right || top >= height || bottom < 0 || left >= width || right < 0) continue;
      const paint = (y: number, x: number): void => {
        if (y < 0 || y >= height || x < 0 || x >= width) return;
        out.set(
          (colors[b % colors.length] as readonly number[]).slice(0, channels),
          ((n * height + y) * width + x) * channels,
        );
      };
      for (let x = Math.max(left, 0); x <= Math.min(right, width - 1); x++) {
        paint(top, x);
        paint(bottom, x);
      }
      for (let y = Math.max(top, 0); y <= Math.min(bottom, height - 1); y++) {
        paint(y, left);
        paint(y, right);
      }
    }
  }
  return tensorOf(images.dtype, images.shape, out);
});

/** Given colours, a row each; none are the palette, and white in images of one channel. */
function colorsOf(input: Tensor | undefined, channels: number): readonly (readonly number[])[] {
  if (input !== undefined && elementCount(input.shape) > 0) {
    const [rows, width] = input.shape as [number, number];
    ensure(
      input.shape.length === 2 && width >= channels,
      () => `Expected colors to have at least ${channels} columns, got ${shapeText(input.shape)}`,
    );
    const values = realsOf(input);
    return Array.from({ length: rows }, (_, row) => [...values.subarray(row * width, (row + 1) * width)]);
  }
  return channels === 1 ? palette.map(() => [1]) : palette;
}

// ---- glimpses --------------------------------------------------------------------------------------------------

interface GlimpseOptions {
  readonly centered: boolean;
  readonly normalized: boolean;
  /**
   * V1 always takes the offset as the window's centre. V2 does so only if it is centered, and then takes it as
   * normalized; else it is the window's corner.
   */
  readonly version: 1 | 2;
}

/** Windows of a fixed size around offsets (y, x); what is outside the image is noise, here zeros. */
const glimpse = (version: 1 | 2): HostRow =>
  compute((node) => {
    const options: GlimpseOptions = {
      centered: node.attrs.bool("centered"),
      normalized: node.attrs.bool("normalized"),
      version,
    };
    return (input, size, offsets) => {
      requireImages(input);
      const [batch, height, width, channels] = input.shape as [number, number, number, number];
      ensure(
        offsets.shape.length === 2 && offsets.shape[0] === batch && offsets.shape[1] === 2,
        () => `offsets must have shape [${batch},2], got ${shapeText(offsets.shape)}`,
      );
      const [glimpseHeight, glimpseWidth] = sizeOf(size);
      const shape = [batch, glimpseHeight, glimpseWidth, channels];
      const [values, places] = [realsOf(input), realsOf(offsets)];
      const out = new Float32Array(countOf(shape));
      let at = 0;
      for (let n = 0; n < batch; n++) {
        const read = reader(values, { height, width, channels, start: n * height * width * channels });
        const top = corner(places[2 * n] as number, height, glimpseHeight, options);
        const left = corner(places[2 * n + 1] as number, width, glimpseWidth, options);
        for (let y = 0; y < glimpseHeight; y++) {
          for (let x = 0; x < glimpseWidth; x++) {
            for (let c = 0; c < channels; c++) out[at++] = read(top + y, left + x, c);
          }
        }
      }
      return { dtype: "float32", shape, data: out };
    };
  });

/** The first row or column of a window. */
function corner(offset: number, size: number, window: number, options: GlimpseOptions): number {
  const { centered, normalized, version } = options;
  if (version === 2) {
    const place = centered
      ? (offset * size) / 2 + size / 2 - window / 2
      : normalized
        ? offset * size
        : offset;
    return Math.trunc(place);
  }
  const place = normalized ? offset * size : offset;
  return Math.trunc((centered ? place / 2 + size / 2 : place) - window / 2);
}

export const warpingKernels: HostTable = {
  CropAndResize: cropAndResize,
  ImageProjectiveTransformV2: projective,
  ImageProjectiveTransformV3: projective,
  DrawBoundingBoxes: drawBoxes,
  DrawBoundingBoxesV2: drawBoxes,
  ExtractGlimpse: glimpse(1),
  ExtractGlimpseV2: glimpse(2),
};
