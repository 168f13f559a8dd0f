/**
 * Frozen graphs: a GraphDef in a file of its own, variables already constants. Binary (`.pb`) or text (`.pbtxt`); which
 * it is shows in the content, for the extension is a habit only.
 */
import { readFileSync, statSync } from "node:fs";
import { decodeMessage } from "./protobuf/binary.js";
import { type GraphDef, GraphDefSchema } from "./protobuf/gen/tensorflow/core/framework/graph_pb.js";
import { invalidArgument, StatusError } from "./status.js";
import { decodeText } from "./tensor.js";
import { parseText } from "./text-proto/parser.js";

/** A protobuf message ends at 2 GiB. */
const MAX_FILE_BYTES = 2 ** 31;

/** NOT_FOUND for a missing file; DATA_LOSS for bytes that are no GraphDef; INVALID_ARGUMENT for text that is none. */
export function readGraphDef(file: string): GraphDef {
  const bytes = readBounded(file);
  return looksLikeText(bytes)
    ? parseText(GraphDefSchema, decodeText(bytes), { what: file })
    : decodeMessage(GraphDefSchema, bytes, file);
}

function readBounded(file: string): Uint8Array {
  try {
    const { size } = statSync(file);
    if (size >= MAX_FILE_BYTES)
      throw invalidArgument(`${file} has ${size} bytes; a GraphDef has fewer than 2 GiB`);
    return readFileSync(file);
  } catch (reason) {
    throw StatusError.from(reason);
  }
}

/** A binary GraphDef begins with the tag of field 1, a line feed, and a length; a text one with a name or a comment. */
function looksLikeText(bytes: Uint8Array): boolean {
  const head = decodeText(bytes.subarray(0, 256));
  return /^\s*(#.*\n\s*)*(node|library|versions|version)\s*[:{<]/.test(head);
}
