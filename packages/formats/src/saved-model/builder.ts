/**
 * Writes SavedModels: `saved_model.pb`, `variables/`, `assets/`, `assets.extra/` and `fingerprint.pb`
 * (tensorflow/core/protobuf/saved_model.proto; after tf.compat.v1.saved_model.Builder).
 *
 *     const builder = new SavedModelBuilder("/models/mnist/1");
 *     builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables });
 *     builder.save();
 *
 * All is written beside the export folder and moved into place as the last step: a server that watches the parent
 * folder for versions sees the complete model or none.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { copyToDisk, syncFolder, writeNewFile } from "../checkpoint/new-file.js";
import { indexFile } from "../checkpoint/tensor-bundle-reader.js";
import type { Asset } from "../graph-builder/asset.js";
import type { GraphBuilder } from "../graph-builder/graph-builder.js";
import type { Operation } from "../graph-builder/operation.js";
import type { Variable } from "../graph-builder/variable.js";
import {
  type FingerprintDef,
  FingerprintDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/fingerprint_pb.js";
import type {
  CollectionDef,
  MetaGraphDef,
  MetaGraphDef_MetaInfoDef,
  SignatureDef,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import {
  type SavedModel,
  SavedModelSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/saved_model_pb.js";
import type { SavedObjectGraph } from "../protobuf/gen/tensorflow/core/protobuf/saved_object_graph_pb.js";
import type { SaverDef } from "../protobuf/gen/tensorflow/core/protobuf/saver_pb.js";
import { Code, failedPrecondition, invalidArgument, StatusError } from "../status.js";
import { encodeText } from "../tensor.js";
import { printText } from "../text-proto/printer.js";
import { buildMetaGraphDef } from "./build-meta-graph.js";
import { createFingerprint } from "./fingerprint.js";
import { assetPath } from "./meta-graph.js";
import {
  ASSETS_FOLDER,
  collectionTypes,
  EXTRA_FOLDER,
  FINGERPRINT,
  SAVED_MODEL_BINARY,
  SAVED_MODEL_TEXT,
  variablesPrefix,
} from "./reader.js";
import {
  checkNoSurplus,
  checkSource,
  sourceInParts,
  type VariableSource,
  writeSource,
} from "./variable-source.js";

/** Version of the SavedModel format. */
const SCHEMA_VERSION = 1;

/** What one MetaGraph is made of. */
export interface MetaGraphParts {
  /** A saver is added to it, unless there is one. */
  readonly graph: GraphBuilder;
  /** By name; "serving_default" is what a request means that names none. */
  readonly signatures?: Readonly<Record<string, SignatureDef>>;
  /** Runs when the model has been loaded and its variables are restored; fills tables, for example. */
  readonly mainOp?: Operation;
  /** The same under the name that TensorFlow before 1.3 gave it. At most one of both. */
  readonly legacyInitOp?: Operation;
  /** The same as TensorFlow 2 names it, by a signature. */
  readonly initOp?: Operation;
  /** What trains the model, for those who go on with that. */
  readonly trainOp?: Operation;
  /** The files that go with the model; by default all assets of the graph. */
  readonly assetsCollection?: readonly Asset[];
  /** Leave out on which devices nodes were placed; false by default. */
  readonly clearDevices?: boolean;
  /** Leave out attributes that have their default value, so that older consumers accept nodes of newer ops. */
  readonly stripDefaultAttrs?: boolean;
  /** Operations of the graph that save and restore its variables, such as those of a Saver. */
  readonly saver?: SaverDef;
  /** Collections to write, also in place of those that follow from the graph. */
  readonly collections?: Readonly<Record<string, CollectionDef>>;
  /** The objects of a model of TensorFlow 2. */
  readonly objectGraph?: SavedObjectGraph;
  /** What is said of the MetaGraph besides its tags. */
  readonly metaInfo?: Partial<MetaGraphDef_MetaInfoDef>;
}

/** How a SavedModel is written. */
export interface SaveSavedModelOptions {
  /** Write saved_model.pbtxt, which people can read, in place of saved_model.pb. */
  readonly asText?: boolean;
}

/**
 * Writes a SavedModel.
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("float32", [-1], { name: "x" });
 * const a = graph.variable("float32", [], { name: "a" });
 * const y = graph.compute("Mul", [x, a.read()], {}, { name: "y" });
 * const builder = new SavedModelBuilder("half/1");
 * builder.addMetaGraphAndVariables(["serve"], {
 *   graph,
 *   signatures: { serving_default: predictSignatureDef({ x }, { y }) },
 *   variables: new Map([["a", tensor("float32", [], Float32Array.of(0.5))]]),
 * });
 * builder.save();
 * assert.ok(maybeSavedModelDirectory("half/1"));
 */
export class SavedModelBuilder {
  private readonly metaGraphs: MetaGraphDef[] = [];
  private readonly assets: AssetFile[] = [];
  private readonly graphVariables: Variable[] = [];
  private variables: VariableSource | undefined;

  /**
   * @param exportDir the SavedModel's folder, such as ".../mnist/1"
   * @throws FAILED_PRECONDITION when it exists and is not empty
   */
  constructor(readonly exportDir: string) {
    checkVacant(exportDir);
  }

  /**
   * Adds the first MetaGraph, and the values of the variables, which the later ones share.
   *
   * @param parts with the variables' values by name, exactly those of the graph; or with an open checkpoint, which is
   *   copied when the model is saved
   * @throws FAILED_PRECONDITION when there is a MetaGraph already; INVALID_ARGUMENT, listing all that is missing or
   *   does not fit
   */
  addMetaGraphAndVariables(
    tags: readonly string[],
    parts: MetaGraphParts & { readonly variables: VariableSource },
  ): void {
    if (this.variables !== undefined) {
      throw failedPrecondition("The variables of this SavedModel are added already: use addMetaGraph");
    }
    const variables = sourceInParts(parts.graph.variables, parts.variables);
    checkNoSurplus(parts.graph.variables, variables);
    this.add(tags, parts, variables);
    this.variables = variables;
  }

  /** Adds another MetaGraph, whose variables are among those of the first. Errors as for the first. */
  addMetaGraph(tags: readonly string[], parts: MetaGraphParts): void {
    if (this.variables === undefined) {
      throw failedPrecondition("The first MetaGraph brings the variables: use addMetaGraphAndVariables");
    }
    this.add(tags, parts, this.variables);
  }

  private add(tags: readonly string[], parts: MetaGraphParts, variables: VariableSource): void {
    const assets = parts.assetsCollection ?? parts.graph.assets;
    checkSource(parts.graph.variables, variables);
    this.checkAssets(assets);
    this.metaGraphs.push(buildMetaGraphDef(tags, parts));
    this.assets.push(...assets);
    this.graphVariables.push(...parts.graph.variables);
  }

  /**
   * Adds a file below assets.extra, which no loader looks at: warm-up requests, a model card.
   *
   * @param path where the file is now
   * @param name where it goes, slashes between folders; by default its own name
   * @throws INVALID_ARGUMENT for a name that leads out of the folder, or is taken
   */
  addExtraAsset(path: string, name: string = basename(path)): void {
    const fileName = `${EXTRA_FOLDER}/${name}`;
    assetPath(resolve(this.exportDir, EXTRA_FOLDER), name);
    if (this.extras.some((extra) => extra.fileName === fileName)) {
      throw invalidArgument(`There is an extra asset "${name}" already`);
    }
    this.extras.push({ path, fileName });
  }

  private readonly extras: AssetFile[] = [];

  /** Two MetaGraphs may share a file, but not a file name. */
  private checkAssets(assets: readonly AssetFile[]): void {
    for (const asset of assets) {
      const other = this.assets.find(({ fileName }) => fileName === asset.fileName);
      if (other !== undefined && other.path !== asset.path) {
        throw invalidArgument(
          `Asset "${asset.fileName}" is ${other.path} in one MetaGraph, ${asset.path} in another`,
        );
      }
    }
  }

  /**
   * Writes the SavedModel and returns the path of its message.
   * FAILED_PRECONDITION without a MetaGraph, or when the export folder is no longer vacant; else the codes of the file
   * system's errors. After an error nothing is left behind.
   */
  save({ asText = false }: SaveSavedModelOptions = {}): string {
    if (this.metaGraphs.length === 0) throw failedPrecondition("A SavedModel needs at least one MetaGraph");
    const target = resolve(this.exportDir);
    // A leading dot and letters: no server takes it for a version.
    const temporary = join(dirname(target), `.${basename(target)}.tmp-${randomBytes(8).toString("hex")}`);
    try {
      mkdirSync(temporary, { recursive: true });
      this.writeInto(temporary, asText);
      checkVacant(this.exportDir);
      if (existsSync(this.exportDir)) rmdirSync(this.exportDir);
      renameSync(temporary, this.exportDir);
      syncFolder(target);
    } catch (reason) {
      rmSync(temporary, { recursive: true, force: true });
      throw StatusError.from(reason);
    }
    return join(this.exportDir, asText ? SAVED_MODEL_TEXT : SAVED_MODEL_BINARY);
  }

  private writeInto(folder: string, asText: boolean): void {
    const prefix = variablesPrefix(folder);
    writeSource(prefix, this.graphVariables, this.variables ?? new Map());
    for (const { path, fileName } of this.assets) copyInto(folder, `${ASSETS_FOLDER}/${fileName}`, path);
    for (const { path, fileName } of this.extras) copyInto(folder, fileName, path);
    const savedModel = create(SavedModelSchema, {
      savedModelSchemaVersion: BigInt(SCHEMA_VERSION),
      metaGraphs: this.metaGraphs,
    });
    writeMessage(folder, savedModel, asText);
    writeFingerprint(folder, savedModel);
  }
}

/** A file that is copied, and its name in the model's folder. */
type AssetFile = Pick<Asset, "path" | "fileName">;

function copyInto(folder: string, name: string, from: string): void {
  const target = join(folder, name);
  mkdirSync(dirname(target), { recursive: true });
  copyToDisk(from, target);
}

function writeMessage(folder: string, savedModel: SavedModel, asText: boolean): void {
  if (asText) {
    const text = printText(SavedModelSchema, savedModel, { registry: collectionTypes });
    writeNewFile(join(folder, SAVED_MODEL_TEXT), encodeText(text));
  } else {
    writeNewFile(join(folder, SAVED_MODEL_BINARY), toBinary(SavedModelSchema, savedModel));
  }
}

/** A model with functions whose names have no number is fine, but has no fingerprint; as in TensorFlow. */
function writeFingerprint(folder: string, savedModel: SavedModel): void {
  const index = indexFile(variablesPrefix(folder));
  let fingerprint: FingerprintDef;
  try {
    fingerprint = createFingerprint(savedModel, existsSync(index) ? readFileSync(index) : undefined);
  } catch (reason) {
    if (reason instanceof StatusError && reason.code === Code.INVALID_ARGUMENT) return;
    throw reason;
  }
  writeNewFile(join(folder, FINGERPRINT), toBinary(FingerprintDefSchema, fingerprint));
}

function checkVacant(exportDir: string): void {
  if (!existsSync(exportDir)) return;
  const entries = entriesOf(exportDir);
  if (entries.length === 0) return;
  throw failedPrecondition(
    `Export directory ${exportDir} already exists and isn't empty. Choose a different export directory, or delete its contents.`,
  );
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (reason) {
    throw StatusError.from(reason);
  }
}
