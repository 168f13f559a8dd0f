import { describeRows } from "./testing/recorded-rows.js";

describeRows("slicing", {
  refused: [/^Unique(WithCounts)?\(float/],
  lenient: [/^Slice.*too long/, /^Slice\(float32\[\]/],
  indulgent: ["Slice"],
});
