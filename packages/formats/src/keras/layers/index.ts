/** The layer table: every layer of Keras that can be served, by class. docs/reference/keras.md lists them. */
import type { KerasObject } from "../config.js";
import { isNetwork, networkRow } from "../network.js";
import { isOperation, operationRow } from "../operations.js";
import { activationRows } from "./activation.js";
import { attentionRows } from "./attention.js";
import { convolutionRows } from "./convolution.js";
import { coreRows } from "./core.js";
import { lookupRows } from "./lookup.js";
import { mergingRows } from "./merging.js";
import { normalizationRows } from "./normalization.js";
import { pictureRows } from "./pictures.js";
import { poolingRows } from "./pooling.js";
import { preprocessingRows } from "./preprocessing.js";
import { recurrentRows } from "./recurrent.js";
import { regularizationRows } from "./regularization.js";
import { reshapingRows } from "./reshaping.js";
import type { LayerRow, LayerTable } from "./row.js";
import { soundRows } from "./sound.js";

/** By category. */
export const layerTables: Readonly<Record<string, LayerTable>> = {
  core: coreRows,
  activations: activationRows,
  convolution: convolutionRows,
  pooling: poolingRows,
  recurrent: recurrentRows,
  attention: attentionRows,
  normalization: normalizationRows,
  regularization: regularizationRows,
  reshaping: reshapingRows,
  merging: mergingRows,
  preprocessing: { ...preprocessingRows, ...lookupRows, ...pictureRows, ...soundRows },
};

const rows: ReadonlyMap<string, LayerRow> = new Map(
  Object.values(layerTables).flatMap((table) => Object.entries(table)),
);

/** Keras's own packages; classes of others are custom, even under a known name. */
const ownRegistration = /^(keras|tf_keras|tensorflow)\b/;

/** The row of a layer, undefined for a custom one. */
export function layerRow(object: KerasObject): LayerRow | undefined {
  if (isCustom(object)) return undefined;
  if (isOperation(object)) return operationRow(object);
  return rows.get(object.className) ?? (isNetwork(object) ? networkRow : undefined);
}

function isCustom({ registeredName, module }: KerasObject): boolean {
  if (registeredName?.includes(">")) return !ownRegistration.test(registeredName);
  return module !== undefined && module !== "builtins" && !ownRegistration.test(module);
}
