import { describeRecorded } from "../testing/recorded-cases.js";
import { tableRows } from "./tables.js";

describeRecorded("tables", tableRows);
