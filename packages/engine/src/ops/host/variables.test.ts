import { describeRecorded } from "./testing/recorded-cases.js";
import { variableKernels } from "./variables.js";

describeRecorded("variables", variableKernels);
