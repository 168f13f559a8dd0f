import { describeRecorded } from "../testing/recorded-cases.js";
import { stringKernels } from "./index.js";

describeRecorded("strings", stringKernels);
describeRecorded("unicode", stringKernels);
describeRecorded("decoding", stringKernels);
