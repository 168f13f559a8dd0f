/** Layers that do something in training only: at inference they pass their input on. */
import type { LayerRow, LayerTable } from "./row.js";

const passing: LayerRow = { passesMask: true, call: (_, args) => [args.input] };
/** Pictures come out as floats, as they do in training. */
const passingPictures: LayerRow = {
  call: (layer, args) => [{ output: layer.n.cast(args.input.output, layer.dtype) }],
};

const noise = `Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout
  ActivityRegularization`;
const augmentation = `RandomFlip RandomRotation RandomZoom RandomTranslation RandomContrast RandomBrightness
  RandomHeight RandomWidth RandomShear RandomColorDegeneration RandomColorJitter RandomErasing RandomGaussianBlur
  RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomSaturation RandomSharpness
  RandomElasticTransform RandAugment AugMix CutMix MixUp Solarization Equalization`;

const rowsOf = (names: string, row: LayerRow): LayerTable =>
  Object.fromEntries(names.split(/\s+/).map((name) => [name, row]));

export const regularizationRows: LayerTable = {
  ...rowsOf(noise, passing),
  ...rowsOf(augmentation, passingPictures),
};
