import { describeRows } from "./testing/recorded-rows.js";

describeRows("reductions", {
  refused: [/^(Mean|Max|Min|ArgMax|ArgMin|TopKV2)\(uint64/, /^Cumprod/, /^Prod\(u?int\d+\[\d, \d\]/],
});
