/** The compose file, the dashboard and the flags that all of them give the server. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const folder = fileURLToPath(new URL("..", import.meta.url));
const root = path.join(folder, "..", "..");
const composeFolder = path.join(folder, "compose");

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string };
        readonly volumes?: readonly string[];
        readonly depends_on?: object;
      }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

describe("the compose file", () => {
  const compose = parse(readFileSync(path.join(composeFolder, "compose.yaml"), "utf8")) as Compose;

  it("has server, page, Prometheus and Grafana", () => {
    assert.deepEqual(Object.keys(compose.services), ["models", "page", "prometheus", "grafana"]);
  });

  it("mounts files that are there", () => {
    for (const { volumes = [] } of Object.values(compose.services)) {
      for (const volume of volumes) {
        const [source = ""] = volume.split(":");
        const isThere = source.startsWith(".")
          ? existsSync(path.join(composeFolder, source))
          : Object.hasOwn(compose.volumes, source);
        assert.ok(isThere, volume);
      }
    }
  });

  it("builds stages of the Dockerfile, which copies what is there", () => {
    for (const { build } of Object.values(compose.services)) {
      if (build === undefined) continue;
      const dockerfile = readFileSync(path.join(composeFolder, build.context, build.dockerfile), "utf8");
      assert.match(dockerfile, new RegExp(`^FROM .* AS ${build.target}$`, "m"));
      for (const [, script = ""] of dockerfile.matchAll(/^RUN node (\S+)/gm)) {
        assert.ok(existsSync(path.join(root, script)), script);
      }
    }
  });
});

describe("the Grafana dashboard", () => {
  const file = path.join(composeFolder, "grafana", "dashboards", "servable.json");
  const dashboard = JSON.parse(readFileSync(file, "utf8")) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  const documented = readFileSync(path.join(root, "docs", "reference", "metrics.md"), "utf8");

  for (const { title, targets } of dashboard.panels) {
    it(`asks for metrics that there are: ${title}`, () => {
      for (const { expr } of targets) {
        const quoted = [...expr.matchAll(/__name__="([^"]+)"/g)].map(([, name = ""]) => name);
        const bare = [...expr.matchAll(/\b(servable_\w+)/g)].map(([, name = ""]) => name);
        const names = [...quoted, ...bare].map((name) => name.replace(/_bucket$/, ""));
        assert.ok(names.length > 0 || /process_/.test(expr), expr);
        for (const name of names) assert.ok(documented.includes(`\`${name}\``), name);
      }
    });
  }
});

describe("every flag that a file here gives the server", () => {
  const help = execFileSync(
    process.execPath,
    [path.join(root, "packages/server/dist/cli/main.js"), "serve", "--help"],
    {
      encoding: "utf8",
    },
  );
  const files = (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => /\.(yaml|mjs|service)$/.test(name) && !/^(dist|src|node_modules)/.test(name))
    .filter((name) => statSync(path.join(folder, name)).isFile());
  const flags = files.flatMap((name) => {
    const text = readFileSync(path.join(folder, name), "utf8");
    return [...text.matchAll(/--([a-z]+_[a-z_]+)=/g)].map(([, flag = ""]) => [flag, name] as const);
  });
  for (const [flag, name] of new Map(flags)) {
    it(`is one: --${flag} (${name})`, () => assert.match(help, new RegExp(`--${flag}\\b`)));
  }
});
