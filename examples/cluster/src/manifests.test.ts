/** Manifests against Kubernetes' own schemas, as written, as kustomize makes them, and as the Helm chart does. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import * as apps from "kubernetes-models/apps/v1";
import * as autoscaling from "kubernetes-models/autoscaling/v2";
import * as policy from "kubernetes-models/policy/v1";
import * as core from "kubernetes-models/v1";
import { parse, parseAllDocuments } from "yaml";
import { isInstalled } from "./tools.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const inFolder = (...parts: string[]) => path.join(folder, ...parts);

/** An object of Kubernetes, as far as the tests look into it. */
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}

/** What has a `validate` that throws for what does not fit the schema. Each class takes a form of its own. */
type Model = new (data: never) => { validate(): void };

const models: Readonly<Record<string, Model>> = {
  "apps/v1 Deployment": apps.Deployment,
  "v1 ConfigMap": core.ConfigMap,
  "v1 Service": core.Service,
  "autoscaling/v2 HorizontalPodAutoscaler": autoscaling.HorizontalPodAutoscaler,
  "policy/v1 PodDisruptionBudget": policy.PodDisruptionBudget,
};

function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    assert.deepEqual(document.errors, []);
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}

function validate(manifest: Manifest): void {
  const kind = `${manifest.apiVersion} ${manifest.kind}`;
  const model = models[kind];
  assert.ok(model !== undefined, `there is no schema for ${kind}`);
  new model(manifest as never).validate();
}

/** Labels that a selector asks for are on the pods, and ports that are named exist there. */
function checkReferences(manifests: readonly Manifest[]): void {
  const find = <Spec>(kind: string) => manifests.find((each) => each.kind === kind)?.spec as Spec | undefined;
  const pods = find<{
    template: {
      metadata: { labels: Record<string, string> };
      spec: { containers: { ports: { name: string; containerPort: number }[] }[] };
    };
  }>("Deployment");
  const service = find<{
    selector: Record<string, string>;
    ports: { targetPort: string; port: number }[];
  }>("Service");
  const budget = find<{ selector: { matchLabels: Record<string, string> } }>("PodDisruptionBudget");
  const scaler = find<{ scaleTargetRef: { name: string } }>("HorizontalPodAutoscaler");
  assert.ok(pods !== undefined && service !== undefined);
  const { labels } = pods.template.metadata;
  for (const selector of [service.selector, budget?.selector.matchLabels ?? {}]) {
    for (const [name, value] of Object.entries(selector)) assert.equal(labels[name], value, name);
  }
  const ports = new Map(
    pods.template.spec.containers[0]?.ports.map(({ name, containerPort }) => [name, containerPort]),
  );
  for (const { targetPort, port } of service.ports) assert.equal(ports.get(targetPort), port);
  if (scaler !== undefined) {
    assert.equal(
      scaler.scaleTargetRef.name,
      manifests.find(({ kind }) => kind === "Deployment")?.metadata.name,
    );
  }
}

const kindsOf = (manifests: readonly Manifest[]) => manifests.map(({ kind }) => kind).sort();
const ALL_KINDS = ["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"];

describe("the Kubernetes manifests", () => {
  const files = readdirSync(inFolder("k8s", "base")).filter((name) => name !== "kustomization.yaml");
  const base = files.flatMap((name) => readManifests(readFileSync(inFolder("k8s", "base", name), "utf8")));

  for (const manifest of base) {
    it(`${manifest.kind} fits its schema`, () => validate(manifest));
  }

  it("belong together", () => {
    assert.deepEqual(kindsOf(base), ALL_KINDS);
    checkReferences(base);
  });

  it("are told apart from wrong ones by the schemas", () => {
    const [first] = base;
    assert.throws(
      () => validate({ ...first, spec: { replicas: "three" } } as Manifest),
      /replicas|spec|selector/,
    );
  });
});

describe("the overlays", { skip: isInstalled("kubectl") ? false : "kubectl is not installed" }, () => {
  const build = (overlay: string) =>
    readManifests(
      execFileSync("kubectl", ["kustomize", inFolder("k8s", "overlays", overlay)], { encoding: "utf8" }),
    );
  const expected: Readonly<Record<string, { kinds: readonly string[]; replicas: number; service: string }>> =
    {
      development: { kinds: ["ConfigMap", "Deployment", "Service"], replicas: 1, service: "ClusterIP" },
      production: { kinds: ALL_KINDS, replicas: 3, service: "LoadBalancer" },
    };
  for (const [overlay, { kinds, replicas, service }] of Object.entries(expected)) {
    it(`give valid manifests: ${overlay}`, () => {
      const manifests = build(overlay);
      for (const manifest of manifests) validate(manifest);
      checkReferences(manifests);
      assert.deepEqual(kindsOf(manifests), kinds);
      const spec = (kind: string) => manifests.find((each) => each.kind === kind)?.spec;
      assert.equal(spec("Deployment")?.replicas, replicas);
      assert.equal(spec("Service")?.type, service);
    });
  }
});

describe("the Helm chart", () => {
  const chart = inFolder("helm", "servable");

  it("has values that are all used, and used values that are all there", () => {
    const templates = readdirSync(path.join(chart, "templates"))
      .map((name) => readFileSync(path.join(chart, "templates", name), "utf8"))
      .join("\n");
    const used = new Set([...templates.matchAll(/\.Values\.([\w.]+)/g)].map(([, name]) => name));
    const paths = (value: unknown, prefix: string): string[] =>
      typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
        ? Object.entries(value).flatMap(([key, inner]) =>
            paths(inner, prefix === "" ? key : `${prefix}.${key}`),
          )
        : [prefix];
    const values = paths(parse(readFileSync(path.join(chart, "values.yaml"), "utf8")), "");
    const isCovered = (name: string) =>
      values.some((value) => value === name || value.startsWith(`${name}.`));
    for (const name of used) assert.ok(isCovered(name as string), `values.yaml lacks ${name}`);
    for (const value of values) {
      assert.ok(
        [...used].some((name) => value === name || value.startsWith(`${name}.`)),
        `${value} is not used`,
      );
    }
  });

  describe("with helm", { skip: isInstalled("helm") ? false : "helm is not installed" }, () => {
    const render = (...values: string[]) =>
      readManifests(
        execFileSync("helm", ["template", "models", chart, ...values.flatMap((value) => ["--set", value])], {
          encoding: "utf8",
        }),
      );

    const cases: [what: string, values: string[], kinds: readonly string[]][] = [
      ["as it is", [], ALL_KINDS],
      [
        "without scaling and budget",
        ["autoscaling.enabled=false", "podDisruptionBudget.enabled=false"],
        ["ConfigMap", "Deployment", "Service"],
      ],
      [
        "with models on a volume",
        ["model.name=mnist", "model.existingClaim=models", "extraArgs[0]=--enable_batching=true"],
        ALL_KINDS,
      ],
    ];
    for (const [what, values, kinds] of cases) {
      it(`renders valid manifests, ${what}`, () => {
        const manifests = render(...values);
        for (const manifest of manifests) validate(manifest);
        checkReferences(manifests);
        assert.deepEqual(kindsOf(manifests), kinds);
      });
    }

    it("refuses values that are none", () => {
      assert.throws(() => render("service.type=Nonsense"), /service/);
    });
  });
});

describe("the KServe runtime", () => {
  const [runtime, service] = readManifests(readFileSync(inFolder("kserve", "serving-runtime.yaml"), "utf8"));

  it("is what its InferenceService asks for", () => {
    assert.ok(runtime !== undefined && service !== undefined);
    assert.deepEqual([runtime.kind, service.kind], ["ServingRuntime", "InferenceService"]);
    const { model } = service.spec.predictor as { model: { runtime: string; modelFormat: { name: string } } };
    assert.equal(model.runtime, runtime.metadata.name);
    const formats = runtime.spec.supportedModelFormats as { name: string }[];
    assert.ok(formats.some(({ name }) => name === model.modelFormat.name));
  });

  it("declares both protocols over both transports", () => {
    assert.deepEqual(runtime?.spec.protocolVersions, ["v1", "v2", "grpc-v1", "grpc-v2"]);
  });
});
