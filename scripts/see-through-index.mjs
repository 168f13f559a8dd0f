// An esbuild plugin: imports from a package's index become imports from the modules that define the names. esbuild takes
// an index for one piece, and whoever needs one name of it would load all of what others need.
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * @param {string} specifier of the package
 * @param {string} index its file
 * @param {RegExp} importers whose imports are rewritten
 */
export function seeThroughIndex(specifier, index, importers) {
  const statement = new RegExp(String.raw`import\s*\{([^}]*)\}\s*from\s*"${specifier}";`, "g");
  return {
    name: "see-through-index",
    async setup(build) {
      const files = await definingFiles(index);
      build.onLoad({ filter: importers }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        return { contents: source.replaceAll(statement, (_, names) => direct(names, files)) };
      });
    },
  };
}

/** The modules behind an index, by the names that they export. */
async function definingFiles(index) {
  const files = new Map();
  for (const [, from] of readFileSync(index, "utf8").matchAll(/export [^;]* from "(\.[^"]*)";/g)) {
    const file = resolve(dirname(index), from);
    for (const name of Object.keys(await import(file))) files.set(name, file);
  }
  return files;
}

/** One import for each name; a line each would move the lines of the source map. */
function direct(names, files) {
  return names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .map((name) => {
      const file = files.get(name.split(/\s+as\s+/)[0]);
      if (file === undefined) throw new Error(`no module of the index exports ${name}`);
      return `import { ${name} } from ${JSON.stringify(file)};`;
    })
    .join(" ");
}
