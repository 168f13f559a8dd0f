/**
 * How each TensorFlow op is supported, as data. One op has up to three rows, each in the table of its aspect:
 *
 * - `ops/onnx/*.ts`: how ONNX expresses it (`OnnxRow`);
 * - `ops/host/*.ts`: how TypeScript computes it (`HostRow`), for what ONNX can't and for constant folding;
 * - `ops/shape/*.ts`: what is known of its outputs before it runs (`ShapeRule`).
 *
 * The compiler asks the tables; docs/ops.md and the "unsupported op" message are made from them. Where an op has
 * both an ONNX row and a host row, ONNX Runtime gets it, unless the row refuses (see `NotExpressible`).
 */
import type { PartialShape, Tensor } from "@servable/formats";
import type { Attrs } from "../graph/attrs.js";
import type { Known, ValueType } from "../graph/graph.js";
import type { OnnxEmitter, OnnxValue } from "../onnx/emitter.js";
import type { ResourceManager } from "../runtime/resource-manager.js";
import type { Value } from "../values.js";

/** What a row may know of the node it serves. */
export interface NodeFacts {
  readonly name: string;
  readonly op: string;
  readonly attrs: Attrs;
  readonly inputTypes: readonly ValueType[];
  readonly outputTypes: readonly ValueType[];
}

// ---- ONNX ----------------------------------------------------------------------------------------------------

/** An input of a node under conversion. */
export interface OnnxInput extends Known {
  /** The ONNX value that carries it. */
  readonly value: OnnxValue;
  /** The value itself when it is known at compile time (small or large: reading a weight costs its size). */
  readonly tensor: Tensor | undefined;
}

/** A node under conversion. */
export interface OnnxNode extends NodeFacts {
  readonly inputs: readonly OnnxInput[];
  /** Inferred types and shapes of the outputs. */
  readonly outputs: readonly Known[];
}

/**
 * How ONNX expresses an op. Rows state differences only: what is not mentioned has the same place and meaning on
 * both sides. Dtypes that ONNX Runtime's kernel lacks are the emitter's business (it casts to a wider type and
 * back, or refuses), not the row's.
 */
export interface OnnxRow {
  /** ONNX operator, e.g. "Add". Absent when `build` composes several. */
  readonly onnx?: string;
  /** TensorFlow attribute → ONNX attribute, for those that are passed on. */
  readonly attrs?: Readonly<Record<string, string>>;
  /** How many leading inputs are passed on; all by default. */
  readonly inputs?: number;
  /** For what no renaming expresses: emits through `g`, returns the outputs in order, or throws NotExpressible. */
  readonly build?: (g: OnnxEmitter, node: OnnxNode) => readonly OnnxValue[] | OnnxValue;
}

/** Thrown by a row that can't express this node (an unknown rank, an input that is not constant): the host runs it. */
export class NotExpressible extends Error {
  override readonly name = "NotExpressible";
}

// ---- host ----------------------------------------------------------------------------------------------------

/** What a kernel may use while it runs. */
export interface KernelContext {
  readonly resources: ResourceManager;
}

/** Computes a node's outputs from its inputs. Inputs are never changed; an output may share memory with an input. */
export type Kernel = (inputs: readonly Value[], context: KernelContext) => readonly Value[];

export interface HostRow {
  /** Called once per node at load: reads the attributes, returns the kernel. */
  readonly kernel: (node: NodeFacts) => Kernel;
  /**
   * What running it does besides computing its outputs. Such nodes are never folded, shared or dropped while reachable.
   * "state": reads or writes a resource; "check": may fail on purpose (Assert); "random": differs from run to run.
   */
  readonly effect?: "state" | "check" | "random";
}

// ---- shape ---------------------------------------------------------------------------------------------------

/** What is known of the inputs of a node whose outputs are being inferred. */
export interface ShapeContext extends NodeFacts {
  readonly inputs: readonly Known[];
  /** Shape of an input; null (unknown rank) past the end. */
  shape(input: number): PartialShape;
  /** Value of an input, when constant and at most a few thousand elements. */
  tensor(input: number): Tensor | undefined;
  /** Entries of an integer scalar or vector input, undefined each where unknown; undefined when not even its length is known. */
  entries(input: number): readonly (number | undefined)[] | undefined;
}

/** Shape of an output, alone or with what else is known of it (see `Known`). */
export type Inferred =
  | PartialShape
  | {
      readonly shape: PartialShape;
      readonly partial?: NonNullable<Known["partial"]>;
      readonly element?: PartialShape;
    };

/** Shapes of all outputs in order. A rule that knows nothing returns null for that output; it never throws on unknowns. */
export type ShapeRule = (node: ShapeContext) => readonly Inferred[];

export type OnnxTable = Readonly<Record<string, OnnxRow>>;
export type HostTable = Readonly<Record<string, HostRow>>;
export type ShapeTable = Readonly<Record<string, ShapeRule>>;
