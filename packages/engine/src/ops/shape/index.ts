/** All rows of this aspect, one file per category. */
import type { ShapeTable } from "../op-table.js";

export const shapeRows: ShapeTable = {};
