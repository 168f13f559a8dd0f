import { describeRecorded } from "../testing/recorded-cases.js";
import { tableKernels } from "./tables.js";

describeRecorded("tables", tableKernels);
