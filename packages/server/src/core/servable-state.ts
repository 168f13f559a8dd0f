/**
 * The states of a servable version as the outside sees them (GetModelStatus), in the order in which they come.
 * A version can go from any state to `end`; nothing leaves `end` but a new attempt with the same number.
 */
import type { StatusError } from "@servable/formats";

export type ServableState =
  /** Known, nothing done yet. */
  | { readonly kind: "start" }
  /** Loading, or waiting to try again after `lastError`. */
  | { readonly kind: "loading"; readonly lastError?: StatusError }
  /** Handles are given out. */
  | { readonly kind: "available" }
  /** No new handles; waiting for the old ones to be released, then unloading. */
  | { readonly kind: "unloading" }
  /** Gone: unloaded, or failed with `error`. */
  | { readonly kind: "end"; readonly error?: StatusError };

export type ServableStateKind = ServableState["kind"];
