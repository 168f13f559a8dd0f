import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const packages = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** What the source files of each folder must not import. npm workspaces would let any of it through. */
const forbidden: readonly { readonly folder: string; readonly imports: RegExp; readonly because: string }[] =
  [
    { folder: "formats/src", imports: /^@servable\/|onnxruntime|@grpc\//, because: "formats stands alone" },
    {
      folder: "client/src",
      imports: /^@servable\/(engine|server)|onnxruntime/,
      because: "a client installs no runtime",
    },
    {
      folder: "engine/src",
      imports: /^@servable\/(server|client)|@grpc\/|^node:(http|http2|net)$/,
      because: "the engine knows no RPC",
    },
    {
      folder: "server/src/core",
      imports: /^@servable\/engine|protobuf|\.\.\/(servables|sources|inference|grpc|rest|config|batching)\//,
      because: "the life cycle knows no TensorFlow and no wire",
    },
    {
      folder: "server/src/inference",
      imports: /\.\.\/(grpc|rest|cli)\//,
      because: "both APIs are over one implementation",
    },
    {
      folder: "engine/src/ops",
      imports: /\.\.\/(plan|passes)\//,
      because: "op rows are data that passes read",
    },
    {
      folder: "engine/src/graph",
      imports: /\.\.\/(plan|passes|ops|onnx|runtime)\//,
      because: "the graph is below the passes",
    },
  ];

/** The one file that may import a package. */
const onlyIn: Readonly<Record<string, string>> = { "onnxruntime-node": "engine/src/runtime/session.ts" };

function sourceFiles(folder: string): string[] {
  return readdirSync(path.join(packages, folder), { recursive: true, encoding: "utf8" })
    .filter(
      (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !/(^|\/)(gen|testing)\//.test(name),
    )
    .map((name) => path.join(folder, name));
}

function importsOf(file: string): string[] {
  // Without comments: an example in one imports what its reader would.
  const text = readFileSync(path.join(packages, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  return [...text.matchAll(/(?:from|import|import\.meta\.url\))\s*\(?"([^"]+)"/g)].map(
    (match) => match[1] as string,
  );
}

describe("Layers", () => {
  for (const { folder, imports, because } of forbidden) {
    it(`${folder}: ${because}`, () => {
      const wrong = sourceFiles(folder).flatMap((file) =>
        importsOf(file)
          .filter((name) => imports.test(name))
          .map((name) => `${file} imports ${name}`),
      );
      assert.deepEqual(wrong, []);
    });
  }

  for (const [name, home] of Object.entries(onlyIn)) {
    it(`${name} is met in one file`, () => {
      const everywhere = ["formats", "engine", "server", "client"].flatMap((each) =>
        sourceFiles(`${each}/src`),
      );
      const users = everywhere.filter((file) => importsOf(file).some((each) => each.startsWith(name)));
      assert.deepEqual(users, [home]);
    });
  }
});
