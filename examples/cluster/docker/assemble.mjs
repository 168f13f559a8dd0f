// Puts what the server needs into a folder, for an image or a package: the joined program, and its dependencies without
// what other platforms need. After `npm run build`:
//
//   node examples/cluster/docker/assemble.mjs <folder> [--arch=amd64|arm64]
//
// It is installed afresh from the lock file, so what is in node_modules here does not matter.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const docker = fileURLToPath(new URL(".", import.meta.url));

/** How Node calls the architectures of images. */
const architectures = { amd64: "x64", arm64: "arm64" };
const own = Object.keys(architectures).find((name) => architectures[name] === process.arch);

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { arch: { type: "string", default: own ?? "amd64" } },
});
const [target] = positionals;
const arch = architectures[flags.arch];
if (target === undefined || arch === undefined) {
  console.error("Usage: assemble.mjs <folder> [--arch=amd64|arm64]");
  process.exit(1);
}
assemble(path.resolve(target));

function assemble(folder) {
  const work = mkdtempSync(path.join(tmpdir(), "servable-image-"));
  try {
    installDependencies(work);
    prune(path.join(work, "node_modules"));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    move(path.join(work, "node_modules"), path.join(folder, "node_modules"));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const server = path.join("packages", "server");
  const bundle = path.join(server, "dist", "bundle");
  for (const file of [
    path.join(server, "package.json"),
    ...programFiles(path.join(root, bundle)).map((name) => path.join(bundle, name)),
  ]) {
    cpSync(path.join(root, file), path.join(folder, file));
  }
  for (const name of ["entrypoint.mjs", "health.mjs"])
    cpSync(path.join(docker, name), path.join(folder, name));
}

/** The server's dependencies as the lock file has them, in a folder with nothing but the manifests. */
function installDependencies(work) {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const files = ["package.json", "package-lock.json", ".npmrc"];
  for (const file of [
    ...files,
    ...manifest.workspaces.map((workspace) => path.join(workspace, "package.json")),
  ]) {
    cpSync(path.join(root, file), path.join(work, file));
  }
  const npm = ["ci", "--omit=dev", "--workspace=packages/server", "--prefer-offline", "--no-progress"];
  execFileSync("npm", npm, { cwd: work, stdio: ["ignore", "ignore", "inherit"] });
}

/** The program's files: where it begins, and what these import. Builds before may have left others beside them. */
function programFiles(bundle) {
  const files = new Set(
    readdirSync(bundle).filter((name) => /\.js$/.test(name) && !/-[A-Z0-9]{8}\.js$/.test(name)),
  );
  for (const file of files) {
    const source = readFileSync(path.join(bundle, file), "utf8");
    for (const [, imported] of source.matchAll(/["'`]\.\/([\w.-]+\.js)["'`]/g)) {
      if (existsSync(path.join(bundle, imported))) files.add(imported);
    }
  }
  return [...files];
}

/** Takes out what is joined into the program already, and what other platforms and people would need. */
function prune(modules) {
  for (const name of ["@servable", ".bin", ".package-lock.json"]) {
    rmSync(path.join(modules, name), { recursive: true, force: true });
  }
  const runtime = path.join(modules, "onnxruntime-node", "bin");
  for (const api of readdirSync(runtime)) {
    for (const platform of readdirSync(path.join(runtime, api))) {
      for (const each of readdirSync(path.join(runtime, api, platform))) {
        if (platform === "linux" && each === arch) continue;
        rmSync(path.join(runtime, api, platform, each), { recursive: true });
      }
    }
  }
  for (const file of readdirSync(modules, { recursive: true })) {
    if (/\.(map|md|ts|cts|mts|pdb)$/i.test(file))
      rmSync(path.join(modules, file), { recursive: true, force: true });
  }
}

/** Folders may lie on different file systems. */
function move(from, to) {
  try {
    renameSync(from, to);
  } catch {
    cpSync(from, to, { recursive: true });
  }
}
