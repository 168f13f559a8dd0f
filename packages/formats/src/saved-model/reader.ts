/**
 * Reads the folder that TensorFlow's SavedModel exporters write:
 *
 *     saved_model.pb or saved_model.pbtxt   the SavedModel message
 *     variables/variables.*                 the checkpoint with the variables' values
 *     assets/*                              files that the graph reads
 *     fingerprint.pb                        checksums that identify the model, since TensorFlow 2.10
 *
 * The messages are in tensorflow/core/protobuf/saved_model.proto and meta_graph.proto; the order of the two file
 * names and the codes of errors follow tensorflow/cc/saved_model/reader.cc. Reading blocks: it is done in a worker.
 */

import { constants } from "node:buffer";
import { existsSync } from "node:fs";
import path from "node:path";
import { createRegistry } from "@bufbuild/protobuf";
import { readWholeFile } from "../checkpoint/random-access-file.js";
import { decodeMessage } from "../protobuf/binary.js";
import { file_tensorflow_core_framework_variable } from "../protobuf/gen/tensorflow/core/framework/variable_pb.js";
import {
  type FingerprintDef,
  FingerprintDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/fingerprint_pb.js";
import { file_tensorflow_core_protobuf_meta_graph } from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import {
  type SavedModel,
  SavedModelSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/saved_model_pb.js";
import { file_tensorflow_core_protobuf_saver } from "../protobuf/gen/tensorflow/core/protobuf/saver_pb.js";
import { notFound, unimplemented } from "../status.js";
import { decodeText } from "../tensor.js";
import { parseText } from "../text-proto/parser.js";

export const SAVED_MODEL_BINARY = "saved_model.pb";
export const SAVED_MODEL_TEXT = "saved_model.pbtxt";
export const ASSETS_FOLDER = "assets";
const SAVED_MODEL_CHUNKED = "saved_model.cpb";
export const FINGERPRINT = "fingerprint.pb";
/** Files that no loader looks at. */
export const EXTRA_FOLDER = "assets.extra";

/** A protocol buffer has at most 2 GiB, and so has a file that Node reads in one piece. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
/** Text is parsed as one string. */
const MAX_TEXT_BYTES = constants.MAX_STRING_LENGTH;

/** What a collection of a MetaGraph may hold as google.protobuf.Any: asset files, variables, savers. */
export const collectionTypes = createRegistry(
  file_tensorflow_core_protobuf_meta_graph,
  file_tensorflow_core_framework_variable,
  file_tensorflow_core_protobuf_saver,
);

/** What a SavedModel folder holds besides variables and assets. */
export interface SavedModelDirectory {
  readonly dir: string;
  readonly savedModel: SavedModel;
  /** Absent in models of older exporters, and when its file is damaged: it only identifies the model. */
  readonly fingerprint?: FingerprintDef;
}

/**
 * Reads the SavedModel of a version folder.
 *
 * @throws NOT_FOUND when there is neither of its files; DATA_LOSS when the binary file and INVALID_ARGUMENT when the
 *   text file cannot be understood, with the place; UNIMPLEMENTED for a SavedModel in chunks (saved_model.cpb)
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("float32", [-1], { name: "x" });
 * const signatures = { serving_default: predictSignatureDef({ x }, { x }) };
 * const builder = new SavedModelBuilder("model/1");
 * builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables: new Map() });
 * builder.save();
 * assert.deepEqual(tagsOf(findMetaGraph(readSavedModel("model/1").savedModel, ["serve"])), ["serve"]);
 */
export function readSavedModel(dir: string): SavedModelDirectory {
  const fingerprint = readFingerprint(dir);
  return { dir, savedModel: readMessage(dir), ...(fingerprint && { fingerprint }) };
}

/**
 * Whether a folder holds a SavedModel, by the names in it.
 *
 * @example
 * assert.equal(isSavedModelFolder("."), false);
 */
export function isSavedModelFolder(dir: string): boolean {
  return [SAVED_MODEL_BINARY, SAVED_MODEL_TEXT, SAVED_MODEL_CHUNKED].some((name) =>
    existsSync(path.join(dir, name)),
  );
}

/**
 * The prefix of the checkpoint with the variables' values. A model without variables has no such files.
 *
 * @example
 * assert.equal(variablesPrefix("model/1"), path.join("model/1", "variables", "variables"));
 */
export function variablesPrefix(dir: string): string {
  return path.join(dir, "variables", "variables");
}

function readMessage(dir: string): SavedModel {
  const binary = path.join(dir, SAVED_MODEL_BINARY);
  if (existsSync(binary))
    return decodeMessage(SavedModelSchema, readWholeFile(binary, MAX_FILE_BYTES), binary);
  const text = path.join(dir, SAVED_MODEL_TEXT);
  if (existsSync(text)) {
    const options = { registry: collectionTypes, what: text };
    return parseText(SavedModelSchema, decodeText(readWholeFile(text, MAX_TEXT_BYTES)), options);
  }
  if (existsSync(path.join(dir, SAVED_MODEL_CHUNKED))) {
    throw unimplemented(
      `${path.join(dir, SAVED_MODEL_CHUNKED)}: SavedModels in chunks are not supported; export the model without ` +
        "the experimental_image_format option",
    );
  }
  throw notFound(
    `Could not find SavedModel .pb or .pbtxt at supplied export directory path: ${dir}. ` +
      "Check that the directory exists and that it may be read",
  );
}

function readFingerprint(dir: string): FingerprintDef | undefined {
  const file = path.join(dir, FINGERPRINT);
  if (!existsSync(file)) return undefined;
  try {
    return decodeMessage(FingerprintDefSchema, readWholeFile(file, MAX_FILE_BYTES), file);
  } catch {
    return undefined;
  }
}
