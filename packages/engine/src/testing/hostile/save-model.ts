/** Saves graphs as models for tests, and edits what was saved. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  GraphBuilder,
  type Operation,
  type Output,
  predictSignatureDef,
  printText,
  SavedModelBuilder,
  type Tensor,
} from "@servable/formats";
import { GraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import type { NodeDef } from "@servable/formats/protobuf/tensorflow/core/framework/node_def_pb";
import {
  type SavedModel,
  SavedModelSchema,
} from "@servable/formats/protobuf/tensorflow/core/protobuf/saved_model_pb";

/** Adds a model to a graph; returns the inputs and outputs of its one signature and the values of its variables. */
export type Recipe = (
  graph: GraphBuilder,
  /** The version folder to be; files beside it are free to use. */
  dir: string,
) => {
  readonly inputs: Readonly<Record<string, Output>>;
  readonly outputs: Readonly<Record<string, Output>>;
  readonly variables?: ReadonlyMap<string, Tensor>;
  /** Runs when the model is loaded; by default what fills the tables. */
  readonly mainOp?: Operation;
};

/** Saves a graph as a SavedModel. */
export function saveModel(dir: string, recipe: Recipe): void {
  const graph = new GraphBuilder();
  const { inputs, outputs, variables = new Map(), mainOp } = recipe(graph, dir);
  const init = mainOp ?? (graph.tableInitializers.length > 0 ? graph.initializeTables() : undefined);
  const builder = new SavedModelBuilder(dir);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    variables,
    signatures: { serving_default: predictSignatureDef(inputs, outputs) },
    ...(init === undefined ? {} : { mainOp: init }),
  });
  builder.save();
}

/** Saves it with saved_model.pbtxt in place of saved_model.pb. */
export function asText(dir: string, recipe: Recipe): void {
  saveModel(dir, recipe);
  writeFileSync(path.join(dir, "saved_model.pbtxt"), printText(SavedModelSchema, readModel(dir)));
  rmSync(modelFile(dir));
}

/** Saves the graph alone, as graph.pb. Its variables must be none. */
export function asFrozenGraph(dir: string, recipe: Recipe): void {
  const graph = new GraphBuilder();
  recipe(graph, dir);
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, "graph.pb"), toBinary(GraphDefSchema, graph.toGraphDef()));
}

/** Rewrites saved_model.pb after a change of its message. */
export function editModel(dir: string, change: (model: SavedModel) => void): void {
  const model = readModel(dir);
  change(model);
  writeFileSync(modelFile(dir), toBinary(SavedModelSchema, model));
}

/** Changes the nodes of the main graph. */
export function editNodes(dir: string, change: (node: NodeDef) => void): void {
  editModel(dir, (model) => {
    for (const node of model.metaGraphs[0]?.graphDef?.node ?? []) change(node);
  });
}

function modelFile(dir: string): string {
  return path.join(dir, "saved_model.pb");
}

function readModel(dir: string): SavedModel {
  return fromBinary(SavedModelSchema, readFileSync(modelFile(dir)));
}
