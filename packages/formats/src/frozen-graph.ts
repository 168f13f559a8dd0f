/**
 * Frozen graphs: a GraphDef in a file of its own, variables already constants. Binary (`.pb`) or text (`.pbtxt`); which
 * it is shows in the content, for the extension is a habit only.
 */
import { constants } from "node:buffer";
import { readWholeFile } from "./checkpoint/random-access-file.js";
import { decodeMessage } from "./protobuf/binary.js";
import { type GraphDef, GraphDefSchema } from "./protobuf/gen/tensorflow/core/framework/graph_pb.js";
import { decodeText } from "./tensor.js";
import { parseText } from "./text-proto/parser.js";

/** A protobuf message ends at 2 GiB. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** NOT_FOUND for a missing file; DATA_LOSS for bytes that are no GraphDef; INVALID_ARGUMENT for text that is none. */
export function readGraphDef(file: string): GraphDef {
  const bytes = readWholeFile(file, MAX_FILE_BYTES);
  return looksLikeText(bytes) && bytes.length <= constants.MAX_STRING_LENGTH
    ? parseText(GraphDefSchema, decodeText(bytes), { what: file })
    : decodeMessage(GraphDefSchema, bytes, file);
}

/** A binary GraphDef begins with the tag of field 1, a line feed, and a length; a text one with a name or a comment. */
function looksLikeText(bytes: Uint8Array): boolean {
  const head = decodeText(bytes.subarray(0, 256));
  return /^\s*(#.*\n\s*)*(node|library|versions|version)\s*[:{<]/.test(head);
}
