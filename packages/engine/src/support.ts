/** Which TensorFlow ops are supported, and how: read off the op tables. `servable ops` and docs/ops.md print it. */
import { opNames } from "@servable/formats";
import { hostRows } from "./ops/host/index.js";
import { onnxRows } from "./ops/onnx/index.js";
import { rowRules } from "./ops/rows/index.js";
import { shapeRows } from "./ops/shape/index.js";
import { spelledOutOps } from "./passes/spell-out.js";

export interface OpSupport {
  readonly op: string;
  /** ONNX Runtime can run it, at least in its common forms. */
  readonly onnx: boolean;
  /** TypeScript can run it. */
  readonly host: boolean;
  /** Its output shapes are inferred. */
  readonly shape: boolean;
  /** Rows of a batch can be followed through it. */
  readonly rows: boolean;
  /** It disappears while the graph is compiled. */
  readonly compiled: boolean;
}

/** Ops that passes replace before anything runs. */
const compiledOps: ReadonlySet<string> = new Set([
  ...["Const", "PartitionedCall", "StatefulPartitionedCall"],
  ...["If", "StatelessIf", "Case", "StatelessCase", "While", "StatelessWhile"],
  ...["Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond"],
  ...["RefSwitch", "RefMerge", "RefEnter", "RefExit", "RefNextIteration"],
  ...["Variable", "VariableV2", "Assign", "AssignAdd", "AssignSub", "IsVariableInitialized"],
  ...["ScatterUpdate", "ScatterAdd", "ScatterSub", "ScatterMul", "ScatterDiv", "ScatterMin", "ScatterMax"],
  ...["ScatterNdUpdate", "ScatterNdAdd", "ScatterNdSub", "ScatterNdMax", "ScatterNdMin"],
  ...["BatchFunction", ...spelledOutOps],
  ...["", "Write", "Read", "Gather", "Scatter", "Concat", "Split", "Size", "Close"].flatMap((part) =>
    ["", "V2", "V3"].map((version) => `TensorArray${part}${version}`),
  ),
]);

/**
 * Ops that we run and TensorFlow 2.21 doesn't, at least not on a CPU: its kernels are for other devices, or are gone. No
 * recorded answer vouches for them; they compute what their newer or smaller siblings do.
 */
export const withoutKernel: ReadonlySet<string> = new Set([
  ...["BatchFFT", "BatchFFT2D", "BatchFFT3D", "BatchIFFT", "BatchIFFT2D", "BatchIFFT3D"],
  ...["FFTND", "IFFTND", "RFFTND", "IRFFTND", "Conv2DBackpropInputV2", "Conv2DBackpropFilterV2"],
  ...["SegmentSumV2", "SegmentProdV2", "SegmentMinV2", "SegmentMaxV2"],
  ...["QuantizedConcatV2", "QuantizedReluX", "MutableDenseHashTable", "TopK"],
]);

/** Every TensorFlow op, in alphabetical order. */
export function opSupport(): OpSupport[] {
  return opNames()
    .sort()
    .map((op) => ({
      op,
      onnx: op in onnxRows,
      host: op in hostRows,
      shape: op in shapeRows,
      rows: op in rowRules,
      compiled: compiledOps.has(op),
    }));
}

export function isSupported({ onnx, host, compiled }: OpSupport): boolean {
  return onnx || host || compiled;
}
