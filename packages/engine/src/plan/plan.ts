/**
 * A compiled graph: steps over slots. A slot holds what one edge carries; constants are in their slots from the start.
 * Running is synchronous and holds no state of its own: two runs of one plan may nest (a loop's body in a loop).
 */
import { type DType, internal, invalidArgument, sameShape, shapeText, type Tensor } from "@servable/formats";
import { constantOf, isUnread } from "../graph/constant.js";
import { type Edge, edgeType, isLoop, type Known, type Node } from "../graph/graph.js";
import { carrierOf } from "../onnx/emitter.js";
import { hostRows } from "../ops/host/index.js";
import { joinElements } from "../ops/host/tensor-lists.js";
import type { Kernel, KernelContext } from "../ops/op-table.js";
import { type Analyzed, facts, infer, knownConstant, knownOf } from "../passes/analyze.js";
import type { LoadBudget } from "../passes/load-budget.js";
import { OnnxSession, type SessionOptions } from "../runtime/session.js";
import { asTensor, isTensor, type Value } from "../values.js";
import { isSmallWork } from "./estimate-work.js";
import {
  FirstRuns,
  firstRunsWork,
  type GroupRun,
  hasOpenRows,
  type Slots,
  withOwnConstants,
} from "./first-runs.js";
import { fromCarrier, joinFragments, neededOutputs, type OnnxGroup, toCarrier } from "./onnx-group.js";
import { type Group, type Partition, partition } from "./partition.js";
import { prepareLoops } from "./prepare-loops.js";
import { activeRecorder, type StepTitle } from "./step-recorder.js";

export interface PlanOptions extends SessionOptions {
  /** Runs everything on the host: for initialisation, which runs once. */
  readonly hostOnly?: boolean;
  /** Lets the host have the first runs of small groups, as first-runs.ts says. */
  readonly lazySessions?: boolean;
  /** What running it may cost, while nobody has asked for anything; without limits when absent. */
  readonly budget?: LoadBudget;
  /** For messages and dumps. */
  readonly name: string;
}

/** One thing a plan does. */
interface Step extends StepTitle {
  readonly run: GroupRun;
  readonly dispose?: () => void;
}

export class Plan {
  private constructor(
    private readonly steps: readonly Step[],
    /** Constants in their slots; the rest empty. */
    private readonly template: Slots,
    private readonly inputs: readonly number[],
    private readonly outputs: readonly number[],
    /** How the graph was divided, for whoever wants to see it. */
    readonly partition: Partition,
  ) {}

  /** Compiles an analyzed graph. UNIMPLEMENTED when some op can't run at all. */
  static compile(analyzed: Analyzed, options: PlanOptions): Plan {
    return Plan.assemble(options.hostOnly ? analyzed : prepareLoops(analyzed), options);
  }

  /** The same for a graph whose loops are prepared already, such as a loop's body. */
  static assemble(analyzed: Analyzed, options: PlanOptions): Plan {
    const parts = partition(analyzed, options.hostOnly);
    const compiler = new PlanCompiler(analyzed, parts, options);
    const steps = compiler.steps();
    const { graph } = analyzed;
    const inputs = graph.inputs.map((node) => compiler.slot({ node, index: 0 }));
    const outputs = graph.outputs.map((edge) => compiler.slot(edge));
    return new Plan(steps, compiler.template, inputs, outputs, parts);
  }

  /** Outputs in the order of the graph's outputs. Blocks the thread. */
  run(inputs: readonly Value[], context: KernelContext): Value[] {
    const slots = this.template.slice();
    this.inputs.forEach((slot, i) => {
      slots[slot] = inputs[i];
    });
    const recorder = activeRecorder();
    if (recorder === undefined) for (const step of this.steps) step.run(slots, context);
    else for (const step of this.steps) recorder.record(step, () => step.run(slots, context));
    return this.outputs.map((slot) => slots[slot] as Value);
  }

  dispose(): void {
    for (const step of this.steps) step.dispose?.();
  }
}

class PlanCompiler {
  readonly template: Slots = [];
  private readonly slots = new Map<Node, number[]>();

  constructor(
    private readonly analyzed: Analyzed,
    private readonly parts: Partition,
    private readonly options: PlanOptions,
  ) {}

  steps(): Step[] {
    return this.parts.groups.flatMap((group, i) =>
      group.side === "onnx" ? [this.onnxStep(group, i)] : group.nodes.map((node) => this.hostStep(node)),
    );
  }

  /** The slot of an edge; a constant's is filled when first asked for. */
  slot(edge: Edge): number {
    let slots = this.slots.get(edge.node);
    if (slots === undefined) {
      slots = [];
      this.slots.set(edge.node, slots);
    }
    let slot = slots[edge.index];
    if (slot === undefined) {
      slot = this.template.length;
      slots[edge.index] = slot;
      this.template.push(edge.node.constant?.read());
    }
    return slot;
  }

  // ---- ONNX Runtime ----

  private onnxStep(group: Group, index: number): Step {
    const { graph, known } = this.analyzed;
    const needed = neededOutputs(graph, group.nodes);
    const joined = joinFragments(
      `${this.options.name}/${index}`,
      group.nodes,
      needed,
      this.parts.fragments,
      known,
    );
    const within = this.withinSession(joined);
    const title = `ONNX group ${index} (${group.nodes.length} ${group.nodes.length === 1 ? "node" : "nodes"})`;
    const runner = this.firstRuns(group, joined, within);
    if (runner !== undefined) {
      const run: GroupRun = (slots, context) => runner.run(slots, context);
      return { title, side: "onnx", run, dispose: () => runner.dispose() };
    }
    const session = OnnxSession.create(joined.graph, this.threadsFor(group));
    return { title, side: "onnx", run: within(session), dispose: () => session.dispose() };
  }

  /** How a group runs in its session. */
  private withinSession(joined: OnnxGroup): (session: OnnxSession) => GroupRun {
    const inputs = joined.inputs.map((edge) => this.slot(edge));
    const outputs = joined.outputs.map((edge) => this.slot(edge));
    const types = joined.outputs.map((edge) => edgeType(edge) as DType);
    const converts = [...joined.inputs, ...joined.outputs].some(
      (edge) => carrierOf(edgeType(edge) as DType) !== edgeType(edge),
    );
    if (converts) {
      return (session) => (slots) => {
        const results = session.run(inputs.map((slot) => toCarrier(asTensor(slots[slot]))));
        outputs.forEach((slot, i) => {
          slots[slot] = fromCarrier(results[i] as Tensor, types[i] as DType);
        });
      };
    }
    return (session) => (slots) => {
      const results = session.run(inputs.map((slot) => slots[slot] as Tensor));
      outputs.forEach((slot, i) => {
        slots[slot] = results[i];
      });
    };
  }

  /** The group on the host until a session is worth its price, where that can be. */
  private firstRuns(
    group: Group,
    joined: OnnxGroup,
    within: (session: OnnxSession) => GroupRun,
  ): FirstRuns | undefined {
    const { known } = this.analyzed;
    const work = this.options.lazySessions === true ? firstRunsWork(group.nodes, known) : undefined;
    if (work === undefined) return undefined;
    return new FirstRuns({
      steps: group.nodes.map((node) => this.hostStep(node)),
      work,
      inputs: joined.inputs
        .filter((edge) => hasOpenRows(knownOf(known, edge)))
        .map((edge) => this.slot(edge)),
      open: OnnxSession.prepare(withOwnConstants(joined.graph), this.threadsFor(group)),
      within,
    });
  }

  private threadsFor(group: Group): SessionOptions {
    return isSmallWork(group.nodes, this.analyzed.known)
      ? { ...this.options, intraOpThreads: 1 }
      : this.options;
  }

  // ---- host ----

  private hostStep(node: Node): Step {
    const inputs = node.inputs.map((edge) => this.slot(edge));
    const outputs = node.outputTypes.map((_, index) => this.slot({ node, index }));
    const kernel = node.bodies === undefined ? this.kernel(node) : this.bodiesKernel(node);
    const runKernel = this.withinBudget(node, kernel.run);
    const run = (slots: Slots, context: KernelContext) => {
      const results = runKernel(
        inputs.map((slot) => slots[slot] as Value),
        context,
      );
      for (let i = 0; i < outputs.length; i++) slots[outputs[i] as number] = results[i];
    };
    const title = `${node.op} ${node.name}`;
    return { title, side: "host", run, ...(kernel.dispose === undefined ? {} : { dispose: kernel.dispose }) };
  }

  private kernel(node: Node): { run: Kernel; dispose?: () => void } {
    const row = hostRows[node.op];
    if (row === undefined) throw internal(`no host row for ${node.op}`);
    return { run: row.kernel(facts(node)) };
  }

  private withinBudget(node: Node, run: Kernel): Kernel {
    const { budget } = this.options;
    if (budget === undefined || node.bodies !== undefined) return run;
    return (inputs, context) =>
      budget.run(node, inputs, infer(node, inputs.map(knownValue)), () => run(inputs, context));
  }

  private bodiesKernel(node: Node): { run: Kernel; dispose: () => void } {
    const analyzed = this.analyzed.bodies.get(node) ?? [];
    const plans = analyzed.map((body, i) =>
      Plan.assemble(body, { ...this.options, name: `${this.options.name}/${node.name}/${i}` }),
    );
    const known = this.analyzed.known.get(node) ?? [];
    const { budget } = this.options;
    const run = isLoop(node) ? loopKernel(node, plans, known, budget) : branchKernel(node, plans);
    const dispose = () => {
      for (const plan of plans) plan.dispose();
    };
    return { run, dispose };
  }
}

/** A value that is there, as inference knows it. */
function knownValue(value: Value): Known {
  if (isTensor(value) && !isUnread(value)) return knownConstant(constantOf(value));
  return { type: value.dtype, shape: value.shape };
}

/** A loop that has not ended after this many steps never will. */
const MAX_STEPS = 1_000_000_000;

function loopKernel(
  node: Node,
  [cond, body]: readonly Plan[],
  known: readonly Known[],
  budget: LoadBudget | undefined,
): Kernel {
  if (cond === undefined || body === undefined)
    throw internal(`${node.op} node "${node.name}" has no bodies`);
  const stack = (items: readonly Value[], k: number) =>
    stackItems(node, known[node.inputs.length + k] as Known, items);
  return (inputs, context) => {
    let values: readonly Value[] = inputs;
    const items: Value[][] = node.outputTypes.slice(inputs.length).map(() => []);
    for (let step = 0; step < MAX_STEPS; step++) {
      if (!isTrue(cond.run(values, context)[0] as Value))
        return [...values, ...items.map((each, k) => stack(each, k))];
      budget?.step(node);
      const results = body.run(values, context);
      values = results.slice(0, inputs.length);
      for (const [k, stacked] of items.entries()) stacked.push(results[inputs.length + k] as Value);
    }
    throw invalidArgument(`${node.op} node "${node.name}" does not end`);
  };
}

/** What a body yielded in each step, along a new first axis. */
function stackItems(node: Node, known: Known, items: readonly Value[]): Value {
  const [first] = items;
  const shape = first?.shape ?? known.shape?.slice(1).map((size) => Math.max(size, 0)) ?? [];
  const odd = items.find((item) => !sameShape(item.shape, shape));
  if (odd !== undefined) {
    throw invalidArgument(
      `${node.op} node "${node.name}": steps yield ${shapeText(shape)} and ${shapeText(odd.shape)}, which can't be stacked`,
    );
  }
  return joinElements(known.type, [items.length, ...shape], items);
}

function branchKernel(node: Node, branches: readonly Plan[]): Kernel {
  const choose = node.op.endsWith("Case")
    ? (value: Value) => {
        const index = Number(asTensor(value).data[0]);
        return index >= 0 && index < branches.length ? index : branches.length - 1;
      }
    : (value: Value) => (isTrue(value) ? 0 : 1);
  return (inputs, context) => {
    const branch = branches[choose(inputs[0] as Value)];
    if (branch === undefined) throw internal(`${node.op} node "${node.name}" has no branch`);
    return branch.run(inputs.slice(1), context);
  };
}

/** TensorFlow's truth: a scalar that is not zero or empty, or any other tensor that has elements. */
function isTrue(value: Value): boolean {
  const { data, shape, dtype } = asTensor(value);
  if (shape.length > 0) return data.length > 0;
  if (dtype === "string") return (data[0] as Uint8Array).length > 0;
  return Boolean(data[0]);
}
