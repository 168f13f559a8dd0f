/**
 * Makes a SavedModel of what training left: a checkpoint with its graph, or a frozen graph. Neither says what a caller
 * may ask; the signature does.
 */
import { existsSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import {
  decodeMessage,
  GraphBuilder,
  invalidArgument,
  notFound,
  type Output,
  openCheckpoint,
  predictSignatureDef,
  readGraphDef,
  readWholeFile,
  SavedModelBuilder,
  type Tensor,
} from "@servable/formats";
import {
  type VariableDef,
  VariableDefSchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/variable_pb";
import {
  type MetaGraphDef,
  MetaGraphDefSchema,
} from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";

/** Names for callers, and the tensors of the graph that they stand for, such as "images:0". */
export interface ChosenSignature {
  readonly name: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

/** A protocol buffer ends at 2 GiB. */
const MAX_META_BYTES = 2 ** 31 - 1;

/**
 * Converts a checkpoint, V1 or V2, with the graph in `<prefix>.meta`.
 *
 * @param versionDir the SavedModel's folder
 * @throws NOT_FOUND for missing files, INVALID_ARGUMENT, listing all, for tensors that the graph lacks
 */
export function convertCheckpoint(prefix: string, signature: ChosenSignature, versionDir: string): void {
  const file = `${prefix}.meta`;
  if (!existsSync(file)) {
    throw notFound(
      `There is no ${file}: a checkpoint alone has weights and no graph. Convert a frozen graph instead`,
    );
  }
  const metaGraph = decodeMessage(MetaGraphDefSchema, readWholeFile(file, MAX_META_BYTES), file);
  if (metaGraph.graphDef === undefined) throw invalidArgument(`${file} has no graph`);
  const graph = GraphBuilder.fromGraphDef(metaGraph.graphDef, { variables: variablesOf(metaGraph) });
  const checkpoint = openCheckpoint(prefix);
  try {
    const values = graph.variables.map(({ name, checkpointName }): [string, Tensor] => [
      name,
      checkpoint.read(checkpointName),
    ]);
    save(graph, new Map(values), signature, versionDir);
  } finally {
    checkpoint.close();
  }
}

/** Converts a frozen graph, binary or text. Errors as for a checkpoint. */
export function convertFrozenGraph(file: string, signature: ChosenSignature, versionDir: string): void {
  save(GraphBuilder.fromGraphDef(readGraphDef(file)), new Map(), signature, versionDir);
}

function save(
  graph: GraphBuilder,
  variables: ReadonlyMap<string, Tensor>,
  signature: ChosenSignature,
  versionDir: string,
): void {
  const problems: string[] = [];
  const tensors = (names: ChosenSignature["inputs"]): Record<string, Output> =>
    Object.fromEntries(
      Object.entries(names).flatMap(([key, name]): [string, Output][] => {
        const output = graph.tensor(name);
        if (output !== undefined) return [[key, output]];
        problems.push(`"${key}" is to be "${name}", which is no tensor of the graph`);
        return [];
      }),
    );
  const [inputs, outputs] = [tensors(signature.inputs), tensors(signature.outputs)];
  if (problems.length > 0) throw invalidArgument(`Signature "${signature.name}": ${problems.join("; ")}`);
  const builder = new SavedModelBuilder(versionDir);
  const signatures = { [signature.name]: predictSignatureDef(inputs, outputs) };
  builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables });
  builder.save();
}

/** The variables as the graph's collection lists them. */
function variablesOf({ collectionDef }: MetaGraphDef): VariableDef[] {
  const { kind } = collectionDef.variables ?? {};
  return kind?.case === "bytesList"
    ? kind.value.value.map((bytes) => fromBinary(VariableDefSchema, bytes))
    : [];
}
