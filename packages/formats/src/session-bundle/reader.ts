/**
 * Reads the folders that TensorFlow's exporters wrote before there were SavedModels, called SessionBundles:
 *
 *     export.meta                          a binary MetaGraphDef
 *     export, export-?????-of-?????        the checkpoint of the first format, whole or in shards
 *     export.index, export.data-*          or one of the second format
 *     assets/*                             files that the graph reads
 *
 * What is specific to serving lies in collections of the MetaGraph, as google.protobuf.Any messages of
 * tensorflow_serving/session_bundle/manifest.proto. After tensorflow/contrib/session_bundle/session_bundle.cc.
 * TensorFlow Serving itself dropped the format with 2.0.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { decodeMessage } from "../protobuf/binary.js";
import { GraphDefSchema } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import {
  type MetaGraphDef,
  MetaGraphDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import {
  AssetFileSchema,
  type Signatures,
  SignaturesSchema,
} from "../protobuf/gen/tensorflow_serving/session_bundle/manifest_pb.js";
import { assetPath } from "../saved-model/meta-graph.js";
import { failedPrecondition, invalidArgument, notFound, StatusError } from "../status.js";
import { convertSignatures } from "./convert-signatures.js";
import {
  ASSETS_COLLECTION,
  ASSETS_FOLDER,
  CHECKPOINT_NAME,
  GRAPH_COLLECTION,
  INIT_OP_COLLECTION,
  META_GRAPH_FILE,
  SIGNATURES_COLLECTION,
} from "./folder.js";

/** A protocol buffer ends at 2 GiB, and so does a file that Node reads in one piece. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

export interface SessionBundle {
  readonly dir: string;
  /** With the graph that is to be served, and with its signatures as SignatureDefs. */
  readonly metaGraph: MetaGraphDef;
  /** What the restore op must be fed: the checkpoint's path, or the pattern of its shards. */
  readonly checkpoint: string;
  /** The op that fills tables and the like, to be run once after restoring. */
  readonly initOp?: string;
  /** The tensor that must be fed with the path, such as "Const:0" → the file's absolute path. */
  readonly assets: ReadonlyMap<string, string>;
}

/**
 * Whether a folder holds a SessionBundle, by the names in it.
 *
 * @example
 * assert.equal(isSessionBundleFolder("."), false);
 */
export function isSessionBundleFolder(dir: string): boolean {
  return existsSync(path.join(dir, META_GRAPH_FILE));
}

/**
 * Reads the export in a version's folder; whether the checkpoint is there shows when it is restored.
 *
 * @throws NOT_FOUND without export.meta; DATA_LOSS for bytes that are no messages; FAILED_PRECONDITION for collections
 *   that hold something else than they should; INVALID_ARGUMENT for an asset outside of its folder; ALREADY_EXISTS
 *   for two signatures under the default key
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("float32", [-1], { name: "x" });
 * const a = graph.variable("float32", [], { name: "a" });
 * const y = graph.compute("Mul", [x, a.read()], {}, { name: "y" });
 * const values = new Map<string, Tensor>([["a", tensor("float32", [], Float32Array.of(0.5))]]);
 * const exporter = new Exporter(new Saver(graph, values));
 * exporter.init({ namedGraphSignatures: { inputs: genericSignature({ x }), outputs: genericSignature({ y }) } });
 * const { metaGraph } = readSessionBundle(exporter.export("exports", 1));
 * assert.deepEqual([...signaturesOf(metaGraph).keys()], ["serving_default"]);
 */
export function readSessionBundle(dir: string): SessionBundle {
  try {
    return readBundle(dir);
  } catch (reason) {
    const error = StatusError.from(reason);
    if (error.message.includes(dir)) throw error;
    throw new StatusError(error.code, `${path.join(dir, META_GRAPH_FILE)}: ${error.message}`, {
      cause: reason,
    });
  }
}

function readBundle(dir: string): SessionBundle {
  const metaGraph = readMetaGraph(path.join(dir, META_GRAPH_FILE));
  const graphs = unpackAll(metaGraph, GRAPH_COLLECTION, GraphDefSchema);
  if (graphs.length > 1)
    throw failedPrecondition(`Expected exactly one serving GraphDef in ${dir}, found ${graphs.length}`);
  const graphDef = graphs[0] ?? metaGraph.graphDef;
  if (graphDef === undefined) throw invalidArgument(`${dir}: ${META_GRAPH_FILE} has no graph`);
  const signatureDef = convertSignatures(signaturesOf(metaGraph), graphDef, metaGraph.signatureDef);
  const initOp = initOpOf(metaGraph, dir);
  return {
    dir,
    metaGraph: { ...metaGraph, graphDef, signatureDef },
    checkpoint: checkpointOf(dir),
    assets: assetsOf(metaGraph, dir),
    ...(initOp !== undefined && { initOp }),
  };
}

function readMetaGraph(file: string): MetaGraphDef {
  if (!existsSync(file)) throw notFound(`${file} does not exist: the folder holds no SessionBundle`);
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES)
      throw invalidArgument(`${file} has ${size} bytes; at most ${MAX_FILE_BYTES} can be read`);
    return decodeMessage(MetaGraphDefSchema, readFileSync(file), file);
  } catch (reason) {
    throw StatusError.from(reason);
  }
}

/** Without signatures of its own an export can still be run by tensor names. */
function signaturesOf(metaGraph: MetaGraphDef): Signatures {
  const [signatures, ...more] = unpackAll(metaGraph, SIGNATURES_COLLECTION, SignaturesSchema);
  if (more.length > 0) {
    throw failedPrecondition(
      `Expected exactly one message in collection ${SIGNATURES_COLLECTION}, found ${1 + more.length}`,
    );
  }
  return signatures ?? create(SignaturesSchema);
}

/** The messages of a collection of google.protobuf.Any; none when there is no such collection. */
function unpackAll<Desc extends DescMessage>(
  metaGraph: MetaGraphDef,
  collection: string,
  schema: Desc,
): MessageShape<Desc>[] {
  const kind = metaGraph.collectionDef[collection]?.kind;
  if (kind === undefined || kind.case === undefined) return [];
  if (kind.case !== "anyList") {
    throw failedPrecondition(
      `Collection ${collection} must hold ${schema.typeName} messages, holds ${kind.case}`,
    );
  }
  return kind.value.value.map((any) => unpack(any, collection, schema));
}

function unpack<Desc extends DescMessage>(any: Any, collection: string, schema: Desc): MessageShape<Desc> {
  if (any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1) !== schema.typeName) {
    throw failedPrecondition(
      `Collection ${collection}: expected Any type_url for ${schema.typeName}, got ${JSON.stringify(any.typeUrl)}`,
    );
  }
  return decodeMessage(schema, any.value, `collection ${collection}`);
}

function initOpOf(metaGraph: MetaGraphDef, dir: string): string | undefined {
  const kind = metaGraph.collectionDef[INIT_OP_COLLECTION]?.kind;
  if (kind === undefined) return undefined;
  const names = kind.case === "nodeList" ? kind.value.value : [];
  if (names.length !== 1)
    throw failedPrecondition(`Expected exactly one serving init op in ${dir}, found ${names.length}`);
  return (names[0] as string).replace(/:0$/, "");
}

function assetsOf(metaGraph: MetaGraphDef, dir: string): Map<string, string> {
  const folder = path.resolve(dir, ASSETS_FOLDER);
  return new Map(
    unpackAll(metaGraph, ASSETS_COLLECTION, AssetFileSchema).map(({ tensorBinding, filename }) => [
      tensorBinding?.tensorName ?? "",
      assetPath(folder, filename),
    ]),
  );
}

/** Exports of savers with sharded=True have a pattern; others, and checkpoints of the second format, a name. */
function checkpointOf(dir: string): string {
  const plain = path.join(dir, CHECKPOINT_NAME);
  const isPlain = existsSync(plain) || existsSync(`${plain}.index`);
  return isPlain ? plain : `${plain}-?????-of-?????`;
}
