import { describeRows } from "./testing/recorded-rows.js";

describeRows("shaping", {
  refused: [/^(DepthToSpace|SpaceToDepth)\(u?int64/],
  lenient: [/^Pad.*negative/, /^Pad\(float32\[\]/],
});
