/**
 * What a MetaGraphDef (tensorflow/core/protobuf/meta_graph.proto) says besides its graph and signatures: its tags,
 * its init op and its asset files. TensorFlow 1 and 2 write the last two in different places; the order in which
 * they are looked for is that of tensorflow/cc/saved_model/loader_util.cc.
 */
import path from "node:path";
import { decodeMessage } from "../protobuf/binary.js";
import {
  type AssetFileDef,
  AssetFileDefSchema,
  type CollectionDef,
  type MetaGraphDef,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import type { SavedModel } from "../protobuf/gen/tensorflow/core/protobuf/saved_model_pb.js";
import { failedPrecondition, invalidArgument, notFound } from "../status.js";
import { ASSETS_FOLDER } from "./reader.js";

/** The tag of the MetaGraph that is meant for serving. */
export const SERVING_TAG = "serve";

/** Signatures that name an op to run, not something a caller may ask. */
export const INIT_OP_SIGNATURE = "__saved_model_init_op";
export const TRAIN_OP_SIGNATURE = "__saved_model_train_op";

/** Where TensorFlow 1 lists the files that go with a model. */
export const ASSETS_COLLECTION = "saved_model_assets";
const MAIN_OP_COLLECTION = "saved_model_main_op";
const LEGACY_INIT_OP_COLLECTION = "legacy_init_op";

/**
 * The MetaGraph whose tags are exactly these, in any order.
 * NOT_FOUND, naming the asked and the available tag sets, when there is none.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
 * import { SavedModelSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/saved_model_pb";
 * const metaGraph = create(MetaGraphDefSchema, { metaInfoDef: { tags: ["serve", "gpu"] } });
 * const savedModel = create(SavedModelSchema, { metaGraphs: [metaGraph] });
 * assert.equal(findMetaGraph(savedModel, ["gpu", "serve"]), metaGraph);
 * assert.throws(() => findMetaGraph(savedModel, ["serve"]), { codeName: "NOT_FOUND" });
 */
export function findMetaGraph(savedModel: SavedModel, tags: readonly string[]): MetaGraphDef {
  const asked = tagSetText(tags);
  const found = savedModel.metaGraphs.find((metaGraph) => tagSetText(tagsOf(metaGraph)) === asked);
  if (found !== undefined) return found;
  const available = savedModel.metaGraphs.map((metaGraph) => tagSetText(tagsOf(metaGraph)));
  throw notFound(
    `Could not find meta graph def matching supplied tags: ${asked}. ` +
      `Tag sets of this SavedModel: ${available.length === 0 ? "none" : available.join(", ")}`,
  );
}

/**
 * The tags of a MetaGraph, as they are in the file.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
 * assert.deepEqual(tagsOf(create(MetaGraphDefSchema, { metaInfoDef: { tags: ["serve"] } })), ["serve"]);
 */
export function tagsOf(metaGraph: MetaGraphDef): readonly string[] {
  return metaGraph.metaInfoDef?.tags ?? [];
}

/** A set of tags has no order and no repetitions: "{ gpu serve }". */
function tagSetText(tags: readonly string[]): string {
  return `{ ${[...new Set(tags)].sort().join(" ")} }`;
}

/**
 * The node that fills tables and the like and must run before the first request; undefined when there is none.
 * FAILED_PRECONDITION when the MetaGraph names several in one place.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
 * const value = { value: ["init_all_tables"] };
 * const collectionDef = { saved_model_main_op: { kind: { case: "nodeList" as const, value } } };
 * const metaGraph = create(MetaGraphDefSchema, { collectionDef });
 * assert.equal(initOpOf(metaGraph), "init_all_tables");
 */
export function initOpOf(metaGraph: MetaGraphDef): string | undefined {
  const signature = metaGraph.signatureDef[INIT_OP_SIGNATURE];
  if (signature !== undefined) {
    const encodings = Object.values(signature.outputs).map((info) => info.encoding);
    return onlyOne(
      encodings.map((encoding) => (encoding.case === "name" ? encoding.value : "")),
      `signature ${INIT_OP_SIGNATURE}`,
    );
  }
  for (const name of [MAIN_OP_COLLECTION, LEGACY_INIT_OP_COLLECTION]) {
    const collection = metaGraph.collectionDef[name];
    if (collection !== undefined) return onlyOne(nodesOf(collection), `collection ${name}`);
  }
  return undefined;
}

function nodesOf(collection: CollectionDef): readonly string[] {
  return collection.kind.case === "nodeList" ? collection.kind.value.value : [];
}

/** The op of a list of one, without the output index of a tensor name. */
function onlyOne(names: readonly string[], where: string): string {
  const [name] = names;
  if (name === undefined || name === "" || names.length > 1) {
    throw failedPrecondition(`Expected exactly one init op in ${where}, found ${names.length}`);
  }
  return name.replace(/:0$/, "");
}

/**
 * The asset files of a MetaGraph: the tensor that must be fed with the path, such as "Const:0", to the file's
 * absolute path. Whether the files exist is for their reader to find out.
 *
 * @param dir the SavedModel's folder
 * @throws INVALID_ARGUMENT for a name that leads out of the assets folder; DATA_LOSS for a damaged entry
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
 * const asset = { filename: "words.txt", tensorInfo: { encoding: { case: "name", value: "Const:0" } } } as const;
 * const metaGraph = create(MetaGraphDefSchema, { assetFileDef: [asset] });
 * assert.equal(assetFilesOf(metaGraph, "/models/1").get("Const:0"), path.resolve("/models/1/assets/words.txt"));
 */
export function assetFilesOf(metaGraph: MetaGraphDef, dir: string): Map<string, string> {
  const folder = path.resolve(dir, ASSETS_FOLDER);
  return new Map(
    assetFileDefs(metaGraph).map((asset) => [tensorNameOf(asset), assetPath(folder, asset.filename)]),
  );
}

function assetFileDefs(metaGraph: MetaGraphDef): readonly AssetFileDef[] {
  if (metaGraph.assetFileDef.length > 0) return metaGraph.assetFileDef;
  return assetsOfCollection(metaGraph.collectionDef[ASSETS_COLLECTION]);
}

/**
 * The asset files that a collection lists. DATA_LOSS for a damaged entry.
 *
 * @example
 * assert.deepEqual(assetsOfCollection(undefined), []);
 */
export function assetsOfCollection(collection: CollectionDef | undefined): readonly AssetFileDef[] {
  if (collection?.kind.case !== "anyList") return [];
  return collection.kind.value.value.map((any) =>
    decodeMessage(AssetFileDefSchema, any.value, `collection ${ASSETS_COLLECTION}`),
  );
}

function tensorNameOf(asset: AssetFileDef): string {
  const encoding = asset.tensorInfo?.encoding;
  return encoding?.case === "name" ? encoding.value : "";
}

/**
 * The path of an asset file. INVALID_ARGUMENT for a name that leads out of `folder`, which is absolute.
 *
 * @example
 * assert.equal(assetPath(path.resolve("/m/assets"), "words.txt"), path.resolve("/m/assets/words.txt"));
 * assert.throws(() => assetPath(path.resolve("/m/assets"), "../secret"), { codeName: "INVALID_ARGUMENT" });
 */
export function assetPath(folder: string, filename: string): string {
  const file = path.resolve(folder, filename);
  if (filename.includes("\0") || path.isAbsolute(filename) || !file.startsWith(folder + path.sep)) {
    throw invalidArgument(
      `Asset file ${JSON.stringify(filename)} is outside of the model's ${ASSETS_FOLDER} folder`,
    );
  }
  return file;
}
