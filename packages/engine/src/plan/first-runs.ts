/**
 * Who runs a small group at first: the host. ONNX Runtime's library and a session take tens of milliseconds and megabytes,
 * which a model that is asked now and then never earns back, and the first answer need not wait for them. A session is
 * made when the group has run a few times, or has a batch that would take the host long.
 */

import { elementCount } from "@servable/formats";
import { constantOf } from "../graph/constant.js";
import type { Known, Node } from "../graph/graph.js";
import type { OnnxGraph } from "../onnx/onnx-graph.js";
import { hostRows } from "../ops/host/index.js";
import type { KernelContext } from "../ops/op-table.js";
import type { OnnxSession } from "../runtime/session.js";
import type { Value } from "../values.js";
import { rowWork } from "./estimate-work.js";

export type Slots = (Value | undefined)[];

/** Runs a group, from slots to slots. */
export type GroupRun = (slots: Slots, context: KernelContext) => void;

/** Runs after which the session is worth making. */
const FIRST_RUNS = 32;
/** Multiplications that the host does in a fraction of a millisecond: what one row of a small group takes at most… */
const MAX_ROW_WORK = 1 << 14;
/** …and one run. */
const MAX_RUN_WORK = 1 << 16;
/** A step on the host costs as much as some hundred multiplications. */
const MAX_NODES = 64;
/** Elements of the constants, which the host and the session both hold. */
const MAX_CONSTANTS = 1 << 16;

/** The work of a row of a group that the host may have at first; undefined for others. */
export function firstRunsWork(
  nodes: readonly Node[],
  known: ReadonlyMap<Node, readonly Known[]>,
): number | undefined {
  if (nodes.length > MAX_NODES || !nodes.every(({ op, bodies }) => bodies === undefined && op in hostRows)) {
    return undefined;
  }
  const constants = nodes.flatMap(({ inputs }) => inputs.flatMap(({ node }) => node.constant ?? []));
  const elements = constants.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const work = rowWork(nodes, known);
  return elements <= MAX_CONSTANTS && work <= MAX_ROW_WORK ? work : undefined;
}

/** The graph with its constants in memory: their files may be gone when the session is made. */
export function withOwnConstants(graph: OnnxGraph): OnnxGraph {
  const initializers = [...graph.initializers].map(
    ([name, source]) => [name, source.external === undefined ? source : constantOf(source.read())] as const,
  );
  return { ...graph, initializers: new Map(initializers) };
}

/** Whether it is open how many rows a value has. */
export function hasOpenRows({ shape }: Known): boolean {
  return shape?.[0] === -1;
}

export interface FirstRunsOptions {
  /** The group's nodes on the host, in order. */
  readonly steps: readonly { readonly run: GroupRun }[];
  /** Multiplications for one row. */
  readonly work: number;
  /** Slots of those inputs whose rows are open. */
  readonly inputs: readonly number[];
  readonly open: () => OnnxSession;
  /** How the group runs in a session. */
  readonly within: (session: OnnxSession) => GroupRun;
}

export class FirstRuns {
  private runs = 0;
  private isRefused = false;
  private session: OnnxSession | undefined;
  private runInSession: GroupRun | undefined;

  constructor(private readonly options: FirstRunsOptions) {}

  run(slots: Slots, context: KernelContext): void {
    if (this.runInSession === undefined && !this.isForHost(slots)) this.open();
    if (this.runInSession !== undefined) {
      this.runInSession(slots, context);
      return;
    }
    this.runs++;
    for (const step of this.options.steps) step.run(slots, context);
  }

  dispose(): void {
    this.session?.dispose();
  }

  private isForHost(slots: Slots): boolean {
    const { inputs, work } = this.options;
    const rows = inputs.reduce((most, slot) => Math.max(most, slots[slot]?.shape[0] ?? 1), 1);
    return this.isRefused || (this.runs < FIRST_RUNS && rows * work <= MAX_RUN_WORK);
  }

  /** Requests have been answered already: should ONNX Runtime refuse the group now, the host goes on answering. */
  private open(): void {
    try {
      this.session = this.options.open();
      this.runInSession = this.options.within(this.session);
    } catch {
      this.isRefused = true;
    }
  }
}
