import { decodeProtoKernels } from "./examples/decode-proto.js";
import { fileKernels } from "./files.js";
import { describeRecorded } from "./testing/recorded-cases.js";

describeRecorded("protos", { ...decodeProtoKernels, ...fileKernels });
