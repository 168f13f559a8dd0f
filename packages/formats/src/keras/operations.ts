/**
 * Operations between layers of a Functional model: those of keras.ops (module keras.src.ops…), and what Keras 2 makes
 * of TensorFlow functions that are called on its tensors (TFOpLambda, SlicingOpLambda).
 */
import type { KerasObject } from "./config.js";
import type { LayerRow } from "./layers/row.js";
import { keras2Operations, kerasOperations } from "./operation-table.js";

/** Whether an object stands for an operation rather than a layer. */
export function isOperation({ className, module }: KerasObject): boolean {
  if (className === "TFOpLambda" || className === "SlicingOpLambda" || className === "TensorFlowOpLayer")
    return true;
  return module !== undefined && /^keras(\.src)?\.(ops|activations|backend)\b/.test(module);
}

/** The row of an operation; undefined for those that have none. */
export function operationRow(object: KerasObject): LayerRow | undefined {
  if (object.className === "TFOpLambda") return keras2Operations(object.config.string("function", ""));
  if (object.className === "SlicingOpLambda") return keras2Operations("__operators__.getitem");
  return Object.hasOwn(kerasOperations, object.className) ? kerasOperations[object.className] : undefined;
}
