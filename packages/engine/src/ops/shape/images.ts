/** Image decoding, resizing, colour, boxes. Images are [batch, height, width, channels]. */
import type { ShapeContext, ShapeRule, ShapeTable } from "../op-table.js";
import { scalarEntry, vectorEntries } from "./entries.js";
import { forAll, sameAsInput, scalars } from "./families.js";
import { mergeSizes, sizeFrom, UNKNOWN, withRank, withSize } from "./partial-shape.js";

/** Height and width from a vector input of two entries. */
function sizeInput(node: ShapeContext, input: number): [number, number] {
  const entries = vectorEntries(node, input);
  const at = (i: number) => Math.max(entries?.[i] ?? UNKNOWN, UNKNOWN);
  return [at(0), at(1)];
}

/** Images brought to the size in input 1. */
const resize: ShapeRule = (node) => {
  const [batch = UNKNOWN, , , channels = UNKNOWN] = withRank(node.shape(0), 4);
  return [[batch, ...sizeInput(node, 1), channels]];
};

/** Images brought to the size in input 2. */
const project: ShapeRule = (node) => {
  const [batch = UNKNOWN, , , channels = UNKNOWN] = withRank(node.shape(0), 4);
  return [[batch, ...sizeInput(node, 2), channels]];
};

const cropAndResize: ShapeRule = (node) => {
  const boxes = mergeSizes(withRank(node.shape(1), 2)[0] as number, withRank(node.shape(2), 1)[0] as number);
  return [[boxes, ...sizeInput(node, 3), withRank(node.shape(0), 4)[3] as number]];
};

/** One image; 0 channels means as many as the file has. */
const decodedImage: ShapeRule = (node) => [[UNKNOWN, UNKNOWN, channelsAttr(node)]];

/** With animations expanded the result may have one axis more. */
const decodedAny: ShapeRule = (node) =>
  node.attrs.bool("expand_animations") ? [null] : [[UNKNOWN, UNKNOWN, channelsAttr(node)]];

function channelsAttr(node: ShapeContext): number {
  return node.attrs.int("channels") || UNKNOWN;
}

/** Height and width that the crop window, input 1, asks for. */
const decodedCrop: ShapeRule = (node) => {
  const crop = vectorEntries(node, 1);
  return [[crop?.[2] ?? UNKNOWN, crop?.[3] ?? UNKNOWN, channelsAttr(node)]];
};

/** Colours: the last axis has three entries. */
const threeChannels: ShapeRule = (node) => {
  const shape = node.shape(0);
  return [shape === null || shape.length === 0 ? null : withSize(shape, shape.length - 1, 3)];
};

const glimpse: ShapeRule = (node) => {
  const input = withRank(node.shape(0), 4);
  const batch = mergeSizes(input[0] as number, withRank(node.shape(2), 2)[0] as number);
  return [[batch, ...sizeInput(node, 1), input[3] as number]];
};

/** Indices of the boxes kept: at most as many as asked. */
const suppressed: ShapeRule = () => [[UNKNOWN]];

/** The same with scores, perhaps, and at last how many there are; the length is known where the op pads to it. */
const suppressedPadded: ShapeRule = (node) => {
  const padded = node.attrs.bool("pad_to_max_output_size");
  const length = padded ? (scalarEntry(node, 2) ?? UNKNOWN) : UNKNOWN;
  return node.outputTypes.map((_, i) => (i === node.outputTypes.length - 1 ? [] : [length]));
};

/** Boxes, scores, classes and a count per image. */
const suppressedPerClass: ShapeRule = (node) => {
  const scores = withRank(node.shape(1), 3);
  const batch = mergeSizes(withRank(node.shape(0), 4)[0] as number, scores[0] as number);
  const [perClass, total] = [scalarEntry(node, 2) ?? UNKNOWN, scalarEntry(node, 3) ?? UNKNOWN];
  const kept = node.attrs.bool("pad_per_class")
    ? sizeFrom([perClass, total, scores[2] as number], (each, all, classes) => Math.min(all, each * classes))
    : total;
  return [[batch, kept, 4], [batch, kept], [batch, kept], [batch]];
};

export const imageShapes: ShapeTable = {
  ...forAll(
    [
      "ResizeArea",
      "ResizeBicubic",
      "ResizeBilinear",
      "ResizeNearestNeighbor",
      "QuantizedResizeBilinear",
    ].concat(["ScaleAndTranslate"]),
    resize,
  ),
  ...forAll(["ImageProjectiveTransformV2", "ImageProjectiveTransformV3"], project),
  CropAndResize: cropAndResize,
  ...forAll(["DecodeJpeg", "DecodePng", "DecodeBmp"], decodedImage),
  DecodeImage: decodedAny,
  DecodeAndCropJpeg: decodedCrop,
  DecodeGif: () => [[UNKNOWN, UNKNOWN, UNKNOWN, 3]],
  DecodeWebP: decodedAny,
  EncodePng: (node) => [node.shape(0)?.slice(0, -3) ?? null],
  ...forAll(["EncodeJpeg", "EncodeJpegVariableQuality"], scalars),
  ExtractJpegShape: () => [[3]],
  ...forAll(["AdjustContrastv2", "AdjustHue", "AdjustSaturation"], sameAsInput),
  ...forAll(["HSVToRGB", "RGBToHSV"], threeChannels),
  ...forAll(["DrawBoundingBoxes", "DrawBoundingBoxesV2"], sameAsInput),
  ...forAll(["ExtractGlimpse", "ExtractGlimpseV2"], glimpse),
  ...forAll(["NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3"], suppressed),
  ...forAll(["NonMaxSuppressionV4", "NonMaxSuppressionV5"], suppressedPadded),
  CombinedNonMaxSuppression: suppressedPerClass,
  ...forAll(["SampleDistortedBoundingBox", "SampleDistortedBoundingBoxV2"], () => [[3], [3], [1, 1, 4]]),
};
