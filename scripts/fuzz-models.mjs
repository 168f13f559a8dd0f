// Loads many damaged models and lists those that crash, hang, take too much memory or end in anything but a clean error:
//   node scripts/fuzz-models.mjs --count=20000 --seed=1 [--first=0] [--jobs=1]
// Every case depends on its seed and index alone: --first=INDEX --count=1 repeats one. Damaged models are kept.
import { parseArgs } from "node:util";
import { fuzz } from "../packages/engine/dist/testing/hostile/fuzz.js";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    first: { type: "string", default: "0" },
    jobs: { type: "string", default: "1" },
  },
});
const [count, seed, first, jobs] = [values.count, values.seed, values.first, values.jobs].map(Number);

const share = Math.ceil(count / jobs);
let done = 0;
const results = await Promise.all(
  Array.from({ length: jobs }, (_, job) =>
    fuzz({
      seed,
      first: first + job * share,
      count: Math.max(0, Math.min(share, count - job * share)),
      withGolden: true,
      onFailure: ({ index, label, outcome, dir }) =>
        console.log(`\n#${index} ${outcome.kind}: ${label}\n  ${dir}\n  ${outcome.text}`),
      onProgress: () => {
        if (++done % 500 === 0) console.log(`${done} of ${count}`);
      },
    }),
  ),
);

const totals = {};
for (const result of results) {
  for (const [kind, number] of Object.entries(result)) totals[kind] = (totals[kind] ?? 0) + number;
}
console.log(totals);
const failures = count - totals.loaded - totals.refused;
process.exitCode = failures === 0 ? 0 : 1;
