/**
 * TensorFlow Lite subgraphs → TensorFlow graphs, an operator at a time. Tensors are known in two forms (numbers.ts):
 * the one that an operator needs is made when first asked for.
 */
import {
  constantTensor,
  dataLoss,
  dtypeNumber,
  type FunctionParameter,
  type GraphBuilder,
  type GraphFunction,
  invalidArgument,
  type Operation,
  type Output,
  resourceExhausted,
  StatusError,
  type Tensor,
  type TfliteModel,
  type TfliteOperator,
  type TfliteSubgraph,
  type TfliteTensor,
  tensorText,
  unimplemented,
} from "@servable/formats";
import {
  constantNumbers,
  type NumberForm,
  numberForm,
  rounded,
  sameForm,
  toNumbers,
  toStored,
} from "./numbers.js";
import { describeOperator, type OperatorScope, TfliteOp } from "./operator.js";
import { flexRow } from "./rows/flex.js";
import { movingOperators, tfliteRows } from "./rows/index.js";

/** Subgraphs inside each other, at most. */
const MAX_DEPTH = 32;
/** A subgraph is translated for each of its uses: this many operators more than the file has, at most. */
const MAX_EXPANSION = 16;

/** Everything that one model's subgraphs share while they are translated. */
export class Translation {
  /** Operations to run before the first request. */
  readonly initializers: Operation[] = [];
  private readonly names = new NodeNames();
  private budget: number;
  private functions = 0;

  constructor(readonly model: TfliteModel) {
    this.budget =
      MAX_EXPANSION * model.subgraphs.reduce((count, { operators }) => count + operators.length + 1, 0);
  }

  /** The outputs of a subgraph, as they are stored. */
  outputs(graph: GraphBuilder, subgraph: number, inputs: readonly Output[], depth = 0): Output[] {
    if (depth > MAX_DEPTH)
      throw invalidArgument(`subgraphs are inside each other more than ${MAX_DEPTH} deep`);
    const found = this.subgraph(subgraph);
    if (inputs.length !== found.inputs.length)
      throw dataLoss(`subgraph "${found.name}" takes ${found.inputs.length} inputs, got ${inputs.length}`);
    return new SubgraphTranslator(this, graph, found, depth).translate(inputs);
  }

  /** A subgraph as a function of the graph. */
  function(graph: GraphBuilder, subgraph: number, depth: number): GraphFunction {
    const { inputs, outputs, tensors } = this.subgraph(subgraph);
    const parameters = inputs.map((index, i): FunctionParameter => {
      const { type, declaredShape } = tensors[index] as TfliteTensor;
      return { name: `x${i}`, type, shape: declaredShape };
    });
    return graph.function(this.functionName(`subgraph_${subgraph}`), parameters, (body, ...args) => {
      const results = this.outputs(body, subgraph, args, depth + 1);
      return Object.fromEntries(outputs.map((_, i) => [`y${i}`, results[i] as Output]));
    });
  }

  functionName(hint: string): string {
    return `${hint}_${this.functions++}`;
  }

  subgraph(index: number): TfliteSubgraph {
    const found = this.model.subgraphs[index];
    if (found === undefined)
      throw dataLoss(`subgraph ${index} is used, but there are ${this.model.subgraphs.length}`);
    return found;
  }

  /** A node's name for a tensor: the tensor's own, as far as TensorFlow allows it. */
  nodeName(tensor: TfliteTensor): string {
    return this.names.unique(tensor.name);
  }

  spendOperator(): void {
    if (--this.budget < 0)
      throw resourceExhausted("the model's subgraphs use each other more often than can be translated");
  }
}

/** UNIMPLEMENTED, naming all of them, when a model has operators without a row. */
export function requireSupported({ subgraphs }: TfliteModel): void {
  const missing = new Map<string, string>();
  for (const { operators, tensors } of subgraphs) {
    for (const operator of operators) {
      if (rowOf(operator) === undefined && !missing.has(operator.name))
        missing.set(operator.name, describeOperator(operator, tensors));
    }
  }
  if (missing.size > 0) {
    throw unimplemented(`no support for TensorFlow Lite operators ${[...missing.values()].join(", ")}`);
  }
}

function rowOf(operator: TfliteOperator) {
  if (operator.isCustom && operator.name.startsWith("Flex")) return flexRow;
  return Object.hasOwn(tfliteRows, operator.name) ? tfliteRows[operator.name] : undefined;
}

/** A tensor in the graph. */
interface Translated {
  numbers?: Output;
  stored?: Output;
  /** Where `stored` is only made when asked for. */
  readonly store?: () => Output;
}

class SubgraphTranslator implements OperatorScope {
  readonly tensors: readonly TfliteTensor[];
  private readonly values: (Translated | undefined)[];
  private readonly constants = new Map<number, Tensor>();
  /** Tensors that are given or computed, whatever buffers they have. */
  private readonly computed: ReadonlySet<number>;

  constructor(
    private readonly translation: Translation,
    readonly graph: GraphBuilder,
    private readonly subgraph: TfliteSubgraph,
    private readonly depth: number,
  ) {
    this.tensors = subgraph.tensors;
    this.values = new Array(this.tensors.length);
    this.computed = new Set([...subgraph.inputs, ...subgraph.operators.flatMap(({ outputs }) => outputs)]);
  }

  translate(inputs: readonly Output[]): Output[] {
    this.subgraph.inputs.forEach((index, i) => {
      this.values[index] = { stored: inputs[i] as Output };
    });
    for (const operator of this.subgraph.operators) this.operator(operator);
    return this.subgraph.outputs.map((index) => this.stored(index));
  }

  private operator(operator: TfliteOperator): void {
    this.translation.spendOperator();
    const row = rowOf(operator);
    if (row === undefined) throw unimplemented(`no support for ${describeOperator(operator, this.tensors)}`);
    const [first] = operator.outputs;
    const build = () => [row(new TfliteOp(operator, this))].flat();
    try {
      const results =
        first === undefined
          ? build()
          : this.graph.scope(this.translation.nodeName(this.tensors[first] as TfliteTensor), build);
      this.define(operator, results);
    } catch (error) {
      throw StatusError.from(error).about(describeOperator(operator, this.tensors));
    }
  }

  private define(operator: TfliteOperator, results: readonly Output[]): void {
    if (results.length < operator.outputs.length)
      throw dataLoss(`it has ${operator.outputs.length} outputs, expected at most ${results.length}`);
    operator.outputs.forEach((index, i) => {
      this.values[index] = this.translated(operator, index, results[i] as Output);
    });
  }

  private translated(operator: TfliteOperator, index: number, result: Output): Translated {
    const tensor = this.tensors[index] as TfliteTensor;
    const form = numberForm(tensor);
    if (form === undefined) {
      checkType(tensor, result);
      return { numbers: result, stored: result };
    }
    if (result.dtype !== "float32") {
      checkType(tensor, result);
      return { stored: result };
    }
    if (this.onlyMoves(operator, form))
      return { numbers: result, store: () => toStored(this.graph, result, form) };
    const { numbers, stored } = rounded(this.graph, result, form);
    return { numbers, store: stored };
  }

  /** Whether the result consists of numbers that can be stored as they are. */
  private onlyMoves({ name, inputs }: TfliteOperator, form: NumberForm): boolean {
    return (
      movingOperators.has(name) &&
      inputs
        .filter((index) => index >= 0)
        .map((index) => this.tensors[index] as TfliteTensor)
        .filter((tensor) => numberForm(tensor) !== undefined || tensor.type === "float32")
        .every((tensor) => sameForm(numberForm(tensor), form))
    );
  }

  // ---- what operators ask for ----

  numbers(index: number): Output {
    const value = this.value(index);
    value.numbers ??= this.makeNumbers(index, value);
    return value.numbers;
  }

  stored(index: number): Output {
    const value = this.value(index);
    value.stored ??= value.store?.() ?? this.graph.constant(this.storedConstant(index));
    return value.stored;
  }

  constant(index: number): Tensor | undefined {
    if (!this.isConstant(index)) return undefined;
    let known = this.constants.get(index);
    if (known === undefined) {
      known = constantNumbers(this.storedConstant(index), numberForm(this.tensors[index] as TfliteTensor));
      this.constants.set(index, known);
    }
    return known;
  }

  function(subgraph: number): GraphFunction {
    return this.translation.function(this.graph, subgraph, this.depth);
  }

  functionName(hint: string): string {
    return this.translation.functionName(hint);
  }

  inline(subgraph: number, inputs: readonly Output[]): readonly Output[] {
    return this.translation.outputs(this.graph, subgraph, inputs, this.depth + 1);
  }

  initialize(operation: Operation): void {
    this.translation.initializers.push(operation);
  }

  private makeNumbers(index: number, value: Translated): Output {
    const constant = this.constant(index);
    if (constant !== undefined) return this.graph.constant(constant);
    return toNumbers(this.graph, value.stored as Output, numberForm(this.tensors[index] as TfliteTensor));
  }

  private value(index: number): Translated {
    const known = this.values[index];
    if (known !== undefined) return known;
    if (!this.isConstant(index)) {
      const tensor = this.tensors[index] as TfliteTensor;
      throw dataLoss(`tensor "${tensor.name}" (${tensorText(tensor)}) is used before it is computed`);
    }
    const made: Translated = {};
    this.values[index] = made;
    return made;
  }

  /** Whether it has a value of its own; tensors of no elements need no buffer. */
  private isConstant(index: number): boolean {
    const { buffer, shape, isVariable } = this.tensors[index] as TfliteTensor;
    return !isVariable && !this.computed.has(index) && (buffer !== undefined || shape.includes(0));
  }

  private storedConstant(index: number): Tensor {
    const tensor = this.tensors[index] as TfliteTensor;
    return constantTensor(tensor, `tensor "${tensor.name}"`);
  }
}

function checkType(tensor: TfliteTensor, result: Output): void {
  const expected =
    tensor.type === "resource" || tensor.type === "variant" ? undefined : dtypeNumber(tensor.type);
  if (expected === undefined || result.type === expected) return;
  throw dataLoss(`its result is ${result.dtype}, but tensor "${tensor.name}" is ${tensorText(tensor)}`);
}

/** Names of nodes that nothing else in the graph has. */
class NodeNames {
  private readonly taken = new Set<string>();

  unique(name: string): string {
    const wanted = name
      .replace(/:\d+$/, "")
      .slice(0, MAX_NAME_LENGTH)
      .replace(/[^A-Za-z0-9_.\\/>-]/g, "_")
      .replace(/^[^A-Za-z0-9.]+/, "");
    const unique =
      wanted === "" || this.taken.has(wanted.toLowerCase()) ? `${wanted}_t${this.taken.size}` : wanted;
    const valid = unique.startsWith("_") ? unique.slice(1) : unique;
    this.taken.add(valid.toLowerCase());
    return valid;
  }
}

/** Converters join the names of all that an operator was made of. */
const MAX_NAME_LENGTH = 100;
