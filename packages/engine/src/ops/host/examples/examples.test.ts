import { describeRecorded } from "../testing/recorded-cases.js";
import { exampleKernels } from "./index.js";

describeRecorded("parse_example", exampleKernels);
