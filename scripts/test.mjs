// Runs every compiled test file with Node's own test runner. Arguments pick the files whose path contains one of them.
import { readdirSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv.slice(2);

const files = ["packages", "examples", "conformance", "bench"].flatMap((top) =>
  readdirSync(`${root}${top}`, { recursive: true })
    .map((name) => `${root}${top}/${name}`)
    .filter((path) => /\.test\.m?js$/.test(path) && !path.includes("node_modules"))
    .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part))),
);

if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(", ") || "anything"}`);
  process.exit(1);
}

run({ files: files.sort(), concurrency: 2, timeout: 600_000 })
  .on("test:fail", () => {
    process.exitCode = 1;
  })
  .compose(new spec())
  .pipe(process.stdout);
