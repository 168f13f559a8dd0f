import { describeRecorded } from "../testing/recorded-cases.js";
import { sparseKernels } from "./index.js";

describeRecorded("sparse", sparseKernels);
