/**
 * Writes SavedModels: `saved_model.pb`, `variables/` and `assets/`
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
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { TensorBundleWriter } from "../checkpoint/tensor-bundle-writer.js";
import type { Asset } from "../graph-builder/asset.js";
import type { GraphBuilder } from "../graph-builder/graph-builder.js";
import type { Operation } from "../graph-builder/operation.js";
import { checkVariableValues } from "../graph-builder/variable-values.js";
import type { MetaGraphDef, SignatureDef } from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { SavedModelSchema } from "../protobuf/gen/tensorflow/core/protobuf/saved_model_pb.js";
import { failedPrecondition, invalidArgument, StatusError } from "../status.js";
import type { Tensor } from "../tensor.js";
import { buildMetaGraphDef } from "./build-meta-graph.js";
import { ASSETS_FOLDER, SAVED_MODEL_BINARY, variablesPrefix } from "./reader.js";

/** Version of the SavedModel format. */
const SCHEMA_VERSION = 1;

/** What one MetaGraph is made of. */
export interface MetaGraphParts {
  /** A saver is added to it. */
  readonly graph: GraphBuilder;
  /** By name; "serving_default" is what a request means that names none. */
  readonly signatures?: Readonly<Record<string, SignatureDef>>;
  /** Runs when the model has been loaded and its variables are restored; fills tables, for example. */
  readonly mainOp?: Operation;
  /** The same under the name that TensorFlow before 1.3 gave it. At most one of both. */
  readonly legacyInitOp?: Operation;
  /** Leave out attributes that have their default value, so that older consumers accept nodes of newer ops. */
  readonly stripDefaultAttrs?: boolean;
}

export class SavedModelBuilder {
  private readonly metaGraphs: MetaGraphDef[] = [];
  private readonly assets: Asset[] = [];
  private variables: ReadonlyMap<string, Tensor> | undefined;

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
   * @param variables by name; exactly those of the graph
   * @throws FAILED_PRECONDITION when there is a MetaGraph already; INVALID_ARGUMENT, listing all that is missing or
   *   does not fit
   */
  addMetaGraphAndVariables(
    tags: readonly string[],
    parts: MetaGraphParts & { readonly variables: ReadonlyMap<string, Tensor> },
  ): void {
    if (this.variables !== undefined) {
      throw failedPrecondition("The variables of this SavedModel are added already: use addMetaGraph");
    }
    const unused = new Set(parts.variables.keys());
    for (const { name } of parts.graph.variables) unused.delete(name);
    if (unused.size > 0) throw invalidArgument(`The graph has no variables "${[...unused].join('", "')}"`);
    this.add(tags, parts, parts.variables);
    this.variables = parts.variables;
  }

  /** Adds another MetaGraph, whose variables are among those of the first. Errors as for the first. */
  addMetaGraph(tags: readonly string[], parts: MetaGraphParts): void {
    if (this.variables === undefined) {
      throw failedPrecondition("The first MetaGraph brings the variables: use addMetaGraphAndVariables");
    }
    this.add(tags, parts, this.variables);
  }

  private add(tags: readonly string[], parts: MetaGraphParts, variables: ReadonlyMap<string, Tensor>): void {
    checkVariableValues(parts.graph.variables, variables);
    this.checkAssets(parts.graph.assets);
    this.metaGraphs.push(buildMetaGraphDef(tags, parts));
    this.assets.push(...parts.graph.assets);
  }

  /** Two MetaGraphs may share a file, but not a file name. */
  private checkAssets(assets: readonly Asset[]): void {
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
   * Writes the SavedModel.
   * FAILED_PRECONDITION without a MetaGraph, or when the export folder is no longer vacant; else the codes of the
   * file system's errors. After an error nothing is left behind.
   */
  save(): void {
    if (this.metaGraphs.length === 0) throw failedPrecondition("A SavedModel needs at least one MetaGraph");
    const parent = path.dirname(path.resolve(this.exportDir));
    // A leading dot and letters: no server takes it for a version.
    const temporary = path.join(
      parent,
      `.${path.basename(this.exportDir)}.tmp-${randomBytes(8).toString("hex")}`,
    );
    try {
      mkdirSync(temporary, { recursive: true });
      this.writeInto(temporary);
      checkVacant(this.exportDir);
      if (existsSync(this.exportDir)) rmdirSync(this.exportDir);
      renameSync(temporary, this.exportDir);
    } catch (reason) {
      rmSync(temporary, { recursive: true, force: true });
      throw StatusError.from(reason);
    }
  }

  private writeInto(folder: string): void {
    this.writeVariables(variablesPrefix(folder));
    this.copyAssets(path.join(folder, ASSETS_FOLDER));
    const savedModel = create(SavedModelSchema, {
      savedModelSchemaVersion: BigInt(SCHEMA_VERSION),
      metaGraphs: this.metaGraphs,
    });
    writeFileSync(path.join(folder, SAVED_MODEL_BINARY), toBinary(SavedModelSchema, savedModel));
  }

  /** In the order of their names, as TensorFlow writes them. */
  private writeVariables(prefix: string): void {
    const variables = [...(this.variables ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    mkdirSync(path.dirname(prefix));
    if (variables.length === 0) return;
    const writer = TensorBundleWriter.create(prefix);
    for (const [name, value] of variables) writer.add(name, value);
    writer.finish();
  }

  private copyAssets(folder: string): void {
    if (this.assets.length === 0) return;
    mkdirSync(folder);
    for (const { path: from, fileName } of this.assets) copyFileSync(from, path.join(folder, fileName));
  }
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
