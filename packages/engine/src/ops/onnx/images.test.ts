import { describeRows } from "./testing/recorded-rows.js";

describeRows("images");
