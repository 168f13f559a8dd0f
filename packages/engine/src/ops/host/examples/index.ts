/** All rows of ops that parse tf.Examples and serialized tensors. */
import type { HostTable } from "../../op-table.js";
import { decodeProtoKernels } from "./decode-proto.js";
import { parseExampleKernels } from "./parse-example.js";
import { parseSequenceExampleKernels } from "./parse-sequence-example.js";
import { serializedTensorKernels } from "./serialized-tensors.js";

export const exampleKernels: HostTable = {
  ...decodeProtoKernels,
  ...parseExampleKernels,
  ...parseSequenceExampleKernels,
  ...serializedTensorKernels,
};
