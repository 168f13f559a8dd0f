import { describeRows } from "./testing/recorded-rows.js";

describeRows("shaping", {
  lenient: [/^Pad.*negative/, /^Pad\(float32\[\]/],
  indulgent: ["BroadcastTo"],
});
