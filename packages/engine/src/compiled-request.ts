/**
 * Feeds and fetches, compiled. The main plan is for the declared shapes of the feeds; TensorFlow does not enforce
 * those, so feeds that don't fit get a plan compiled for their ranks, kept for the next time. Where images are convolved
 * that may have any number of channels, plans are for numbers of channels as well.
 */
import {
  Code,
  fitsShape,
  invalidArgument,
  type PartialShape,
  type Shape,
  StatusError,
  type Tensor,
} from "@servable/formats";
import type { Graph, ValueType } from "./graph/graph.js";
import { hasBoundedWork } from "./passes/bounded-work.js";
import { hasLoops, leavesNoTrace } from "./passes/leaves-no-trace.js";
import { proveRowIndependence, type RowIndependence } from "./passes/row-independence.js";
import { convolvesUnknownChannels } from "./passes/unknown-channels.js";
import { partition as checkSupport } from "./plan/partition.js";
import { Plan, type PlanOptions } from "./plan/plan.js";
import type { Program, Request } from "./program.js";
import type { Value } from "./values.js";

/** More combinations of ranks and channels than this of one request are not kept. */
const MAX_SPECIALIZED = 16;

export class CompiledRequest {
  private main: Plan | undefined;
  private readonly specialized = new Map<string, Plan>();
  private generation: number;
  /** Whether plans must be for the last dimensions of the feeds. */
  private readonly needsChannels: boolean;
  /** Of the tensors that are fed. */
  private readonly types: readonly ValueType[];
  /** Whether rows of different callers may run as one batch, with the reason if not. */
  readonly rowIndependence: RowIndependence;
  /** Whether the sizes of feeds that fit the declared shapes bound what a run costs. */
  readonly hasBoundedWork: boolean;
  /** Whether a run leaves variables, tables and random number generators as they were. */
  readonly leavesNoTrace: boolean;
  /** Whether values decide how long a run takes. */
  readonly hasLoops: boolean;

  /** UNIMPLEMENTED when some op can't run. `graph` is the request's, when the caller has it already. */
  constructor(
    private readonly program: Program,
    private readonly request: Request,
    private readonly options: PlanOptions,
    graph: Graph = program.graphOf(request),
  ) {
    this.generation = program.generation;
    this.types = graph.inputs.map((input) => input.outputTypes[0] as ValueType);
    const ranksKnown = request.feeds.every(({ shape }) => shape !== null && shape !== undefined);
    const analyzed = program.analyze(graph);
    this.rowIndependence = proveRowIndependence(analyzed);
    this.hasBoundedWork = hasBoundedWork(analyzed);
    this.leavesNoTrace = leavesNoTrace(analyzed.graph);
    this.hasLoops = hasLoops(analyzed.graph);
    this.needsChannels =
      request.feeds.some(({ shape }) => mayBringChannels(shape ?? null)) &&
      convolvesUnknownChannels(analyzed);
    if (ranksKnown && !this.needsChannels) this.main = Plan.compile(analyzed, options);
    else checkSupport(analyzed);
  }

  /**
   * Values of the fetches, in order. INVALID_ARGUMENT for feeds that are of another type than the graph's tensors.
   * @param feeds in the order of the request's
   */
  run(feeds: readonly Tensor[]): Value[] {
    feeds.forEach((value, i) => {
      if (value.dtype !== this.types[i]) throw this.wrongType(value, i);
    });
    if (this.generation !== this.program.generation) this.recompile();
    const plan = this.planFor(feeds);
    if (!feeds.some(isEmpty)) return this.program.run(plan, feeds);
    if (!this.leavesNoTrace) return this.program.run(this.hostPlan(feeds) ?? plan, feeds);
    try {
      return this.program.run(plan, feeds);
    } catch (error) {
      const onHost = this.hostPlan(feeds);
      if (onHost === undefined) throw error;
      return this.program.run(onHost, feeds);
    }
  }

  /**
   * Some of ONNX Runtime's kernels refuse tensors without elements; the host has no trouble with nothing. Undefined when
   * it can't run all ops.
   */
  private hostPlan(feeds: readonly Tensor[]): Plan | undefined {
    const shapes = feeds.map(({ shape }) => rankOf(shape));
    try {
      return this.keptPlan(`host ${shapes.join(";")}`, shapes, { hostOnly: true });
    } catch (error) {
      if (StatusError.from(error).code === Code.UNIMPLEMENTED) return undefined;
      throw error;
    }
  }

  /** A signature may declare what its tensor is not. */
  private wrongType(value: Tensor, index: number): Error {
    const { name } = this.request.feeds[index] as Request["feeds"][number];
    return invalidArgument(`tensor "${name}" is ${this.types[index]} in the graph, got ${value.dtype}`);
  }

  /** The plan for the declared shapes; absent when a rank or channels are unknown until the first run. */
  get mainPlan(): Plan | undefined {
    return this.main;
  }

  dispose(): void {
    this.main?.dispose();
    for (const plan of this.specialized.values()) plan.dispose();
    this.specialized.clear();
  }

  /** A variable that was frozen into our plans may change from now on. */
  private recompile(): void {
    const hadMain = this.main !== undefined;
    this.dispose();
    this.generation = this.program.generation;
    this.main = hadMain ? this.program.compile(this.program.graphOf(this.request), this.options) : undefined;
  }

  private planFor(feeds: readonly Tensor[]): Plan {
    const fits = feeds.every(({ shape }, i) => {
      const declared = this.request.feeds[i]?.shape ?? null;
      return declared !== null && fitsShape(shape, declared);
    });
    if (this.main !== undefined && fits) return this.main;
    const shapes = feeds.map(({ shape }) => (this.needsChannels ? rankAndChannels(shape) : rankOf(shape)));
    return this.keptPlan(shapes.join(";"), shapes);
  }

  /** A plan for feeds of these shapes, from before or compiled now. */
  private keptPlan(key: string, shapes: readonly Shape[], options: Partial<PlanOptions> = {}): Plan {
    const known = this.specialized.get(key);
    if (known !== undefined) return known;
    const graph = this.program.graphOf(withShapes(this.request, shapes));
    const plan = this.program.compile(graph, { ...this.options, ...options });
    const [oldest] = this.specialized.keys();
    if (this.specialized.size >= MAX_SPECIALIZED && oldest !== undefined) {
      this.specialized.get(oldest)?.dispose();
      this.specialized.delete(oldest);
    }
    this.specialized.set(key, plan);
    return plan;
  }
}

function isEmpty({ shape }: Tensor): boolean {
  return shape.includes(0);
}

/** Any sizes: the next feeds may differ. */
function rankOf(shape: Shape): Shape {
  return shape.map(() => -1);
}

/** Whether a feed's last dimension is unknown and may be that of channels. */
function mayBringChannels(shape: PartialShape): boolean {
  return shape === null || (shape.length > 2 && shape.at(-1) === -1);
}

/** The last dimension of what may be a sequence, an image or a volume; the others may differ next time. */
function rankAndChannels(shape: Shape): Shape {
  return shape.map((size, axis) => (axis >= 2 && axis === shape.length - 1 ? size : -1));
}

function withShapes(request: Request, shapes: readonly Shape[]): Request {
  return { ...request, feeds: request.feeds.map(({ name }, i) => ({ name, shape: shapes[i] ?? null })) };
}
