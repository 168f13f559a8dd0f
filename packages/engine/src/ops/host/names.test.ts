import { hostRows } from "./index.js";
import { describeRecorded } from "./testing/recorded-cases.js";

describeRecorded("names", hostRows);
