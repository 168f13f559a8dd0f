/** What a row of the layer table says. */
import type { Layer, LayerArgs, LayerResult } from "../layer.js";

export interface LayerRow {
  /** Adds the layer to the graph and gives its outputs. Weights are declared at the first call. */
  readonly call: (layer: Layer, args: LayerArgs) => LayerResult;
  /** An output without a mask of its own has that of the input. */
  readonly passesMask?: boolean;
  /** Inputs are not cast to the layer's dtype. */
  readonly takesAnyDtype?: boolean;
}

/** Rows by class name. */
export type LayerTable = Readonly<Record<string, LayerRow>>;
