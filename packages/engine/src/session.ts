/**
 * A graph with its variables, run by tensor name, as TensorFlow's Session runs it: any tensor can be fed, any fetched,
 * any node be a target. Each combination is compiled once and kept.
 *
 * @example
 * const session = Session.load(["serve"], "models/half_plus_two/1");
 * const [y] = session.run(new Map([["x:0", tensor("float32", [2], Float32Array.of(1, 2))]]), ["y:0"]);
 */
import { findMetaGraph, invalidArgument, readSavedModel, shapeText, type Tensor } from "@servable/formats";
import type { MetaGraphDef } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { CompiledRequest } from "./compiled-request.js";
import { Program } from "./program.js";
import { isTensor } from "./values.js";

/** More combinations of feeds, fetches and targets than this are not kept. */
const MAX_COMPILED = 64;

export class Session {
  private readonly compiled = new Map<string, CompiledRequest>();

  private constructor(
    private readonly program: Program,
    /** Whether the program is the session's alone. */
    private readonly ownsProgram: boolean,
  ) {}

  /** The MetaGraph with exactly these tags, restored and initialised. Errors as loadModel's. */
  static load(tags: readonly string[], exportDir: string): Session {
    const metaGraph = findMetaGraph(readSavedModel(exportDir).savedModel, tags);
    const program = new Program(metaGraph);
    program.initialize(metaGraph, exportDir);
    return new Session(program, true);
  }

  /** A graph that needs no checkpoint, such as a frozen one. */
  static fromGraph(metaGraph: MetaGraphDef): Session {
    return new Session(new Program(metaGraph), true);
  }

  /** A program that is loaded already, whose variables and tables the session shares. */
  static of(program: Program): Session {
    return new Session(program, false);
  }

  /**
   * Runs what the fetches and targets need, with the fed tensors in place of what the graph would compute. Blocks.
   * NOT_FOUND for names that the graph does not have; INVALID_ARGUMENT for a feed of a wrong dtype, or a fetch that
   * is no tensor with values.
   * @param feeds tensor name ("x:0" or "x") → value
   * @param fetches tensor names
   * @param targets names of nodes to run for their effect
   */
  run(
    feeds: ReadonlyMap<string, Tensor>,
    fetches: readonly string[],
    targets: readonly string[] = [],
  ): Tensor[] {
    for (const [name, value] of feeds) this.checkFeed(name, value);
    const values = this.request([...feeds.keys()], fetches, targets).run([...feeds.values()]);
    return values.map((value, i) => {
      if (!isTensor(value))
        throw invalidArgument(`fetch "${fetches[i]}" is a ${value.dtype}, not a tensor with values`);
      return value;
    });
  }

  close(): void {
    for (const compiled of this.compiled.values()) compiled.dispose();
    this.compiled.clear();
    if (this.ownsProgram) this.program.close();
  }

  private checkFeed(name: string, value: Tensor): void {
    const type = this.program.typeOf(name);
    if (type !== value.dtype) {
      throw invalidArgument(
        `feed "${name}" is a ${value.dtype} tensor of shape ${shapeText(value.shape)}, expected ${type}`,
      );
    }
  }

  private request(
    feeds: readonly string[],
    fetches: readonly string[],
    targets: readonly string[],
  ): CompiledRequest {
    const key = JSON.stringify([feeds, fetches, targets]);
    let compiled = this.compiled.get(key);
    if (compiled === undefined) {
      const request = { feeds: feeds.map((name) => ({ name })), fetches, targets };
      const graph = this.program.graphOf(request);
      this.program.noteAssignments(graph);
      compiled = new CompiledRequest(this.program, request, { name: "session" }, graph);
      this.remember(key, compiled);
    }
    return compiled;
  }

  private remember(key: string, compiled: CompiledRequest): void {
    const [oldest] = this.compiled.keys();
    if (this.compiled.size >= MAX_COMPILED && oldest !== undefined) {
      this.compiled.get(oldest)?.dispose();
      this.compiled.delete(oldest);
    }
    this.compiled.set(key, compiled);
  }
}
