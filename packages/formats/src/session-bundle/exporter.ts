/**
 * Writes SessionBundles, the exports that TensorFlow Serving loaded before there were SavedModels (see reader.ts), for
 * consumers that still expect them. After tensorflow/contrib/session_bundle/exporter.py.
 *
 *     const exporter = new Exporter(new Saver(graph, values));
 *     exporter.init({ namedGraphSignatures: { inputs: genericSignature({ x }), outputs: genericSignature({ y }) } });
 *     exporter.export("/models/half_plus_two", 123); // /models/half_plus_two/00000123
 *
 * All is written into a folder beside the export and moved into place as the last step.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { copyToDisk, syncFolder, writeNewFile } from "../checkpoint/new-file.js";
import type { Asset } from "../graph-builder/asset.js";
import type { Operation } from "../graph-builder/operation.js";
import { type GraphDef, GraphDefSchema } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import {
  type CollectionDef,
  CollectionDefSchema,
  type MetaGraphDef,
  MetaGraphDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import {
  AssetFileSchema,
  type Signature,
  SignaturesSchema,
} from "../protobuf/gen/tensorflow_serving/session_bundle/manifest_pb.js";
import { collections } from "../saved-model/build-meta-graph.js";
import { Code, failedPrecondition, invalidArgument, StatusError } from "../status.js";
import {
  ASSETS_COLLECTION,
  ASSETS_FOLDER,
  CHECKPOINT_NAME,
  GRAPH_COLLECTION,
  INIT_OP_COLLECTION,
  META_GRAPH_FILE,
  SIGNATURES_COLLECTION,
  VERSION_DIGITS,
} from "./folder.js";
import type { Saver } from "./saver.js";

/** What an export has beside the saver's graph and variables. */
export interface ExporterInit {
  /** A graph to serve in place of the saver's own, in which the saver's operations must be too. */
  readonly graphDef?: GraphDef;
  /** Runs when the variables are restored; fills tables, for example. */
  readonly initOp?: Operation;
  /** Leave out on which devices nodes were placed; false by default. */
  readonly clearDevices?: boolean;
  readonly defaultGraphSignature?: Signature;
  readonly namedGraphSignatures?: Readonly<Record<string, Signature>>;
  /** Files that go with the export; by default the assets of the saver's graph. */
  readonly assets?: readonly Asset[];
}

/** A version in the folder of exports. */
export interface ExportedVersion {
  readonly path: string;
  readonly exportVersion: number;
}

export interface ExportOptions {
  /** Chooses, of all versions that are there after the export, those that stay; by default all do. */
  readonly exportsToKeep?: (exports: readonly ExportedVersion[]) => readonly ExportedVersion[];
}

/**
 * Keeps the `count` exports with the largest versions.
 *
 * @example
 * const exports = [1, 3, 2].map((exportVersion) => ({ path: String(exportVersion), exportVersion }));
 * assert.deepEqual(largestExportVersions(2)(exports).map(({ path }) => path), ["3", "2"]);
 */
export function largestExportVersions(count: number): NonNullable<ExportOptions["exportsToKeep"]> {
  return (exports) => [...exports].sort((a, b) => b.exportVersion - a.exportVersion).slice(0, count);
}

/**
 * Exports a graph and its variables as a SessionBundle.
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("float32", [-1], { name: "x" });
 * const a = graph.variable("float32", [], { name: "a" });
 * const y = graph.compute("Mul", [x, a.read()], {}, { name: "y" });
 * const values = new Map<string, Tensor>([["a", tensor("float32", [], Float32Array.of(0.5))]]);
 * const exporter = new Exporter(new Saver(graph, values));
 * exporter.init({ namedGraphSignatures: { inputs: genericSignature({ x }), outputs: genericSignature({ y }) } });
 * assert.equal(exporter.export("exports", 123), path.join("exports", "00000123"));
 */
export class Exporter {
  private parts: ExporterInit | undefined;

  constructor(private readonly saver: Saver) {}

  /** Says what to export. FAILED_PRECONDITION when called twice; INVALID_ARGUMENT for an init op of another graph. */
  init(parts: ExporterInit = {}): void {
    if (this.parts !== undefined) throw failedPrecondition("init should be called only once");
    const { initOp } = parts;
    if (initOp !== undefined && this.saver.graph.operation(initOp.name) !== initOp) {
      throw invalidArgument(`init op "${initOp.name}" belongs to another graph`);
    }
    this.parts = parts;
  }

  /**
   * Writes the export and returns its folder.
   *
   * @param exportDirBase the model's folder, with a folder per version
   * @param globalStep the version: a natural number
   * @throws FAILED_PRECONDITION before init; ALREADY_EXISTS when the version is there; else the codes of the file
   *   system's errors. After an error nothing is left behind.
   */
  export(exportDirBase: string, globalStep: number, { exportsToKeep }: ExportOptions = {}): string {
    if (this.parts === undefined) throw failedPrecondition("init must be called first");
    if (!Number.isSafeInteger(globalStep) || globalStep < 0) {
      throw invalidArgument(`The global step must be a natural number, got ${globalStep}`);
    }
    const exportDir = path.join(exportDirBase, String(globalStep).padStart(VERSION_DIGITS, "0"));
    if (existsSync(exportDir)) {
      throw new StatusError(
        Code.ALREADY_EXISTS,
        `${exportDir} exists, and a server may have loaded it: export under another global step`,
      );
    }
    // No server takes this name for a version.
    const temporary = `${exportDir}-tmp`;
    try {
      mkdirSync(temporary, { recursive: true });
      this.writeInto(temporary, this.parts);
      renameSync(temporary, exportDir);
      syncFolder(exportDir);
    } catch (reason) {
      rmSync(temporary, { recursive: true, force: true });
      throw StatusError.from(reason);
    }
    if (exportsToKeep !== undefined) collectGarbage(exportDirBase, exportsToKeep);
    return exportDir;
  }

  private writeInto(folder: string, parts: ExporterInit): void {
    const assets = parts.assets ?? this.saver.graph.assets;
    this.saver.save(path.join(folder, CHECKPOINT_NAME), { writeState: false });
    const metaGraph = this.metaGraph(parts, assets);
    writeNewFile(path.join(folder, META_GRAPH_FILE), toBinary(MetaGraphDefSchema, metaGraph));
    if (assets.length === 0) return;
    mkdirSync(path.join(folder, ASSETS_FOLDER));
    for (const { path: from, fileName } of assets)
      copyToDisk(from, path.join(folder, ASSETS_FOLDER, fileName));
  }

  private metaGraph(parts: ExporterInit, assets: readonly Asset[]): MetaGraphDef {
    const { graph } = this.saver;
    const signatures = create(SignaturesSchema, {
      namedSignatures: { ...parts.namedGraphSignatures },
      ...(parts.defaultGraphSignature !== undefined && { defaultSignature: parts.defaultGraphSignature }),
    });
    const servingGraph = this.servingGraph(parts);
    return create(MetaGraphDefSchema, {
      graphDef: graph.toGraphDef(),
      saverDef: this.saver.asSaverDef(),
      collectionDef: {
        ...collections({ graph }),
        ...(servingGraph !== undefined && { [GRAPH_COLLECTION]: anyList(GraphDefSchema, [servingGraph]) }),
        ...(parts.initOp !== undefined && { [INIT_OP_COLLECTION]: nodeList(parts.initOp) }),
        [SIGNATURES_COLLECTION]: anyList(SignaturesSchema, [signatures]),
        ...(assets.length > 0 && { [ASSETS_COLLECTION]: anyList(AssetFileSchema, assets.map(assetFile)) }),
      },
    });
  }

  /** Undefined when the MetaGraph's own graph is the one to serve. */
  private servingGraph({ graphDef, clearDevices = false }: ExporterInit): GraphDef | undefined {
    if (!clearDevices) return graphDef;
    const graph = graphDef ?? this.saver.graph.toGraphDef();
    return { ...graph, node: graph.node.map((node) => ({ ...node, device: "" })) };
  }
}

function assetFile({ fileName, tensor }: Asset) {
  return create(AssetFileSchema, { filename: fileName, tensorBinding: { tensorName: tensor.name } });
}

function anyList<Desc extends DescMessage>(
  schema: Desc,
  messages: readonly MessageShape<Desc>[],
): CollectionDef {
  const value = messages.map((message) => anyPack(schema, message));
  return create(CollectionDefSchema, { kind: { case: "anyList", value: { value } } });
}

function nodeList(operation: Operation): CollectionDef {
  return create(CollectionDefSchema, { kind: { case: "nodeList", value: { value: [operation.name] } } });
}

function collectGarbage(exportDirBase: string, choose: NonNullable<ExportOptions["exportsToKeep"]>): void {
  const exports = readdirSync(exportDirBase)
    .filter((name) => /^\d{8,}$/.test(name))
    .map((name) => ({ path: path.join(exportDirBase, name), exportVersion: Number(name) }));
  const kept = new Set(choose(exports).map((each) => each.path));
  for (const each of exports) {
    if (!kept.has(each.path)) rmSync(each.path, { recursive: true, force: true });
  }
}
