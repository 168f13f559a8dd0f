/** What is known of every op's outputs before it runs, one file per category. */
import type { ShapeTable } from "../op-table.js";
import { arithmeticShapes } from "./arithmetic.js";
import { arrayShapes } from "./arrays.js";
import { imageShapes } from "./images.js";
import { matrixShapes } from "./matrices.js";
import { neuralShapes } from "./neural.js";
import { randomShapes } from "./random.js";
import { reductionShapes } from "./reductions.js";
import { slicingShapes } from "./slicing.js";
import { sparseShapes } from "./sparse.js";
import { stateShapes } from "./state.js";
import { stringShapes } from "./strings.js";
import { windowShapes } from "./windows.js";

export const shapeRows: ShapeTable = {
  ...arithmeticShapes,
  ...arrayShapes,
  ...imageShapes,
  ...matrixShapes,
  ...neuralShapes,
  ...randomShapes,
  ...reductionShapes,
  ...slicingShapes,
  ...sparseShapes,
  ...stateShapes,
  ...stringShapes,
  ...windowShapes,
};
