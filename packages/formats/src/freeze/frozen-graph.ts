/**
 * Frozen graphs: a GraphDef in a file of its own, variables already constants. Binary (`.pb`) or text (`.pbtxt`); which
 * it is shows in the content, for the extension is a habit only.
 */
import { constants } from "node:buffer";
import { toBinary } from "@bufbuild/protobuf";
import { writeNewFile } from "../checkpoint/new-file.js";
import { readWholeFile } from "../checkpoint/random-access-file.js";
import { GraphBuilder } from "../graph-builder/graph-builder.js";
import type { Output } from "../graph-builder/operation.js";
import { decodeMessage } from "../protobuf/binary.js";
import { type GraphDef, GraphDefSchema } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import { predictSignatureDef } from "../saved-model/build-signature-def.js";
import { SavedModelBuilder } from "../saved-model/builder.js";
import { SERVING_TAG } from "../saved-model/meta-graph.js";
import { DEFAULT_SERVING_SIGNATURE } from "../saved-model/signature.js";
import { invalidArgument, resourceExhausted } from "../status.js";
import { decodeText, encodeText } from "../tensor.js";
import { parseText } from "../text-proto/parser.js";
import { printText } from "../text-proto/printer.js";

/** A protobuf message ends at 2 GiB. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/**
 * NOT_FOUND for a missing file; DATA_LOSS for bytes that are no GraphDef; INVALID_ARGUMENT for text that is none.
 *
 * @example
 * const graph = new GraphBuilder();
 * graph.placeholder("float32", [2], { name: "x" });
 * writeGraphDef("graph.pb", graph.toGraphDef());
 * assert.equal(readGraphDef("graph.pb").node[0]?.name, "x");
 */
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

/** How a graph is written. */
export interface WriteGraphDefOptions {
  /** As text; by default where the file's name ends with .pbtxt. */
  readonly asText?: boolean;
}

/**
 * Writes a graph, in place of a file of this name.
 * RESOURCE_EXHAUSTED for more than 2 GiB; else the codes of the file system's errors.
 *
 * @example
 * const graph = new GraphBuilder();
 * graph.constant(tensor("int32", [], Int32Array.of(7)), { name: "seven" });
 * writeGraphDef("graph.pbtxt", graph.toGraphDef());
 * assert.match(fs.readFileSync("graph.pbtxt", "utf8"), /name: "seven"/);
 */
export function writeGraphDef(file: string, graphDef: GraphDef, options: WriteGraphDefOptions = {}): void {
  const { asText = file.endsWith(".pbtxt") } = options;
  const bytes = asText ? encodeText(printText(GraphDefSchema, graphDef)) : toBinary(GraphDefSchema, graphDef);
  if (bytes.length > MAX_FILE_BYTES) {
    throw resourceExhausted(
      `${file}: a graph of ${bytes.length} bytes is more than the 2 GiB that a message may have`,
    );
  }
  writeNewFile(file, bytes);
}

/** What is fed to a frozen graph and what it gives: names for callers, and the graph's tensors, such as "x:0". */
export interface FrozenGraphInterface {
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Makes a SavedModel of a frozen graph: one signature with named inputs and outputs, for Predict.
 *
 * @param exportDir the SavedModel's folder, which must be vacant
 * @throws INVALID_ARGUMENT, listing all, for tensors that the graph lacks; FAILED_PRECONDITION when there is something in
 *   the folder; else the codes of the file system's errors
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("float32", [2], { name: "x" });
 * graph.compute("Neg", [x], {}, { name: "y" });
 * const named = { inputs: { values: "x:0" }, outputs: { negated: "y:0" } };
 * saveFrozenGraph(graph.toGraphDef(), named, "model/1");
 * const [metaGraph] = readSavedModel("model/1").savedModel.metaGraphs;
 * assert.deepEqual(Object.keys(metaGraph?.signatureDef.serving_default?.inputs ?? {}), ["values"]);
 */
export function saveFrozenGraph(graphDef: GraphDef, named: FrozenGraphInterface, exportDir: string): void {
  const graph = GraphBuilder.fromGraphDef(graphDef);
  const problems: string[] = [];
  const tensors = (side: "inputs" | "outputs"): Record<string, Output> => {
    const entries = Object.entries(named[side]).flatMap(([key, name]): [string, Output][] => {
      const output = graph.tensor(name);
      if (output !== undefined) return [[key, output]];
      problems.push(`${side.slice(0, -1)} "${key}": the graph has no tensor "${name}"`);
      return [];
    });
    return Object.fromEntries(entries);
  };
  const [inputs, outputs] = [tensors("inputs"), tensors("outputs")];
  if (problems.length > 0) throw invalidArgument(`Frozen graph: ${problems.join("; ")}`);
  const builder = new SavedModelBuilder(exportDir);
  const signatures = { [DEFAULT_SERVING_SIGNATURE]: predictSignatureDef(inputs, outputs) };
  builder.addMetaGraphAndVariables([SERVING_TAG], { graph, signatures, variables: new Map() });
  builder.save();
}
