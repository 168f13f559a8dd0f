/** Random numbers: most take the shape as an input. */
import type { ShapeRule, ShapeTable } from "../op-table.js";
import { shapeFromInput } from "./entries.js";
import { fixed, forAll } from "./families.js";
import { joined } from "./partial-shape.js";

/** The shape that an input holds. */
const shapeIn =
  (input: number): ShapeRule =>
  (node) => [shapeFromInput(node, input)];

/** The shape that an input holds, for each of the parameters of another. */
const perParameter =
  (shapeInput: number, parameters: number): ShapeRule =>
  (node) => [joined(shapeFromInput(node, shapeInput), node.shape(parameters))];

// biome-ignore format: a list of names
const shapeFirst = [
  "ParameterizedTruncatedNormal", "RandomStandardNormal", "RandomUniform", "RandomUniformInt",
  "StatelessParameterizedTruncatedNormal", "StatelessRandomBinomial", "StatelessRandomGammaV2", "StatelessRandomGammaV3",
  "StatelessRandomNormal", "StatelessRandomNormalV2", "StatelessRandomPoisson", "StatelessRandomUniform",
  "StatelessRandomUniformFullInt", "StatelessRandomUniformFullIntV2", "StatelessRandomUniformInt",
  "StatelessRandomUniformIntV2", "StatelessRandomUniformV2", "StatelessTruncatedNormal", "StatelessTruncatedNormalV2",
  "TruncatedNormal",
];

// biome-ignore format: a list of names
const shapeThird = [
  "StatefulRandomBinomial", "StatefulStandardNormalV2", "StatefulTruncatedNormal", "StatefulUniform",
  "StatefulUniformFullInt", "StatefulUniformInt",
];

export const randomShapes: ShapeTable = {
  ...forAll(shapeFirst, shapeIn(0)),
  ...forAll(shapeThird, shapeIn(2)),
  ...forAll(["RandomGamma", "RandomPoisson", "RandomPoissonV2"], perParameter(0, 1)),
  StatelessRandomGetKeyCounter: fixed([1], [2]),
  StatelessRandomGetKeyCounterAlg: fixed([1], [2], []),
  StatelessRandomGetAlg: fixed([]),
  RngReadAndSkip: fixed([3]),
  StatelessShuffle: (node) => [node.shape(0)],
  RandomIndexShuffle: (node) => [node.shape(0)],
};
