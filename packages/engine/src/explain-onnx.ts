/** What there is to say of a model that is ONNX already: it is one group, and nobody has compiled it. */
import { copyFileSync } from "node:fs";
import { DEFAULT_SERVING_SIGNATURE, decodeMessage, readWholeFile, type Signature } from "@servable/formats";
import {
  type GraphProto,
  ModelProtoSchema,
  type TensorProto,
} from "@servable/formats/protobuf/onnx/onnx-ml_pb";
import type { ExplainedGroup, ExplainedNode, ExplainedSignature, ExplainedTensor } from "./explain.js";
import type { LoadOptions } from "./model.js";
import { loadOnnxModel } from "./onnx-model.js";

/** A protocol buffer has at most 2 GiB. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** Its one signature. Errors as loadOnnxModel's, and DATA_LOSS for a file that is none. */
export function explainOnnxFile(file: string, options: LoadOptions): ExplainedSignature[] {
  const { graph } = decodeMessage(ModelProtoSchema, readWholeFile(file, MAX_FILE_BYTES), file);
  const model = loadOnnxModel(file, options);
  const signature = model.signatures.get(DEFAULT_SERVING_SIGNATURE) as Signature;
  const rowIndependence = model.rowIndependence(signature.name);
  model.close();
  const inputs = portsOf(signature.inputs);
  const outputs = portsOf(signature.outputs);
  const weights = graph?.initializer ?? [];
  const group: ExplainedGroup = {
    side: "onnx",
    nodes: graph === undefined ? [] : nodesOf(graph),
    onnx: { inputs, outputs, operators: countOperators(graph), write: (to) => copied(file, to) },
  };
  return [
    {
      name: signature.name,
      signature,
      inputs,
      outputs,
      constants: [],
      groups: [group],
      gaps: [],
      rowIndependence,
      weights: {
        count: weights.length,
        bytes: weights.reduce((sum, weight) => sum + bytesOf(weight), 0),
      },
    },
  ];
}

/** Elements lie in raw bytes, in the list of their type, or in another file. */
function bytesOf({
  rawData,
  floatData,
  int32Data,
  int64Data,
  doubleData,
  externalData,
}: TensorProto): number {
  const external = Number(externalData.find(({ key }) => key === "length")?.value ?? 0);
  const lists = 4 * (floatData.length + int32Data.length) + 8 * (int64Data.length + doubleData.length);
  return rawData.length + lists + external;
}

function copied(file: string, to: string): string[] {
  copyFileSync(file, to);
  return [to];
}

function portsOf(specs: Signature["inputs"]): ExplainedTensor[] {
  return [...specs].map(([name, { dtype, shape }]) => ({ name, type: dtype, shape }));
}

/** Nodes with the nodes that they read; types and shapes are left to ONNX Runtime. */
function nodesOf(graph: GraphProto): ExplainedNode[] {
  const names = graph.node.map(({ name, output }, i) => name || output[0] || `node_${i}`);
  const makers = new Map(
    graph.node.flatMap(({ output }, i) => output.map((value) => [value, names[i] as string] as const)),
  );
  const inputs = new Set(graph.input.map(({ name }) => name));
  return graph.node.map((node, i) => ({
    name: names[i] as string,
    op: node.opType,
    inputs: [
      ...new Set(node.input.flatMap((value) => makers.get(value) ?? (inputs.has(value) ? [value] : []))),
    ],
    controls: [],
    outputs: [],
    bodies: [],
  }));
}

function countOperators(
  graph: GraphProto | undefined,
  counts = new Map<string, number>(),
): Map<string, number> {
  for (const node of graph?.node ?? []) {
    counts.set(node.opType, (counts.get(node.opType) ?? 0) + 1);
    for (const attribute of node.attribute) countOperators(attribute.g, counts);
  }
  return counts;
}
