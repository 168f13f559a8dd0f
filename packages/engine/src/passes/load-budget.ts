/**
 * What a model may do on its own while it is loaded: its init op, and the constants that are computed beforehand. A
 * few nodes can ask for any amount of memory and time (a Fill, a string joined with itself in a loop), nobody has asked
 * the model anything yet, and what it asks for is known before it is done. Restored variables cost nothing here: they
 * stay in their files until somebody reads them.
 */
import { type DType, dtypeInfo, resourceExhausted, type Tensor } from "@servable/formats";
import { isUnread } from "../graph/constant.js";
import type { Known, Node } from "../graph/graph.js";
import { isTensor, type Value } from "../values.js";

/** Work is counted in elements read and written; a node that computes nothing costs some too. */
const WORK_PER_NODE = 2_000;
/** Multiply-adds in the time of one element of another op. */
const PRODUCTS_PER_WORK = 8;
/** What one element of a string tensor costs in memory, at least. */
const BYTES_PER_STRING = 32;

/** Matrix products, decompositions and convolutions: their work is more than the elements that they read and write. */
const products = /MatMul|Einsum|Conv|Matrix|Cholesky|Svd|Eig|Qr$|^Lu$|Tridiagonal|BandedTriangular/;

interface Cost {
  readonly bytes: number;
  readonly work: number;
}

export class LoadBudget {
  private readonly left: { bytes: number; work: number };

  private constructor(private readonly limit: Cost) {
    this.left = { ...limit };
  }

  /** For a model's init op: half a gigabyte, and a few seconds. */
  static forInitialization(): LoadBudget {
    return new LoadBudget({ bytes: 2 ** 29, work: 2 ** 28 });
  }

  /** For what is computed while a request is compiled: all it may take is time that later runs then save. */
  static forFolding(): LoadBudget {
    return new LoadBudget({ bytes: 2 ** 26, work: 2 ** 26 });
  }

  /**
   * Runs a node on values. RESOURCE_EXHAUSTED, before anything is allocated where the outputs' shapes tell, when it
   * takes more than is left.
   * @param outputs what inference knows of them
   */
  run(
    node: Node,
    inputs: readonly Value[],
    outputs: readonly Known[],
    kernel: () => readonly Value[],
  ): readonly Value[] {
    const expected = expectedCost(node, inputs.filter(isTensor), outputs);
    if (!this.affords(expected)) throw this.exhausted(node, expected);
    const { results, cost } = measured(inputs, expected, kernel);
    this.spend(node, cost);
    return results;
  }

  /** Like run, but undefined when it takes more than is left. */
  runIfAffordable(
    node: Node,
    inputs: readonly Value[],
    outputs: readonly Known[],
    kernel: () => readonly Value[],
  ): readonly Value[] | undefined {
    const expected = expectedCost(node, inputs.filter(isTensor), outputs);
    if (!this.affords(expected)) return undefined;
    const { results, cost } = measured(inputs, expected, kernel);
    this.left.bytes -= cost.bytes;
    this.left.work -= cost.work;
    return results;
  }

  /** One round of a loop, whatever it does. RESOURCE_EXHAUSTED when there were too many. */
  step(node: Node): void {
    this.spend(node, { bytes: 0, work: WORK_PER_NODE });
  }

  private affords({ bytes, work }: Cost): boolean {
    return bytes <= this.left.bytes && work <= this.left.work;
  }

  private spend(node: Node, cost: Cost): void {
    if (!this.affords(cost)) throw this.exhausted(node, cost);
    this.left.bytes -= cost.bytes;
    this.left.work -= cost.work;
  }

  private exhausted(node: Node, { bytes }: Cost): Error {
    const what =
      bytes > this.left.bytes
        ? `makes ${Math.ceil(bytes)} bytes; all that a model computes while it is loaded may take ${this.limit.bytes}`
        : "takes too long: a model may not compute so much while it is loaded";
    return resourceExhausted(`${node.op} node "${node.name}" ${what}`);
  }
}

function measured(inputs: readonly Value[], expected: Cost, kernel: () => readonly Value[]) {
  const results = kernel();
  const tensors = inputs.filter(isTensor);
  const made = results.filter(isTensor).filter((value) => isNew(value, tensors));
  const bytes = made.reduce((sum, value) => sum + bytesOf(value), 0);
  return { results, cost: { bytes, work: made.length === 0 ? WORK_PER_NODE : expected.work } };
}

function expectedCost(node: Node, inputs: readonly Tensor[], outputs: readonly Known[]): Cost {
  const counts = outputs.map(({ shape }) => knownCount(shape));
  const made = counts.reduce((sum, count) => sum + count, 0);
  const read = inputs.reduce((sum, value) => sum + (isUnread(value) ? 0 : elementsIn(value)), 0);
  const bytes = outputs.reduce((sum, { type }, i) => {
    if (type === "resource" || type === "variant") return sum;
    const count = counts[i] ?? 0;
    return (
      sum +
      (type === "string" ? count * BYTES_PER_STRING + stringBytes(node, inputs, count) : count * sizeOf(type))
    );
  }, 0);
  return { bytes, work: WORK_PER_NODE + made + read + productWork(node, inputs, made) };
}

/** For sides m×k and k×n of a product, mkn is the root of the three sizes multiplied; bounded so for the others. */
function productWork({ op }: Node, inputs: readonly Tensor[], made: number): number {
  if (!products.test(op)) return 0;
  const sizes = [...inputs.map(elementsIn), made].sort((a, b) => b - a);
  const [largest = 0, second = largest, third = second] = sizes;
  return Math.sqrt(largest * second * third) / PRODUCTS_PER_WORK;
}

/** Bytes of strings that are put together from the inputs'; what is cut or looked up is no longer than those. */
function stringBytes({ op }: Node, inputs: readonly Tensor[], count: number): number {
  const lengths = inputs.flatMap((value) =>
    value.dtype === "string" && value.data.length > 0 ? [totalLength(value.data) / value.data.length] : [],
  );
  if (op.endsWith("RegexReplace"))
    return count * lengths.reduce((product, length) => product * (length + 1), 1);
  return op.endsWith("Join") ? count * lengths.reduce((sum, length) => sum + length, 0) : 0;
}

function knownCount(shape: Known["shape"]): number {
  return shape?.every((size) => size >= 0) ? shape.reduce((product, size) => product * size, 1) : 0;
}

function elementsIn(value: Tensor): number {
  return value.shape.reduce((product, size) => product * size, 1);
}

function sizeOf(dtype: DType): number {
  return dtypeInfo(dtype).size;
}

function bytesOf(value: Tensor): number {
  if (value.dtype !== "string") return value.data.byteLength;
  return totalLength(value.data) + value.data.length * BYTES_PER_STRING;
}

function totalLength(strings: readonly Uint8Array[]): number {
  return strings.reduce((sum, { length }) => sum + length, 0);
}

/** Whether an output has memory of its own. */
function isNew(value: Tensor, inputs: readonly Tensor[]): boolean {
  if (inputs.includes(value) || isUnread(value)) return false;
  return !inputs.some((input) => !isUnread(input) && sharesMemory(input, value));
}

function sharesMemory(a: Tensor, b: Tensor): boolean {
  if (a.dtype === "string" || b.dtype === "string") return a.data === b.data;
  return a.data.buffer === b.data.buffer;
}
