/**
 * Which version of a servable to load or unload next. A policy is a pure function of snapshots of all versions of
 * one servable: no clock, no I/O, no memory. The manager calls it whenever something changed and carries its
 * decision out, then asks again, until it decides on nothing.
 */

/**
 * - new: aspired, and nothing done yet
 * - loading: being loaded, or waiting for its turn or for another try
 * - ready: gives out handles
 * - unloading: no longer gives out handles
 * - error: could not be loaded
 */
export type VersionPhase = "new" | "loading" | "ready" | "unloading" | "error";

export interface VersionSnapshot {
  readonly version: bigint;
  readonly isAspired: boolean;
  readonly phase: VersionPhase;
}

export interface VersionAction {
  readonly action: "load" | "unload";
  readonly version: bigint;
}

export type VersionPolicy = (versions: readonly VersionSnapshot[]) => VersionAction | undefined;

/**
 * Keeps at least one version ready throughout a change, at the price of holding two in memory for a while: a version
 * that is no longer aspired goes only when an aspired one is ready, or when none is aspired at all.
 */
export const availabilityPreserving: VersionPolicy = (versions) => {
  const aspired = versions.filter(({ isAspired }) => isAspired);
  const canUnload = aspired.length === 0 || aspired.some(({ phase }) => phase === "ready");
  return (canUnload ? unloadLowest(versions) : undefined) ?? loadHighest(versions);
};

/**
 * Never holds the old and the new in memory together, at the price of a gap in service: nothing is loaded before all
 * versions that are no longer aspired are gone.
 */
export const resourcePreserving: VersionPolicy = (versions) => {
  const unload = unloadLowest(versions);
  if (unload !== undefined) return unload;
  const isLeaving = versions.some(
    ({ isAspired, phase }) => !isAspired && (phase === "loading" || phase === "unloading"),
  );
  return isLeaving ? undefined : loadHighest(versions);
};

function unloadLowest(versions: readonly VersionSnapshot[]): VersionAction | undefined {
  const candidates = versions.filter(({ isAspired, phase }) => !isAspired && phase === "ready");
  return candidates.length === 0 ? undefined : { action: "unload", version: extreme(candidates, -1) };
}

function loadHighest(versions: readonly VersionSnapshot[]): VersionAction | undefined {
  const candidates = versions.filter(({ isAspired, phase }) => isAspired && phase === "new");
  return candidates.length === 0 ? undefined : { action: "load", version: extreme(candidates, 1) };
}

function extreme(versions: readonly VersionSnapshot[], direction: 1 | -1): bigint {
  return versions
    .map(({ version }) => version)
    .reduce((best, version) => (version > best === direction > 0 ? version : best));
}
