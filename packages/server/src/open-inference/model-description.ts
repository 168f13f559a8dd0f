/** What the server and its models say of themselves (document: Open Inference Protocol v2, "Server Metadata" and "Model Metadata"). */
import { readFileSync } from "node:fs";
import { DEFAULT_SERVING_SIGNATURE, type PartialShape, type TensorSpec } from "@servable/formats";
import type { ModelSpec } from "../inference/model-spec.js";
import type { ServerCore } from "../server-core.js";
import { datatypeText } from "./datatypes.js";

export interface ServerDescription {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

/** Read at the first question. */
let version: string | undefined;

export function describeServer(): ServerDescription {
  version ??= (
    JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
  ).version;
  return { name: "servable", version, extensions: ["binary_tensor_data"] };
}

export interface TensorDescription {
  readonly name: string;
  readonly datatype: string;
  /** -1 for a size that is not known; [-1] where not even their number is. */
  readonly shape: readonly number[];
}

export interface ModelDescription {
  readonly name: string;
  /** Those that answer, oldest first. */
  readonly versions: readonly string[];
  readonly platform: string;
  /** Of serving_default; empty for a model that has no such signature. */
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
  readonly properties: { readonly signature_names: string };
}

/** NOT_FOUND when no such version is available. */
export function describeModel(core: ServerCore, spec: ModelSpec): ModelDescription {
  const handle = core.handle(spec);
  try {
    const { signatures } = handle.servable;
    const signature = signatures.get(DEFAULT_SERVING_SIGNATURE);
    return {
      name: spec.name,
      versions: availableVersions(core, spec.name),
      platform: "tensorflow_savedmodel",
      inputs: describe(signature?.inputs),
      outputs: describe(signature?.outputs),
      properties: { signature_names: [...signatures.keys()].sort().join(",") },
    };
  } finally {
    handle.release();
  }
}

function availableVersions(core: ServerCore, name: string): string[] {
  return core.monitor
    .versions(name)
    .filter(({ state }) => state.kind === "available")
    .map(({ version }) => version)
    .sort((a, b) => (a < b ? -1 : 1))
    .map(String);
}

function describe(specs: ReadonlyMap<string, TensorSpec> = new Map()): TensorDescription[] {
  return [...specs].map(([name, { dtype, shape }]) => ({
    name,
    datatype: datatypeText(dtype),
    shape: sizesOf(shape),
  }));
}

function sizesOf(shape: PartialShape): readonly number[] {
  return shape ?? [-1];
}

/** Whether the version that the spec means, or any version when it means none, answers. NOT_FOUND for unknown ones. */
export function isModelReady(core: ServerCore, spec: ModelSpec): boolean {
  return core.status(spec).some(({ state }) => state.kind === "available");
}
