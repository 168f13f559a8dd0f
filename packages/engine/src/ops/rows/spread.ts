/**
 * Batches that SpaceToBatchND has spread: the pieces of each row's image are items of a larger batch, those of row i at
 * i, i + N, i + 2N …. What treats the items of a batch one by one treats the pieces so too, until BatchToSpaceND puts them
 * together again.
 */
import { mixed, type RowContext, type RowRule, type RowState, rows } from "./row-rule.js";

/** A rule that sees a spread batch as a batch of its own: pieces must stay where they are. */
export function overPieces(rule: RowRule): RowRule {
  return (node) => {
    const spread = node.states.find((state) => state.kind === "spread");
    if (spread === undefined) return rule(node);
    if (node.states.some((state) => state.kind !== "spread" && state.kind !== "shared"))
      return mixed(`${node.op} combines pieces of rows with whole ones`);
    if (node.states.some((state) => state.kind === "spread" && state.pieces !== spread.pieces))
      return mixed(`${node.op} combines pieces of different sizes`);
    const states = node.states.map((state) => (state.kind === "spread" ? rows() : state));
    const result = rule({ ...node, states });
    const back = (state: RowState): RowState =>
      state.kind === "rows" && state.axis === 0 && state.block === 1
        ? spread
        : mixed(`${node.op} does not keep the pieces of rows where they are`);
    return "kind" in result ? back(result) : result.map(back);
  };
}

/** How many pieces a block shape cuts an image into: an input, or an attribute for both dimensions. */
function piecesOf(node: RowContext): number | undefined {
  const block = node.attrs.has("block_size")
    ? [node.attrs.int("block_size"), node.attrs.int("block_size")]
    : node.ints(1);
  return block?.reduce((product, size) => product * size, 1);
}

export const spaceToBatch: RowRule = (node) => {
  const [state, ...rest] = node.states;
  const pieces = piecesOf(node);
  if (state?.kind !== "rows" || state.axis !== 0 || state.block !== 1 || pieces === undefined)
    return mixed(`${node.op} of rows that are not a batch`);
  if (rest.some((each) => each.kind !== "shared")) return mixed("rows decide how images are cut");
  return { kind: "spread", pieces };
};

export const batchToSpace: RowRule = (node) => {
  const [state, ...rest] = node.states;
  if (state?.kind !== "spread" || state.pieces !== piecesOf(node))
    return mixed(`${node.op} of a batch that was not cut so`);
  return rest.every((each) => each.kind === "shared") ? rows() : mixed("rows decide how images are joined");
};
