// Makes a Debian package of a folder that docker/assemble.mjs has filled:
//
//   node examples/cluster/docker/assemble.mjs /tmp/servable-app --arch=amd64
//   node examples/cluster/deb/build-deb.mjs /tmp/servable-app /tmp --arch=amd64
//
// It brings the commands servable and tensorflow_model_server, and a systemd unit. Node 20 or later must be there.
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const here = fileURLToPath(new URL(".", import.meta.url));

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { arch: { type: "string", default: "amd64" } },
});
const [app, output] = positionals;
if (app === undefined || output === undefined || !["amd64", "arm64"].includes(flags.arch)) {
  console.error("Usage: build-deb.mjs <assembled folder> <output folder> [--arch=amd64|arm64]");
  process.exit(1);
}

const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const tree = mkdtempSync(path.join(tmpdir(), "servable-deb-"));
try {
  const file = path.join(path.resolve(output), `servable_${version}_${flags.arch}.deb`);
  fill(tree);
  execFileSync("dpkg-deb", ["--build", "--root-owner-group", "-Zgzip", tree, file], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  console.log(`Wrote ${file}`);
} finally {
  rmSync(tree, { recursive: true });
}

function fill(tree) {
  const put = (name, text, mode = 0o644) => {
    const file = path.join(tree, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
  };
  chmodSync(tree, 0o755);
  cpSync(path.resolve(app), path.join(tree, "usr/lib/servable"), { recursive: true });
  for (const [command, program] of [
    ["servable", "servable.js"],
    ["tensorflow_model_server", "tensorflow-model-server.js"],
  ]) {
    const script = `/usr/lib/servable/packages/server/dist/bundle/${program}`;
    put(`usr/bin/${command}`, `#!/bin/sh\nexec node ${script} "$@"\n`, 0o755);
  }
  put("lib/systemd/system/servable.service", readFileSync(path.join(here, "servable.service")));
  put(
    "etc/default/servable",
    'FLAGS="--model_config_file=/etc/servable/models.config --rest_api_port=8501"\n',
  );
  put("etc/servable/models.config", "model_config_list {\n}\n");
  put("usr/share/doc/servable/copyright", readFileSync(path.join(root, "LICENSE")));
  put("usr/share/doc/servable/README.md", readFileSync(path.join(root, "README.md")));
  put("DEBIAN/conffiles", "/etc/default/servable\n/etc/servable/models.config\n");
  put(
    "DEBIAN/control",
    `Package: servable
Version: ${version}
Architecture: ${flags.arch}
Maintainer: Servable <servable@localhost>
Depends: nodejs (>= 20), libc6 (>= 2.28), libstdc++6
Conflicts: tensorflow-model-server, tensorflow-model-server-universal
Provides: tensorflow-model-server
Section: net
Priority: optional
Description: TensorFlow Serving, end to end, in TypeScript
 Serves TensorFlow models with TensorFlow Serving's own gRPC and REST APIs,
 flags, config files and model folders, with no TensorFlow inside.
`,
  );
}
