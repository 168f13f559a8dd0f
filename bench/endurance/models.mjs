/** Models of any size, made by the project's own SavedModelBuilder. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { GraphBuilder, predictSignatureDef, SavedModelBuilder, tensor } from "@servable/formats";

const FLOAT_BYTES = 4;

/**
 * Writes a version of a network of dense layers, y = relu(… relu(x W1) …), with about so many bytes of weights. It is
 * written beside the version folders and moved in, as one would deploy it.
 * @param {string} folder of the version folders
 * @param {number} version
 * @param {{ megabytes: number, width: number }} size width is that of a layer
 */
export function writeDense(folder, version, { megabytes, width }) {
  const layers = Math.max(1, Math.round((megabytes * 1e6) / (FLOAT_BYTES * width * width)));
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1, width], { name: "x" });
  /** @type {Map<string, import("@servable/formats").Tensor>} */
  const variables = new Map();
  let y = x;
  for (let layer = 0; layer < layers; layer++) {
    const name = `layer_${layer}/kernel`;
    const kernel = graph.variable("float32", [width, width], { name });
    variables.set(name, tensor("float32", [width, width], weights(width, layer + version)));
    y = graph.compute("Relu", [graph.compute("MatMul", [y, kernel.read()])]);
  }
  const staged = join(folder, "..", `staged-${version}`);
  const builder = new SavedModelBuilder(staged);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: { serving_default: predictSignatureDef({ x }, { y }) },
    variables,
  });
  builder.save();
  renameSync(staged, join(folder, String(version)));
}

/** Small, different and not compressible by anyone. @param {number} width @param {number} seed */
function weights(width, seed) {
  let state = seed + 1;
  return Float32Array.from({ length: width * width }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32 - 0.5) / width;
  });
}
