/**
 * Writes an OnnxGraph as a file that other programs open: with the weights inside, or, where a protocol buffer can't
 * hold them, in a second file beside it, `NAME.onnx.data` (external data of onnx/onnx-ml.proto).
 */
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { bytesOf, dtypeInfo, elementCount } from "@servable/formats";
import type { ConstantSource } from "../graph/constant.js";
import { subgraphs, writeModel } from "./model-writer.js";
import type { OnnxAttr, OnnxGraph } from "./onnx-graph.js";

/** Constants of up to this many bytes altogether are written inside. */
const MAX_INSIDE = 2 ** 30;

/** Writes the model; returns the paths of what was written. Codes of the file system's errors. */
export function writeModelFile(graph: OnnxGraph, file: string): string[] {
  const inside = sizeOf(graph) <= MAX_INSIDE;
  const data = inside ? undefined : `${file}.data`;
  const complete = data === undefined ? mapConstants(graph, withoutFile) : moveConstants(graph, data);
  writeFileSync(file, writeModel(complete).bytes);
  return data === undefined ? [file] : [file, data];
}

/** Bytes of all constants, also in the graphs of attributes. */
function sizeOf(graph: OnnxGraph): number {
  const own = [...graph.initializers.values()].map(
    ({ dtype, shape }) => elementCount(shape) * dtypeInfo(dtype).size,
  );
  return [...own, ...subgraphs(graph).map(sizeOf)].reduce((sum, size) => sum + size, 0);
}

/** The constants one after the other in a file. */
function moveConstants(graph: OnnxGraph, file: string): OnnxGraph {
  const descriptor = openSync(file, "w");
  let offset = 0;
  try {
    return mapConstants(graph, (constant) => {
      const value = constant.read();
      if (value.dtype === "string") return withoutFile(constant);
      const bytes = bytesOf(value.data);
      for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
      const external = { file, offset, length: bytes.length };
      offset += bytes.length;
      return { ...withoutFile(constant), external };
    });
  } finally {
    closeSync(descriptor);
  }
}

function withoutFile(constant: ConstantSource): ConstantSource {
  return { dtype: constant.dtype, shape: constant.shape, read: () => constant.read() };
}

function mapConstants(graph: OnnxGraph, map: (constant: ConstantSource) => ConstantSource): OnnxGraph {
  const mapAttr = (attr: OnnxAttr): OnnxAttr =>
    typeof attr === "object" && "graph" in attr ? { graph: mapConstants(attr.graph, map) } : attr;
  return {
    ...graph,
    initializers: new Map([...graph.initializers].map(([name, constant]) => [name, map(constant)])),
    ops: graph.ops.map((op) => ({
      ...op,
      attrs: Object.fromEntries(Object.entries(op.attrs).map(([name, attr]) => [name, mapAttr(attr)])),
    })),
  };
}
