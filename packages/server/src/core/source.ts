/**
 * Where servable versions come from. A source tells, servable by servable, the complete list of the versions that
 * ought to be loaded: the aspired versions. To leave a version out is to ask for its unloading; an empty list
 * unloads the servable altogether. A source says nothing of servables that it does not watch.
 */
import type { ServableId } from "./servable.js";

export interface AspiredVersion<T> {
  readonly id: ServableId;
  /** What the version is made from: a path at the source, a Loader by the time it reaches the manager. */
  readonly data: T;
  /**
   * Tells contents apart: a version that could not be loaded is tried again once this changes. A version that is
   * available stays as it is, whatever happens to its revision.
   */
  readonly revision?: string;
}

export type AspiredVersionsCallback<T> = (name: string, versions: readonly AspiredVersion<T>[]) => void;

/** Turns what a source finds into what a manager takes, such as a path into a Loader. */
export type SourceAdapter<In, Out> = (version: AspiredVersion<In>) => Out;

/** The callback that adapts each version before it calls `target`. */
export function adaptVersions<In, Out>(
  adapter: SourceAdapter<In, Out>,
  target: AspiredVersionsCallback<Out>,
): AspiredVersionsCallback<In> {
  return (name, versions) =>
    target(
      name,
      versions.map((version) => ({ ...version, data: adapter(version) })),
    );
}
