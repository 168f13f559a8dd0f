/**
 * Loads a SavedModel to look at it, to change it and to save it again: the counterpart of SavedModelBuilder, after
 * tf.compat.v1.saved_model.loader. What is in the files is kept, whether it means something here or not. To run a model
 * is the engine's business.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import type { CheckpointReader } from "../checkpoint/checkpoint-reader.js";
import { openCheckpoint } from "../checkpoint/open.js";
import { indexFile } from "../checkpoint/tensor-bundle-reader.js";
import { GraphBuilder } from "../graph-builder/graph-builder.js";
import { decodeMessage } from "../protobuf/binary.js";
import { VariableDefSchema } from "../protobuf/gen/tensorflow/core/framework/variable_pb.js";
import type {
  CollectionDef,
  MetaGraphDef,
  SignatureDef,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { invalidArgument } from "../status.js";
import type { Tensor } from "../tensor.js";
import type { MetaGraphParts } from "./builder.js";
import { assetFilesOf, findMetaGraph } from "./meta-graph.js";
import { isSavedModelFolder, readSavedModel, variablesPrefix } from "./reader.js";
import type { VariableSource } from "./variable-source.js";

/**
 * A MetaGraph of a SavedModel, with its variables at hand.
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("float32", [2], { name: "x" });
 * const w = graph.variable("float32", [2], { name: "w" });
 * const y = graph.compute("Mul", [x, w.read()]);
 * const builder = new SavedModelBuilder("model");
 * const variables = new Map([["w", tensor("float32", [2], Float32Array.of(1, 2))]]);
 * const signatures = { serving_default: predictSignatureDef({ x }, { y }) };
 * builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables });
 * builder.save();
 *
 * const loaded = loadSavedModel(["serve"], "model");
 * assert.deepEqual(loaded.variables?.read("w"), variables.get("w"));
 * const copy = new SavedModelBuilder("copy");
 * copy.addMetaGraphAndVariables(["serve"], loaded.parts());
 * copy.save();
 * loaded.close();
 */
export class LoadedMetaGraph {
  private built: GraphBuilder | undefined;

  constructor(
    /** The SavedModel's folder. */
    readonly dir: string,
    readonly metaGraph: MetaGraphDef,
    /** The checkpoint with the values; undefined for a model without variables. */
    readonly variables: CheckpointReader | undefined,
  ) {}

  /** The signatures as they are in the file, by name. */
  get signatures(): Readonly<Record<string, SignatureDef>> {
    return this.metaGraph.signatureDef;
  }

  /** The tensors that hold the paths of files, such as "Const:0", and the files' paths. */
  get assets(): Map<string, string> {
    return assetFilesOf(this.metaGraph, this.dir);
  }

  /**
   * The graph, with its variables, table initializers and assets. The same one each time: what is added to it is
   * saved with `parts`.
   *
   * @throws INVALID_ARGUMENT when there is no graph, or it has unknown ops, wrong attributes or missing inputs
   */
  get graph(): GraphBuilder {
    this.built ??= this.importGraph();
    return this.built;
  }

  private importGraph(): GraphBuilder {
    const { graphDef, collectionDef } = this.metaGraph;
    if (graphDef === undefined) throw invalidArgument(`${this.dir}: the MetaGraph has no graph`);
    const assets = [...this.assets].map(([tensorName, file]) => ({
      tensorName,
      path: file,
      fileName: path.relative(path.resolve(this.dir, "assets"), file),
    }));
    return GraphBuilder.fromGraphDef(graphDef, {
      variables: variableDefs(collectionDef.variables),
      tableInitializers: nodesOf(collectionDef.table_initializer),
      assets,
    });
  }

  /** The values of the variables, all in memory, by their names in the checkpoint. */
  readVariables(): Map<string, Tensor> {
    const { variables } = this;
    return new Map((variables?.names() ?? []).map((name) => [name, variables?.read(name) as Tensor]));
  }

  /**
   * What SavedModelBuilder takes to write the same MetaGraph: the graph as it is now, and everything else as it was,
   * its saver too, which knows nothing of variables that were added: leave it out and another one is made.
   * Valid until `close`.
   */
  parts(): MetaGraphParts & { readonly variables: VariableSource } {
    const { metaInfoDef, saverDef, objectGraphDef, collectionDef, signatureDef, assetFileDef } =
      this.metaGraph;
    return {
      ...(assetFileDef.length > 0 && { assetsCollection: this.graph.assets }),
      graph: this.graph,
      signatures: signatureDef,
      collections: collectionDef,
      variables: this.variables ?? new Map(),
      ...(saverDef !== undefined && { saver: saverDef }),
      ...(objectGraphDef !== undefined && { objectGraph: objectGraphDef }),
      ...(metaInfoDef !== undefined && { metaInfo: metaInfoDef }),
    };
  }

  /** Closes the checkpoint. */
  close(): void {
    this.variables?.close();
  }
}

/**
 * Loads the MetaGraph with exactly these tags.
 *
 * @throws NOT_FOUND when there is no SavedModel or no such MetaGraph; DATA_LOSS and INVALID_ARGUMENT for damaged files
 *
 * @example
 * const builder = new SavedModelBuilder("model");
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("string", [], { name: "x" });
 * const signatures = { serving_default: predictSignatureDef({ x }, { x }) };
 * builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables: new Map() });
 * builder.save({ asText: true });
 * const loaded = loadSavedModel(["serve"], "model");
 * assert.deepEqual(Object.keys(loaded.signatures), ["serving_default"]);
 * assert.equal(loaded.graph.tensor("x:0")?.dtype, "string");
 */
export function loadSavedModel(tags: readonly string[], exportDir: string): LoadedMetaGraph {
  const { savedModel } = readSavedModel(exportDir);
  const metaGraph = findMetaGraph(savedModel, tags);
  const prefix = variablesPrefix(exportDir);
  const hasVariables = existsSync(indexFile(prefix));
  return new LoadedMetaGraph(exportDir, metaGraph, hasVariables ? openCheckpoint(prefix) : undefined);
}

/**
 * Whether a folder looks like a SavedModel. It may still be damaged.
 *
 * @example
 * assert.equal(maybeSavedModelDirectory("nothing here"), false);
 */
export function maybeSavedModelDirectory(exportDir: string): boolean {
  return isSavedModelFolder(exportDir);
}

/** TensorFlow's names of the functions that load. */
export const loader = { load: loadSavedModel, maybeSavedModelDirectory } as const;

function variableDefs(collection: CollectionDef | undefined) {
  if (collection?.kind.case !== "bytesList") return [];
  return collection.kind.value.value.map((bytes) =>
    decodeMessage(VariableDefSchema, bytes, "collection variables"),
  );
}

function nodesOf(collection: CollectionDef | undefined): readonly string[] {
  return collection?.kind.case === "nodeList" ? collection.kind.value.value : [];
}
