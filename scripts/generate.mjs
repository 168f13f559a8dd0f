// Makes packages/formats/src/protobuf/gen from packages/formats/protos. The result is checked in; CI runs this and
// fails when it differs.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
execFileSync(`${root}/node_modules/.bin/buf`, ["generate"], {
  cwd: `${root}/packages/formats`,
  env: { ...process.env, PATH: `${root}/node_modules/.bin:${process.env.PATH}` },
  stdio: "inherit",
});
