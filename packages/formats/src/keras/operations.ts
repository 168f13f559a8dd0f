/**
 * Operations between layers of a Functional model: those of keras.ops (module keras.src.ops…), and what Keras 2 makes
 * of TensorFlow functions that are called on its tensors (TFOpLambda, SlicingOpLambda).
 */
import type { KerasObject } from "./config.js";
import type { LayerRow } from "./layers/row.js";
import { keras2Operations, kerasOperations } from "./operation-table.js";

const keras2Classes: ReadonlySet<string> = new Set(["TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"]);

/** Whether an object stands for an operation rather than a layer. HDF5 files do not say; layers have more to say. */
export function isOperation({ className, module, config }: KerasObject): boolean {
  if (keras2Classes.has(className)) return true;
  if (module !== undefined) return /^keras(\.src)?\.(ops|activations|backend)\b/.test(module);
  return Object.hasOwn(kerasOperations, className) && !("trainable" in config.values);
}

/** The row of an operation; undefined for those that have none. */
export function operationRow(object: KerasObject): LayerRow | undefined {
  if (object.className === "TFOpLambda") return keras2Operations(object.config.string("function", ""));
  if (object.className === "SlicingOpLambda") return keras2Operations("__operators__.getitem");
  return Object.hasOwn(kerasOperations, object.className) ? kerasOperations[object.className] : undefined;
}
