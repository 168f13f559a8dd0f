/**
 * The one file that meets ONNX Runtime. Sessions are created and run synchronously, through the binding beneath
 * onnxruntime-node's promises: its `run` blocks the calling thread all the same, and a plan that steps a loop can't
 * afford a turn of the event loop for each step. The binding's surface is private to that package, hence the exact
 * version in package.json.
 */
import { createRequire } from "node:module";
import {
  Code,
  type DType,
  internal,
  invalidArgument,
  type NumericTensor,
  resourceExhausted,
  StatusError,
  stringTensor,
  type Tensor,
  unimplemented,
} from "@servable/formats";
import { writeModel } from "../onnx/model-writer.js";
import type { OnnxGraph, OnnxPort } from "../onnx/onnx-graph.js";

/** What of ONNX Runtime an operator may choose. */
export interface SessionOptions {
  /** Threads that one operator may use; ONNX Runtime's default (one per core) when absent. */
  readonly intraOpThreads?: number;
}

interface RuntimeTensor {
  readonly type: string;
  readonly data: NumericTensor["data"] | readonly string[];
  readonly dims: readonly number[];
  readonly location: "cpu";
}

/** What the binding says of an input or output; `shape` has -1 for sizes that the model leaves open. */
interface RuntimePort {
  readonly name: string;
  readonly isTensor: boolean;
  /** TensorProto.DataType of onnx.proto. */
  readonly type?: number;
  readonly shape?: readonly number[];
}

interface RuntimeSession {
  readonly inputMetadata: readonly RuntimePort[];
  readonly outputMetadata: readonly RuntimePort[];
  loadModel(path: string, options: object): void;
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  run(
    feeds: Readonly<Record<string, RuntimeTensor>>,
    fetches: Readonly<Record<string, null>>,
    options: object,
  ): Record<string, RuntimeTensor>;
  dispose(): void;
}

interface Binding {
  readonly binding: { readonly InferenceSession: new () => RuntimeSession };
  initOrt(): void;
}

let loaded: Binding | undefined;

function runtime(): Binding["binding"] {
  if (loaded === undefined) {
    loaded = createRequire(import.meta.url)("onnxruntime-node/dist/binding.js") as Binding;
    loaded.initOrt();
  }
  return loaded.binding;
}

/** A compiled ONNX graph. Not safe for use by several threads; each thread makes its own. */
export class OnnxSession {
  private isDisposed = false;

  private readonly fetches: Readonly<Record<string, null>>;

  private constructor(
    private readonly session: RuntimeSession,
    readonly inputs: readonly OnnxPort[],
    readonly outputs: readonly OnnxPort[],
  ) {
    this.fetches = Object.fromEntries(outputs.map((port) => [port.name, null]));
  }

  /** INTERNAL when ONNX Runtime refuses the model: the compiler has written something wrong. */
  static create(graph: OnnxGraph, options: SessionOptions = {}): OnnxSession {
    return OnnxSession.prepare(graph, options)();
  }

  /** Writes the graph down; ONNX Runtime sees it when what is returned is called, which is `create`'s second half. */
  static prepare(graph: OnnxGraph, options: SessionOptions = {}): () => OnnxSession {
    const { name, inputs, outputs } = graph;
    const { bytes, externalFolder } = writeModel(graph);
    const settings = sessionOptions(
      options,
      { ...AS_WRITTEN, ...folderSetting(externalFolder) },
      hasDoubles(graph) ? harmfulToDoubles : [],
    );
    return () => {
      const Session = runtime().InferenceSession;
      const session = new Session();
      try {
        session.loadModel(bytes.buffer, bytes.byteOffset, bytes.byteLength, settings);
      } catch (error) {
        throw runtimeError(error, `compiling "${name}"`);
      }
      return new OnnxSession(session, inputs, outputs);
    };
  }

  /**
   * A model in ONNX's own format, from a file. INVALID_ARGUMENT when ONNX Runtime refuses it or it has no outputs,
   * UNIMPLEMENTED when an input or output is no tensor, or of a type that can't cross into JavaScript.
   */
  static open(file: string, options: SessionOptions = {}): OnnxSession {
    const Session = runtime().InferenceSession;
    const session = new Session();
    try {
      session.loadModel(file, sessionOptions(options));
    } catch (error) {
      throw invalidArgument(`${file}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
    if (session.outputMetadata.length === 0) throw invalidArgument(`${file}: the graph has no outputs`);
    const ports = (list: readonly RuntimePort[]) => list.map((port) => portOf(port, file));
    return new OnnxSession(session, ports(session.inputMetadata), ports(session.outputMetadata));
  }

  /** Inputs and outputs in the order of the graph's ports. Blocks the thread. */
  run(inputs: readonly Tensor[]): Tensor[] {
    const feeds: Record<string, RuntimeTensor> = {};
    this.inputs.forEach((port, i) => {
      const { dtype, data, shape } = inputs[i] as Tensor;
      const carried = dtype === "string" ? data.map((bytes) => unicode(bytes, port.name)) : data;
      feeds[port.name] = { type: port.dtype, data: carried, dims: shape, location: "cpu" };
    });
    let results: Record<string, RuntimeTensor>;
    try {
      results = this.session.run(feeds, this.fetches, runOptions);
    } catch (error) {
      throw runtimeError(error, "running the model");
    }
    return this.outputs.map((port) => this.output(port, results[port.name]));
  }

  /** Gives its memory back. A second time does nothing. */
  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.session.dispose();
  }

  private output(port: OnnxPort, result: RuntimeTensor | undefined): Tensor {
    if (result === undefined || result.type !== port.dtype) {
      throw internal(`output "${port.name}" should be ${port.dtype}, ONNX Runtime gave ${result?.type}`);
    }
    const shape = [...result.dims];
    if (port.dtype === "string") return stringTensor(shape, result.data as readonly string[]);
    return { dtype: port.dtype, shape, data: result.data } as Tensor;
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** ONNX Runtime's strings are text, TensorFlow's are bytes. INVALID_ARGUMENT for those that are not UTF-8. */
function unicode(bytes: Uint8Array, input: string): string {
  try {
    return strictUtf8.decode(bytes);
  } catch (error) {
    throw invalidArgument(`input "${input}" has a string that is not UTF-8`, { cause: error });
  }
}

/** Whether ONNX Runtime's JavaScript binding takes and gives tensors of an element type. */
export function crossesBoundary(dtype: DType): boolean {
  return boundaryTypes.has(dtype);
}

const boundaryTypes: ReadonlySet<DType> = new Set<DType>([
  "float32",
  "float64",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "bool",
]);

/** Element types by TensorProto.DataType (onnx/onnx.proto), as far as they cross into JavaScript. */
const elementTypes: Readonly<Record<number, DType>> = {
  1: "float32",
  2: "uint8",
  3: "int8",
  4: "uint16",
  5: "int16",
  6: "int32",
  7: "int64",
  8: "string",
  9: "bool",
  10: "float16",
  11: "float64",
  12: "uint32",
  13: "uint64",
};

function portOf({ name, isTensor, type = 0, shape = [] }: RuntimePort, file: string): OnnxPort {
  const dtype = elementTypes[type];
  if (!isTensor || dtype === undefined) {
    throw unimplemented(
      `${file}: "${name}" is ${isTensor ? `a tensor of element type ${type}` : "no tensor"}`,
    );
  }
  return { name, dtype, shape };
}

const runOptions = { logSeverityLevel: 4 };

/**
 * For graphs of ours: numbers that we round to quantization steps stay rounded where we do it. ONNX Runtime would
 * otherwise compute on the steps themselves, with weights that it quantizes anew, and differ by more than one of them.
 */
const AS_WRITTEN = { disable_quant_qdq: "1" };

/** Of version 1.30. */
const harmfulOptimizers = [
  // Moves QuantizeLinear to int8 past transpositions as one to uint8, and then refuses its own node.
  "QDQPropagationTransformer",
  // The kernel of sum and layer normalization in one takes four times as long as those of the two.
  "SkipLayerNormFusion",
  "BiasSkipLayerNormFusion",
  // Takes the zeros around an image into a pooling, where padding never counts.
  "Pad_Fusion",
];

/** Those whose operator has no kernel for float64, which they don't look for. */
const harmfulToDoubles = ["QuickGeluFusion"];

function hasDoubles({ inputs, initializers, ops }: OnnxGraph): boolean {
  const isDouble = ({ dtype }: { readonly dtype: string }) => dtype === "float64";
  const casts = ops.some(({ attrs: { to } }) => typeof to === "object" && "dtype" in to && isDouble(to));
  return casts || inputs.some(isDouble) || [...initializers.values()].some(isDouble);
}

function folderSetting(externalFolder: string | undefined): Readonly<Record<string, string>> {
  return externalFolder === undefined ? {} : { model_external_initializers_file_folder_path: externalFolder };
}

function sessionOptions(
  options: SessionOptions,
  settings: Readonly<Record<string, string>> = {},
  alsoDisabled: readonly string[] = [],
): object {
  const session = {
    // TensorFlow runs with denormal numbers taken for zero, and so do its users' expectations of speed.
    set_denormal_as_zero: "1",
    // On a machine that does other work too, some thread is always late: it leaves small pieces to the others.
    dynamic_block_base: "4",
    // The next operator is a few microseconds away. Threads that wait awake for longer, until the next run perhaps, take the
    // time of those that receive and answer requests.
    "intra_op.spin_duration_us": "30",
    ...settings,
  };
  const disabled = [...harmfulOptimizers, ...alsoDisabled];
  const optimization = { disable_specified_optimizers: disabled.join(";") };
  return {
    ...(options.intraOpThreads === undefined ? {} : { intraOpNumThreads: options.intraOpThreads }),
    interOpNumThreads: 1,
    // What goes wrong is thrown, with its code; ONNX Runtime would print it as well.
    logSeverityLevel: 4,
    extra: { session, optimization },
  };
}

/** What ONNX Runtime says when a kernel fails: which operator, under which name, and why. */
const kernelFailure = /while running (\w+) node\. Name:'(.*?)' Status Message: (?:\S+:\d+ )?(.*)/s;

/**
 * ONNX Runtime's messages as status errors. The compiler has checked the graph, so a kernel that fails while it runs
 * has met inputs that don't go together: INVALID_ARGUMENT, and so are shapes that it finds wrong while it compiles.
 * Memory is RESOURCE_EXHAUSTED, the rest INTERNAL.
 */
function runtimeError(error: unknown, doing: string): StatusError {
  const text = error instanceof Error ? error.message : String(error);
  if (/bad_alloc|failed to allocate|out of memory|would require more than/i.test(text)) {
    return resourceExhausted(`${doing}: not enough memory`, { cause: error });
  }
  const [, operator, name, reason] = kernelFailure.exec(text) ?? [];
  if (operator !== undefined) {
    return invalidArgument(`node "${name}" (${operator}): ${reason?.trim()}`, { cause: error });
  }
  const isInput = doing.startsWith("running")
    ? /shape|dimension|rank/i.test(text)
    : /\[(Shape|Type)InferenceError\]/.test(text);
  return new StatusError(isInput ? Code.INVALID_ARGUMENT : Code.INTERNAL, `${doing}: ${text}`, {
    cause: error,
  });
}
