/** The URLs of TensorFlow Serving's REST API (docs: api_rest.md). */
import { type ModelTarget, targetVersion } from "../model-target.js";

/** `/v1/models/NAME`, with `/versions/N` or `/labels/L` when the target says which version. */
export function modelPath(target: ModelTarget): string {
  const version = targetVersion(target);
  const model = `/v1/models/${encodeURIComponent(target.model)}`;
  if (version !== undefined) return `${model}/versions/${version}`;
  return target.label === undefined ? model : `${model}/labels/${encodeURIComponent(target.label)}`;
}
