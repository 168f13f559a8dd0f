/**
 * Whether a graph convolves images of which nobody knows yet how many channels they have. The filter alone doesn't say
 * in how many groups the channels are convolved, and ONNX wants the number of groups when the plan is made.
 */
import { type Analyzed, knownOf } from "./analyze.js";

const convolutions = new Set(["Conv2D", "Conv3D"]);

export function convolvesUnknownChannels({ graph, known, bodies }: Analyzed): boolean {
  const here = graph.nodes.some((node) => {
    const [images] = node.inputs;
    if (!convolutions.has(node.op) || images === undefined) return false;
    const { shape } = knownOf(known, images);
    const axis = node.attrs.string("data_format").startsWith("NC") ? 1 : -1;
    return (shape?.at(axis) ?? -1) < 0;
  });
  return here || [...bodies.values()].flat().some(convolvesUnknownChannels);
}
