// Joins the server's program, its worker and the engine into a few files under packages/server/dist/bundle. Node spends
// most of a cold start opening hundreds of small modules; joined, the first answer comes about a quarter sooner and
// takes 20 MB less.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { seeThroughIndex } from "./see-through-index.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What is on the way to the first answer is joined; the rest stays in node_modules and is loaded when needed. */
const joined = /^(@servable\/.*|@bufbuild\/protobuf|@grpc\/grpc-js)$/;

const external = ["formats", "engine", "server"].flatMap((name) => {
  const manifest = JSON.parse(readFileSync(`${root}packages/${name}/package.json`, "utf8"));
  return Object.keys(manifest.dependencies ?? {}).filter((dependency) => !joined.test(dependency));
});

const outdir = "packages/server/dist/bundle";

const { metafile } = await build({
  absWorkingDir: root,
  metafile: true,
  entryPoints: {
    servable: "packages/server/dist/cli/main.js",
    "tensorflow-model-server": "packages/server/dist/cli/tensorflow-model-server.js",
    "worker-entry": "packages/server/dist/servables/worker-entry.js",
    "image-thread": "packages/server/dist/rest/images/image-thread.js",
    "codec-thread": "packages/engine/dist/ops/host/image-files/codec-thread.js",
    "hdf5-thread": "packages/formats/dist/hdf5/hdf5-thread.js",
  },
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  external,
  plugins: [
    seeThroughIndex(
      "@servable/formats",
      `${root}packages/formats/dist/index.js`,
      /packages\/(engine|server)\/dist\/.*\.js$/,
    ),
  ],
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: "linked",
  // CommonJS packages that are joined still call require.
  banner: {
    js: 'import { createRequire as bundledRequire } from "node:module"; const require = bundledRequire(import.meta.url);',
  },
});

// What an earlier build has left: names hold a hash of what is inside.
for (const name of readdirSync(join(root, outdir))) {
  const file = join(outdir, name);
  if (!(file in metafile.outputs)) rmSync(join(root, file), { recursive: true });
}
