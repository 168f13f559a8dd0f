/** Row rules of products: matrices, batches of matrices, Einstein sums. */
import { mixed, type RowContext, type RowRule, type RowState, type RowTable, rows } from "./row-rule.js";

const matMul: RowRule = (node) => {
  const [a, b] = node.states;
  if (a?.kind !== "rows" || b?.kind !== "shared") return mixed("a product by a matrix that depends on rows");
  const contracted = node.attrs.bool("transpose_a") ? 0 : 1;
  return a.axis === contracted ? mixed("a product that sums over the rows") : rows(0, a.block);
};

/** The last two dimensions are the matrices; those before are batches, broadcast against each other. */
const batchMatMul: RowRule = (node) => {
  const out = node.outputs[0]?.shape?.length;
  const axes = [0, 1].map((input) => axisInOutput(node, input, out));
  const found = axes.filter((axis) => axis !== undefined);
  const mixedState = found.find(
    (axis): axis is Exclude<RowState, { kind: "shared" }> => typeof axis !== "number",
  );
  if (mixedState !== undefined) return mixedState;
  const [axis] = found as number[];
  const isSame = found.every((each) => each === axis);
  const blocks = node.states.flatMap((state) => (state.kind === "rows" ? [state.block] : []));
  if (axis === undefined || !isSame || blocks.some((block) => block !== blocks[0])) {
    return mixed(`${node.op} combines rows along different dimensions`);
  }
  return sharedRepeats(node, axis, out as number)
    ? rows(axis, blocks[0])
    : mixed(`${node.op} by a value that may differ along the rows`);
};

/** Where an input's rows are in the output; undefined for a shared input. */
function axisInOutput(
  node: RowContext,
  input: number,
  out: number | undefined,
): number | RowState | undefined {
  const state = node.states[input];
  const rank = node.shape(input)?.length;
  if (state?.kind === "shared") return undefined;
  if (state?.kind !== "rows" || rank === undefined || out === undefined)
    return mixed(`${node.op} of rows of unknown rank`);
  const fromRight = rank - state.axis;
  if (fromRight > 2) return out - fromRight;
  const transposed = node.attrs.bool(input === 0 ? "adj_x" : "adj_y");
  const isContracted = input === 0 ? (fromRight === 1) !== transposed : (fromRight === 2) !== transposed;
  return isContracted ? mixed(`${node.op} sums over the rows`) : out - (input === 0 ? 2 : 1);
}

/** A shared operand must not have a dimension of its own where the rows are. */
function sharedRepeats(node: RowContext, axis: number, out: number): boolean {
  return node.states.every((state, input) => {
    const shape = node.shape(input);
    if (state.kind !== "shared") return true;
    if (shape === null) return false;
    const position = out - axis;
    if (position <= 2) return true;
    return shape.length < position || shape[shape.length - position] === 1;
  });
}

/** The label of the rows must be in every operand that has rows, in no other, and in the output. */
const einsum: RowRule = (node) => {
  const equation = node.attrs.string("equation").replaceAll(" ", "");
  const [left = "", right = ""] = equation.split("->");
  const terms = left.split(",");
  if (equation.includes("...")) return mixed("an Einstein sum with an ellipsis");
  const labels = node.states.map((state, i) => (state.kind === "rows" ? terms[i]?.[state.axis] : undefined));
  const label = labels.find((each) => each !== undefined);
  const isConsistent = node.states.every((state, i) =>
    state.kind === "rows" ? labels[i] === label && state.block === 1 : !terms[i]?.includes(label ?? ""),
  );
  const isRepeated = terms.some((term) => label !== undefined && term.split(label).length > 2);
  if (label === undefined || !isConsistent || isRepeated || !right.includes(label))
    return mixed("an Einstein sum over the rows");
  return rows(right.indexOf(label));
};

export const matrixRules: RowTable = {
  MatMul: matMul,
  BatchMatMul: batchMatMul,
  BatchMatMulV2: batchMatMul,
  BatchMatMulV3: batchMatMul,
  Einsum: einsum,
};
