// Puts the page that draws digits into a folder: its server joined into one file, and the files that it serves. After
// `npm run build`: node examples/cluster/docker/assemble-page.mjs <folder>
import { cpSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const examples = fileURLToPath(new URL("../..", import.meta.url));
const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error("Usage: assemble-page.mjs <folder>");
  process.exit(1);
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
await build({
  entryPoints: [path.join(examples, "mnist", "dist", "mnist_page.js")],
  outfile: path.join(folder, "dist", "mnist_page.js"),
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // The image asks a server that runs elsewhere.
  external: ["@servable/server"],
  minifySyntax: true,
  minifyWhitespace: true,
  banner: {
    js: 'import { createRequire as bundledRequire } from "node:module"; const require = bundledRequire(import.meta.url);',
  },
  logLevel: "error",
});
cpSync(path.join(examples, "mnist", "dist", "page"), path.join(folder, "dist", "page"), {
  recursive: true,
  filter: (source) => !/\.(map|d\.ts|tsbuildinfo)$/.test(source),
});
for (const example of ["mnist", "kit"]) {
  cpSync(path.join(examples, example, "src", "page"), path.join(folder, "src", "page"), {
    recursive: true,
    filter: (source) => !/\.(ts|json)$/.test(source),
  });
}
