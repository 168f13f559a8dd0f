/** Everything that @servable/engine offers. */
export { type LoadOptions, loadModel, type Model } from "./model.js";
export type { RowIndependence } from "./passes/row-independence.js";
export { Session } from "./session.js";
