// Makes packages/formats/src/protobuf/gen from packages/formats/protos, and the messages of the example that has a
// service of its own. The result is checked in; CI runs this and fails when it differs.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
for (const folder of ["packages/formats", "examples/inception"]) {
  execFileSync(`${root}/node_modules/.bin/buf`, ["generate"], {
    cwd: `${root}/${folder}`,
    env: { ...process.env, PATH: `${root}/node_modules/.bin:${process.env.PATH}` },
    stdio: "inherit",
  });
}
