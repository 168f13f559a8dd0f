/** Everything that @servable/engine offers. */
export { type FrozenGraphOptions, loadFrozenGraph } from "./frozen-graph.js";
export { type LoadOptions, loadModel, type Model } from "./model.js";
export type { RowIndependence } from "./passes/row-independence.js";
export { Session } from "./session.js";
