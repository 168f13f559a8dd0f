/**
 * Docstrings with examples that are compiled and run. An example is what follows `@example` in a documentation comment
 * up to the next tag. It runs in a folder of its own, with `assert` (node:assert/strict), `fs`, `path`, `tmpdir`, the
 * blocking functions of node:fs and everything that the package exports at hand; anything else it imports itself.
 *
 * Works for any package of this repository: `publicSymbols` says what a package's index exports and where that is
 * declared, `compileExamples` type-checks all examples at once, `runExample` runs one of them.
 */
import { execFileSync } from "node:child_process";
import fs, { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const repositoryRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../..");

/** A function or class that a package's index exports. */
export interface PublicSymbol {
  readonly name: string;
  /** Relative to the package's `src`. */
  readonly file: string;
  readonly line: number;
  /** The text of the comment above the declaration without its frame; undefined where there is none. */
  readonly docstring?: string;
  /** The code after each `@example`. */
  readonly examples: readonly string[];
}

/**
 * The functions and classes that a package's index exports, with their docstrings.
 *
 * @param sources the package's `src` folder
 * @param index the module that the index is at run time, whose functions count
 */
export function publicSymbols(sources: string, index: Readonly<Record<string, unknown>>): PublicSymbol[] {
  const wanted = new Set(Object.keys(index).filter((name) => typeof index[name] === "function"));
  const found = sourceFiles(sources).flatMap((file) => declarations(sources, file, wanted));
  const missing = [...wanted].filter((name) => !found.some((symbol) => symbol.name === name));
  if (missing.length > 0)
    throw new Error(`Exported, but declared nowhere in ${sources}: ${missing.join(", ")}`);
  return found;
}

function sourceFiles(sources: string): string[] {
  return readdirSync(sources, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.ts$/.test(file) && !/\.test\.ts$|(^|[/\\])(gen|testing)[/\\]/.test(file))
    .sort();
}

const declaration = /^export (?:abstract )?(?:async )?(?:function\*?|class|const) (\w+)/gm;

function declarations(sources: string, file: string, wanted: ReadonlySet<string>): PublicSymbol[] {
  const text = readFileSync(path.join(sources, file), "utf8");
  const symbols = [...text.matchAll(declaration)].filter(([, name]) => wanted.has(name as string));
  // The first of several overloads has the comment.
  const firsts = symbols.filter(([, name], i) => symbols.findIndex(([, other]) => other === name) === i);
  return firsts.map((match) => {
    const name = match[1] as string;
    const before = text.slice(0, match.index);
    const docstring = docstringAtEnd(before);
    return {
      name,
      file,
      line: before.split("\n").length,
      ...(docstring !== undefined && { docstring }),
      examples: docstring === undefined ? [] : examplesIn(docstring),
    };
  });
}

/** The comment that a text ends with. */
function docstringAtEnd(text: string): string | undefined {
  const end = /\*\/\s*$/.exec(text);
  const start = end === null ? -1 : text.lastIndexOf("/**", end.index);
  if (end === null || start === -1) return undefined;
  const lines = text.slice(start + 3, end.index).split("\n");
  return lines
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")
    .trim();
}

function examplesIn(docstring: string): string[] {
  return docstring
    .split(/^(?=@)/m)
    .filter((section) => section.startsWith("@example"))
    .map((section) => section.slice("@example".length).trim());
}

/** An example, compiled. */
export interface CompiledExample {
  readonly symbol: PublicSymbol;
  readonly code: string;
  /** The module to run. */
  readonly module: string;
  /** An empty folder, in which it runs. */
  readonly folder: string;
}

/**
 * Compiles the examples of a package into a folder. Throws with the compiler's messages when one of them is wrong.
 *
 * @param packageName what the examples import from, such as "@servable/formats"
 */
export function compileExamples(
  symbols: readonly PublicSymbol[],
  packageName: string,
  exportedNames: readonly string[],
  folder: string,
): CompiledExample[] {
  symlinkSync(path.join(repositoryRoot, "node_modules"), path.join(folder, "node_modules"), "junction");
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(compilerOptions()));
  const compiled = symbols.flatMap((symbol) =>
    symbol.examples.map((code, i) => {
      const stem = `${symbol.name}${i === 0 ? "" : `-${i + 1}`}`;
      writeFileSync(path.join(folder, `${stem}.ts`), moduleText(code, packageName, exportedNames));
      const own = path.join(folder, "files", stem);
      mkdirSync(own, { recursive: true });
      return { symbol, code, module: path.join(folder, "compiled", `${stem}.js`), folder: own };
    }),
  );
  compile(folder);
  return compiled;
}

function compilerOptions() {
  return {
    extends: path.join(repositoryRoot, "tsconfig.base.json"),
    compilerOptions: {
      rootDir: ".",
      outDir: "compiled",
      typeRoots: [path.join(repositoryRoot, "node_modules/@types")],
      composite: false,
      declaration: false,
      sourceMap: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
    },
    include: ["*.ts"],
  };
}

/** The modules that an example may use without importing them. */
const builtIns: Readonly<Record<string, string>> = {
  assert: 'import assert from "node:assert/strict";',
  fs: 'import fs from "node:fs";',
  path: 'import path from "node:path";',
  tmpdir: 'import { tmpdir } from "node:os";',
};

/** Types of the package that examples use: unlike functions they can't be found at run time. */
const typeNames = ["Tensor", "TfliteTensor"];

/** An example as a module: imports for the names that it uses and doesn't import or declare itself. */
function moduleText(code: string, packageName: string, exportedNames: readonly string[]): string {
  const own = new Set(
    [...code.matchAll(/(?:const|let|function|class) (\w+)|import [^;]*? from/g)].flatMap(namesIn),
  );
  const used = new Set(code.match(/\b[A-Za-z_]\w*\b/g));
  const isFree = (name: string) => used.has(name) && !own.has(name);
  const types = typeNames.filter(isFree).map((name) => `type ${name}`);
  const imported = [...exportedNames.filter(isFree), ...types].sort();
  const lines = Object.entries(builtIns).flatMap(([name, line]) => (isFree(name) ? [line] : []));
  const blocking = Object.keys(fs).filter((name) => name.endsWith("Sync") && isFree(name));
  if (blocking.length > 0) lines.push(`import { ${blocking.join(", ")} } from "node:fs";`);
  if (imported.length > 0) lines.push(`import { ${imported.join(", ")} } from "${packageName}";`);
  return `${lines.join("\n")}\n${code}\nexport {};\n`;
}

function namesIn([text]: RegExpMatchArray): string[] {
  return text.match(/\b[A-Za-z_]\w*\b/g) ?? [];
}

function compile(folder: string): void {
  const compiler = path.join(repositoryRoot, "node_modules/typescript/bin/tsc");
  try {
    execFileSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8", stdio: "pipe" });
  } catch (reason) {
    const { stdout } = reason as { readonly stdout?: string };
    throw new Error(`Examples do not compile:\n${stdout ?? String(reason)}`);
  }
}

/** Runs an example in its folder, in this process; rejects with what it throws. */
export async function runExample({ module, folder }: CompiledExample): Promise<void> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    await import(module);
  } finally {
    process.chdir(before);
  }
}
