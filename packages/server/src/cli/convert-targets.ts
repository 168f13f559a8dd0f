/** What `servable convert` can write: a row for each kind, which says from what it can be made. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { explainModel } from "@servable/engine";
import {
  type CheckpointReader,
  Code,
  copyTensors,
  createCheckpoint,
  failedPrecondition,
  freezeMetaGraph,
  GraphBuilder,
  isSavedModelFolder,
  type KerasModel,
  kerasToJson,
  kerasToYaml,
  SavedModelBuilder,
  SERVING_TAG,
  StatusError,
  saveFrozenGraph,
  unimplemented,
  writeGraphDef,
  writeKerasArchive,
  writeKerasHdf5,
  writeKerasSavedModel,
  writeKerasWeights,
} from "@servable/formats";
import type { GraphDef } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import type { Source } from "./convert-sources.js";

export interface TargetOptions {
  /** Of a frozen graph: names of the signature and tensors of the graph. */
  readonly inputs: Readonly<Record<string, string>> | undefined;
  readonly outputs: Readonly<Record<string, string>> | undefined;
  readonly signature: string;
  readonly checkpointVersion: "V1" | "V2";
}

interface TargetKind {
  readonly about: string;
  /** Ends of names that stand for it. */
  readonly endings: readonly string[];
  /** Writes it and says what was written. */
  readonly write: (source: Source, to: string, options: TargetOptions) => string;
}

export type TargetName =
  | "savedmodel"
  | "keras"
  | "hdf5"
  | "weights"
  | "json"
  | "yaml"
  | "frozen"
  | "checkpoint"
  | "onnx";

const kerasOnly =
  (what: string, write: (model: KerasModel, to: string) => void) =>
  (source: Source, to: string): string => {
    if (source.kind !== "keras") throw cannotBecome(source, what);
    write(source.model, to);
    return sizeText(to);
  };

/** All kinds by the names that --to takes. */
export const targetKinds: Readonly<Record<TargetName, TargetKind>> = {
  savedmodel: { about: "a SavedModel", endings: [], write: writeSavedModel },
  keras: {
    about: "a Keras archive",
    endings: [".keras"],
    write: kerasOnly("a Keras archive", writeKerasArchive),
  },
  weights: {
    about: "weights in HDF5",
    endings: [".weights.h5"],
    write: kerasOnly("Keras weights", (model, to) => writeKerasWeights(model, to)),
  },
  hdf5: {
    about: "a Keras model in HDF5",
    endings: [".h5", ".hdf5"],
    write: kerasOnly("a Keras model", writeKerasHdf5),
  },
  json: {
    about: "an architecture in JSON, without weights",
    endings: [".json"],
    write: kerasOnly("a Keras architecture", (model, to) => writeFileSync(to, kerasToJson(model))),
  },
  yaml: {
    about: "an architecture in YAML, without weights",
    endings: [".yaml", ".yml"],
    write: kerasOnly("a Keras architecture", (model, to) => writeFileSync(to, kerasToYaml(model))),
  },
  frozen: { about: "a frozen graph", endings: [".pb", ".pbtxt"], write: writeFrozen },
  checkpoint: { about: "a checkpoint", endings: [".ckpt"], write: writeCheckpoint },
  onnx: { about: "an ONNX model", endings: [".onnx"], write: writeOnnx },
};

export const TARGET_NAMES = Object.keys(targetKinds) as readonly TargetName[];

export function targetNamed(name: string): TargetName | undefined {
  return TARGET_NAMES.find((known) => known === name);
}

/** By the end of the name; without one a checkpoint becomes a checkpoint, anything else a SavedModel. */
export function targetOf(to: string, from: string): TargetName {
  const found = TARGET_NAMES.find((name) => targetKinds[name].endings.some((ending) => to.endsWith(ending)));
  return found ?? (from === "checkpoint" ? "checkpoint" : "savedmodel");
}

/**
 * ALREADY_EXISTS when there is something at the target and it may not be replaced; FAILED_PRECONDITION when that is a
 * folder with other things than a SavedModel in it.
 */
export function requireVacant(to: string, target: TargetName, mayReplace: boolean): void {
  const existing = target === "checkpoint" ? checkpointFiles(to) : existsSync(to) ? [to] : [];
  if (existing.length === 0) return;
  if (target === "savedmodel" && statSync(to).isDirectory() && readdirSync(to).length === 0) return;
  if (!mayReplace)
    throw new StatusError(Code.ALREADY_EXISTS, `${existing[0]} exists already: give --force to replace it`);
  const isFolder = statSync(existing[0] as string).isDirectory();
  if (isFolder && !(target === "savedmodel" && isSavedModelFolder(to))) {
    throw failedPrecondition(`${to} is a folder with other things in it: it is not replaced`);
  }
}

function checkpointFiles(prefix: string): string[] {
  const folder = path.dirname(prefix);
  if (!existsSync(folder)) return [];
  const name = path.basename(prefix);
  return readdirSync(folder)
    .filter((file) => file === name || file === `${name}.index` || file.startsWith(`${name}.data-`))
    .map((file) => path.join(folder, file));
}

function cannotBecome(source: Source, what: string): StatusError {
  return failedPrecondition(`${source.path} is ${source.about.split(",")[0]}, which can't become ${what}`);
}

// ---- SavedModels ---------------------------------------------------------------------------------------------

/** Into a folder beside it first, so that what is there stays until the new one is complete. */
function writeSavedModel(source: Source, to: string, options: TargetOptions): string {
  if (!isSavedModelFolder(to)) {
    mkdirSync(path.dirname(path.resolve(to)), { recursive: true });
    buildSavedModel(source, to, options);
    return sizeText(to);
  }
  const beside = path.join(path.dirname(path.resolve(to)), `.${path.basename(to)}.new-${process.pid}`);
  try {
    buildSavedModel(source, beside, options);
    rmSync(to, { recursive: true });
    renameSync(beside, to);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
  return sizeText(to);
}

function buildSavedModel(source: Source, to: string, options: TargetOptions): void {
  switch (source.kind) {
    case "keras":
      writeKerasSavedModel(source.model, to);
      return;
    case "saved model": {
      const builder = new SavedModelBuilder(to);
      builder.addMetaGraphAndVariables(
        [...(source.loaded.metaGraph.metaInfoDef?.tags ?? [SERVING_TAG])],
        source.loaded.parts(),
      );
      builder.save();
      return;
    }
    case "graph":
      graphToSavedModel(source, to, options);
      return;
    default:
      throw cannotBecome(source, "a SavedModel");
  }
}

function graphToSavedModel(
  source: Source & { readonly kind: "graph" },
  to: string,
  options: TargetOptions,
): void {
  const { metaGraph, graphDef } = source;
  if (metaGraph !== undefined && options.inputs === undefined && options.outputs === undefined) {
    const builder = new SavedModelBuilder(to);
    const graph = GraphBuilder.fromGraphDef(graphDef);
    builder.addMetaGraphAndVariables([SERVING_TAG], {
      graph,
      signatures: metaGraph.signatureDef,
      variables: new Map(),
    });
    builder.save();
    return;
  }
  saveFrozenGraph(
    graphDef,
    { inputs: options.inputs ?? placeholders(graphDef), outputs: options.outputs ?? unusedNodes(graphDef) },
    to,
  );
}

function placeholders({ node }: GraphDef): Record<string, string> {
  return Object.fromEntries(
    node.filter(({ op }) => op === "Placeholder").map(({ name }) => [name, `${name}:0`]),
  );
}

function unusedNodes({ node }: GraphDef): Record<string, string> {
  const used = new Set(node.flatMap(({ input }) => input.map((name) => name.replace(/^\^|:\d+$/g, ""))));
  const without = new Set(["Const", "NoOp", "Placeholder", "Assert"]);
  return Object.fromEntries(
    node.filter(({ name, op }) => !used.has(name) && !without.has(op)).map(({ name }) => [name, `${name}:0`]),
  );
}

// ---- graphs, checkpoints, ONNX -------------------------------------------------------------------------------

function writeFrozen(source: Source, to: string): string {
  writeGraphDef(to, frozenGraph(source));
  return sizeText(to);
}

function frozenGraph(source: Source): GraphDef {
  switch (source.kind) {
    case "keras": {
      const { graph, initializer } = source.model.toGraph();
      if (initializer !== undefined) {
        throw failedPrecondition(`${source.path} has vocabularies, whose tables a frozen graph can't fill`);
      }
      return graph.toGraphDef();
    }
    case "saved model":
      return freezeMetaGraph(source.loaded.metaGraph, source.loaded.variables);
    case "graph":
      return source.graphDef;
    default:
      throw cannotBecome(source, "a frozen graph");
  }
}

function writeCheckpoint(source: Source, to: string, { checkpointVersion: version }: TargetOptions): string {
  const reader = checkpointOf(source);
  const writer = createCheckpoint(to, { version });
  copyTensors(reader, writer);
  writer.finish();
  return `${reader.names().length} tensors`;
}

function checkpointOf(source: Source): CheckpointReader {
  if (source.kind === "checkpoint") return source.reader;
  if (source.kind === "saved model" && source.loaded.variables !== undefined) return source.loaded.variables;
  throw cannotBecome(source, "a checkpoint");
}

/** A signature that is one ONNX graph, as the compiler has it. */
function writeOnnx(source: Source, to: string, { signature: name }: TargetOptions): string {
  if (source.kind === "checkpoint") throw cannotBecome(source, "an ONNX model");
  const { signatures } = explainModel(source.path, {});
  const signature = signatures.find((each) => each.name === name);
  if (signature === undefined) {
    throw failedPrecondition(
      `${source.path} has no signature "${name}"; it has ${signatures.map((each) => each.name).join(", ")}`,
    );
  }
  if (signature.error !== undefined) throw signature.error;
  const [group, ...more] = signature.groups;
  if (group?.onnx === undefined || more.length > 0) {
    const host = signature.groups.flatMap(({ side, nodes }) =>
      side === "host" ? nodes.map(({ op }) => op) : [],
    );
    throw unimplemented(
      `${source.path}: signature "${name}" is not all ONNX: ${[...new Set(host)].slice(0, 8).join(", ")} run on the host`,
    );
  }
  const [first] = group.onnx.write(to);
  return sizeText(first ?? to);
}

function sizeText(to: string): string {
  const bytes = sizeOf(to);
  const units = ["bytes", "kB", "MB", "GB"];
  const power = bytes === 0 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  return `Done: ${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

function sizeOf(file: string): number {
  const stat = statSync(file);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(file).reduce((sum, name) => sum + sizeOf(path.join(file, name)), 0);
}
