/**
 * Einsum as products of matrices. ONNX has the op, but ONNX Runtime's kernel does not survive operands without rows and
 * prepares its weights anew in every run; a MatMul does neither.
 *
 * Labels of two operands fall into four kinds: in both and in the result (batch), in both alone (summed over), and in one
 * operand and the result (its free labels). What is in one operand alone is summed over first.
 */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { input, rankOf, sizeOf, value } from "./node-facts.js";
import { product, reshape, type Size, sizeAt, transposed } from "./sizes.js";

interface Equation {
  /** One character a dimension. */
  readonly operands: readonly string[];
  readonly output: string;
}

/** An operand, the labels of its dimensions, and their sizes. */
interface Operand {
  readonly value: OnnxValue;
  readonly labels: string;
}

/** Sizes by label. */
type Sizes = ReadonlyMap<string, Size>;

function einsum(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const { operands, output } = parse(node);
  const sizes = sizesByLabel(g, node, operands);
  const [a, b] = operands.map((labels, i) => {
    const others = operands.filter((_, k) => k !== i).join("");
    return summed(
      g,
      { value: value(node, i), labels },
      (label) => output.includes(label) || others.includes(label),
    );
  }) as [Operand, Operand | undefined];
  return ordered(g, b === undefined ? a : multiplied(g, a, b, output, sizes), output, sizes).value;
}

/** An ellipsis stands for dimensions with labels of their own, counted from the back: operands may have fewer. */
function parse(node: OnnxNode): Equation {
  const equation = node.attrs.string("equation").replaceAll(" ", "");
  const [left = "", right] = equation.split("->");
  if (right === undefined) throw new NotExpressible("an equation without a result");
  const terms = left.split(",");
  const hidden = terms.map((term, i) =>
    term.includes("...") ? rankOf(input(node, i)) - (term.length - 3) : 0,
  );
  const labels = unusedLabels(equation).slice(0, Math.max(...hidden));
  const spelled = (term: string, count: number) => term.replace("...", labels.slice(labels.length - count));
  const operands = terms.map((term, i) => spelled(term, hidden[i] as number));
  const output = spelled(right, labels.length);
  if ([...operands, output].some((term) => new Set(term).size < term.length)) {
    throw new NotExpressible("a repeated label");
  }
  return { operands, output };
}

function unusedLabels(equation: string): string {
  return [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((label) => !equation.includes(label)).join("");
}

/** Sizes, known ones where one operand knows them. Dimensions of an ellipsis may broadcast, which takes known sizes. */
function sizesByLabel(g: OnnxEmitter, node: OnnxNode, operands: readonly string[]): Sizes {
  const sizes = new Map<string, Size>();
  operands.forEach((labels, i) => {
    [...labels].forEach((label, axis) => {
      const size = sizeOf(input(node, i), axis);
      const before = sizes.get(label);
      if (typeof before === "number" && typeof size === "number" && before !== size) {
        throw new NotExpressible(`sizes ${before} and ${size} of one label`);
      }
      if (typeof before === "number") return;
      sizes.set(label, size ?? before ?? sizeAt(g, value(node, i), axis));
    });
  });
  return sizes;
}

/** Without the dimensions that nothing else mentions. */
function summed(g: OnnxEmitter, { value: x, labels }: Operand, isKept: (label: string) => boolean): Operand {
  const axes = [...labels].flatMap((label, axis) => (isKept(label) ? [] : [axis]));
  if (axes.length === 0) return { value: x, labels };
  return {
    value: g.op("ReduceSum", [x, g.ints(axes)], { keepdims: 0 }),
    labels: [...labels].filter(isKept).join(""),
  };
}

/** With its dimensions in another order. */
function ordered(g: OnnxEmitter, { value: x, labels }: Operand, wanted: string, sizes: Sizes): Operand {
  if (labels === wanted) return { value: x, labels };
  const perm = [...wanted].map((label) => labels.indexOf(label));
  const known = [...labels]
    .map((label) => sizes.get(label))
    .map((size) => (typeof size === "number" ? size : -1));
  return { value: transposed(g, x, perm, known), labels: wanted };
}

function multiplied(g: OnnxEmitter, a: Operand, b: Operand, output: string, sizes: Sizes): Operand {
  const inOutput = (labels: string) => [...output].filter((label) => labels.includes(label)).join("");
  const batch = inOutput([...a.labels].filter((label) => b.labels.includes(label)).join(""));
  const summedOver = [...a.labels]
    .filter((label) => b.labels.includes(label) && !output.includes(label))
    .join("");
  const freeOf = (operand: Operand) =>
    inOutput([...operand.labels].filter((label) => !batch.includes(label)).join(""));
  const [freeA, freeB] = [freeOf(a), freeOf(b)];
  // The operand whose free labels come first in the result goes first: then the product is in order.
  if (freeB !== "" && output.indexOf(freeB) < output.indexOf(freeA))
    return multiplied(g, b, a, output, sizes);
  const sizesOf = (labels: string) => [...labels].map((label) => sizes.get(label) as Size);
  const grouped = (operand: Operand, groups: readonly string[]): OnnxValue => {
    const inOrder = ordered(g, operand, batch + groups.join(""), sizes);
    if (groups.every((group) => group.length === 1)) return inOrder.value;
    return reshape(g, inOrder.value, [
      ...sizesOf(batch),
      ...groups.map((group) => product(g, sizesOf(group))),
    ]);
  };
  // Rows need no merging when the other operand is one matrix for all of them.
  const rows = batch === "" && summedOver.length === 1 && freeA.length > 1 ? [...freeA] : [freeA];
  const y = g.op("MatMul", [grouped(a, [...rows, summedOver]), grouped(b, [summedOver, freeB])]);
  const labels = batch + freeA + freeB;
  const isWhole = freeB.length === 1 && (rows.length > 1 || freeA.length === 1);
  return { value: isWhole ? y : reshape(g, y, sizesOf(labels)), labels };
}

export const einsumRows: OnnxTable = { Einsum: { build: einsum } };
