/**
 * A MetaGraph ready to be compiled for any feeds and fetches: imported once, initialised once, its variables and
 * tables in one ResourceManager. Signatures and sessions both compile through it.
 */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import {
  assetFilesOf,
  initOpOf,
  invalidArgument,
  naming,
  notFound,
  type PartialShape,
  type Signature,
  stringTensor,
  type Tensor,
  variablesPrefix,
} from "@servable/formats";
import type { MetaGraphDef } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { type ConstantSource, constantOf } from "./graph/constant.js";
import { type Edge, edgeName, edgeType, feedNode, type Graph, type Node } from "./graph/graph.js";
import { FunctionLibrary, type ImportedGraph, importGraph, mainTensor } from "./graph/import.js";
import { WeightProgress } from "./load-progress.js";
import { type Analyzed, analyze } from "./passes/analyze.js";
import { assignedVariables, freezeVariables } from "./passes/freeze-variables.js";
import { LoadBudget } from "./passes/load-budget.js";
import { cut, Lowering } from "./passes/lower.js";
import { orderEffects } from "./passes/order-effects.js";
import { pruneBodies } from "./passes/prune-bodies.js";
import { RefVariables } from "./passes/ref-variables.js";
import { simplify } from "./passes/simplify.js";
import { specializeBodies } from "./passes/specialize-bodies.js";
import { spellOut } from "./passes/spell-out.js";
import { arraysToLists } from "./passes/tensor-arrays.js";
import { Plan, type PlanOptions } from "./plan/plan.js";
import { ResourceManager } from "./runtime/resource-manager.js";
import type { Variable } from "./runtime/variable.js";
import type { Value } from "./values.js";

/** What to compile: tensors by name ("x:0"), nodes by name. */
export interface Request {
  readonly feeds: readonly { readonly name: string; readonly shape?: PartialShape }[];
  readonly fetches: readonly string[];
  /** Nodes that must run though nothing of theirs is fetched. */
  readonly targets?: readonly string[];
}

/** A model that has been restored and initialised, and is yet to be compiled. */
export interface OpenedModel {
  readonly program: Program;
  /** Has the signatures. */
  readonly metaGraph: MetaGraphDef;
}

export class Program {
  readonly resources = new ResourceManager();
  private readonly main: ImportedGraph;
  private readonly lowering: Lowering;
  private readonly references: RefVariables;
  /** Told of every variable that is read to be verified. */
  weightProgress = new WeightProgress(undefined);
  private readonly frozen = new Map<string, ConstantSource>();
  private readonly budget = LoadBudget.forInitialization();
  /** Variables that some signature assigns: they stay variables in all. */
  private readonly assigned = new Set<string>();

  /** NOT_FOUND for ops that nobody knows, INVALID_ARGUMENT for a graph that is none. */
  constructor(metaGraph: MetaGraphDef) {
    const graph = metaGraph.graphDef;
    if (graph === undefined) throw invalidArgument("the MetaGraph has no graph");
    const library = new FunctionLibrary(graph.library?.function ?? []);
    library.check();
    this.main = importGraph(graph, library);
    this.references = new RefVariables(this.main.nodes);
    this.lowering = new Lowering(library);
  }

  /** Restores variables and runs the init op, with the asset files' paths fed. */
  initialize(metaGraph: MetaGraphDef, dir: string): void {
    const assets = [...assetFilesOf(metaGraph, dir)].map(
      ([name, file]) => [name, stringTensor([], [file])] as const,
    );
    const { saverDef } = metaGraph;
    if (
      saverDef !== undefined &&
      saverDef.restoreOpName !== "" &&
      existsSync(path.dirname(variablesPrefix(dir)))
    ) {
      const prefix = variablesPrefix(dir);
      if (!hasCheckpoint(prefix)) {
        throw invalidArgument(`${prefix} is not a valid checkpoint: its index file is missing`);
      }
      this.runOnce(
        [...assets, [saverDef.filenameTensorName, stringTensor([], [prefix])]],
        saverDef.restoreOpName,
      );
    }
    const initOp = initOpOf(metaGraph);
    if (initOp !== undefined) this.runOnce(assets, initOp);
  }

  /** The type of a tensor. NOT_FOUND when the graph has no such tensor. */
  typeOf(tensorName: string): ReturnType<typeof edgeType> {
    return edgeType(this.tensor(tensorName));
  }

  /** Whether a node yields a tensor with values first. */
  hasOutput(node: string): boolean {
    const type = this.main.nodes.get(node)?.outputTypes[0];
    return type !== undefined && type !== "resource" && type !== "variant";
  }

  /** The graph of a request, without calls and with ordered effects; variables are still variables. */
  graphOf(request: Request): Graph {
    const feeds = new Map<string, Node>();
    const inputs = request.feeds.map(({ name, shape }) => {
      const edge = mainTensor(this.main.nodes, name);
      const fetched = this.references.read(edge);
      const node = feedNode(edgeName(edge), edgeType(fetched), shape ?? null);
      feeds.set(edgeName(edge), node);
      return node;
    });
    const outputs = request.fetches.map((name) => this.tensor(name, feeds));
    const effects = (request.targets ?? []).map((name) => this.node(name));
    const lowered = this.lowering.lower(cut(feeds, outputs, effects, inputs));
    const lists = arraysToLists(simplify(orderEffects(spellOut(lowered))));
    return simplify(orderEffects(pruneBodies(specializeBodies(lists))));
  }

  /** The request that a signature stands for. */
  signatureRequest(signature: Signature): Request {
    return {
      feeds: [...signature.inputs.values()].map(({ name, shape }) => ({ name, shape })),
      fetches: [...signature.outputs.values()].map(({ name }) => name),
    };
  }

  /** The graph of a signature's request; errors name the signature. */
  signatureGraph(signature: Signature): Graph {
    return inSignature(signature, () => this.graphOf(this.signatureRequest(signature)));
  }

  /** Grows when a variable that may have been frozen turns out to be assigned: what was compiled before is stale. */
  generation = 0;

  /** Keeps the variables that a graph assigns from being frozen into any graph compiled later. */
  noteAssignments(graph: Graph): void {
    for (const name of assignedVariables(graph)) {
      if (this.frozen.delete(name)) this.generation++;
      this.assigned.add(name);
    }
  }

  /** Freezes, folds and infers. */
  analyze(graph: Graph): Analyzed {
    return analyze(freezeVariables(graph, (name) => this.frozenValue(name)));
  }

  compile(graph: Graph, options: PlanOptions): Plan {
    return Plan.compile(this.analyze(graph), options);
  }

  run(plan: Plan, inputs: readonly Value[]): Value[] {
    return plan.run(inputs, { resources: this.resources });
  }

  /** Gives back what variables, tables and checkpoints hold. Nothing can be run any more. */
  close(): void {
    this.resources.close();
  }

  private tensor(name: string, feeds?: ReadonlyMap<string, Node>): Edge {
    const reference = this.references.tensor(this.main.nodes.get(nodeName(name)));
    if (reference !== undefined) return reference;
    const edge = mainTensor(this.main.nodes, name);
    return feeds?.has(edgeName(edge)) ? edge : this.references.read(edge);
  }

  private node(name: string): Node {
    const node = this.main.nodes.get(nodeName(name));
    if (node === undefined) throw notFound(`node "${name}" is not in the graph`);
    return node;
  }

  /** Runs an op for its effect on variables and tables, with those of the tensors fed that the graph has. */
  runOnce(feeds: readonly (readonly [string, Tensor])[], target: string): void {
    const present = feeds.filter(([name]) => this.main.nodes.has(nodeName(name)));
    const graph = this.graphOf({
      feeds: present.map(([name, value]) => ({ name, shape: value.shape })),
      fetches: [],
      targets: [target],
    });
    const plan = Plan.compile(analyze(graph), { hostOnly: true, name: target, budget: this.budget });
    this.run(
      plan,
      present.map(([, value]) => value),
    );
    plan.dispose();
  }

  private frozenValue(name: string): ConstantSource | undefined {
    if (this.assigned.has(name)) return undefined;
    const known = this.frozen.get(name);
    if (known !== undefined) return known;
    const value = this.resources.find<Variable>("Variable", name)?.value;
    if (value === undefined) return undefined;
    const constant = constantOf(value);
    if (constant.verify !== undefined) {
      constant.verify();
      this.weightProgress.add(constant.external?.length ?? 0);
    }
    this.frozen.set(name, constant);
    return constant;
  }
}

/** Errors of `make` name the signature. */
export function inSignature<T>(signature: Signature, make: () => T): T {
  return naming(`signature "${signature.name}"`, make);
}

/** A checkpoint of the second format has an index; of the first, the file itself or its shards. */
function hasCheckpoint(prefix: string): boolean {
  const name = path.basename(prefix);
  const isShard = (file: string) =>
    file.startsWith(name) && /^-\d{5}-of-\d{5}$/.test(file.slice(name.length));
  return (
    existsSync(`${prefix}.index`) || existsSync(prefix) || readdirSync(path.dirname(prefix)).some(isShard)
  );
}

/** The node of a tensor name. */
function nodeName(tensor: string): string {
  return tensor.replace(/:\d+$/, "");
}
