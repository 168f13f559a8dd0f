import { stackKernels } from "./stacks.js";
import { describeRecorded } from "./testing/recorded-cases.js";

describeRecorded("stacks", stackKernels);
