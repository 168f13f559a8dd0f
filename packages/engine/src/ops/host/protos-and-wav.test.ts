import { decodeProtoKernels } from "./examples/decode-proto.js";
import { describeRecorded } from "./testing/recorded-cases.js";
import { wavEncodingKernels } from "./wav-encoding.js";

describeRecorded("protos", { ...decodeProtoKernels, ...wavEncodingKernels });
