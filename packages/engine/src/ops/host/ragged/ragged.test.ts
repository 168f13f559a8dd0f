import { describeRecorded } from "../testing/recorded-cases.js";
import { raggedKernels } from "./index.js";

describeRecorded("ragged", raggedKernels);
