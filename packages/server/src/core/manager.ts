/**
 * Loads the versions that sources aspire to, unloads those that they no longer do, and gives out handles on what is
 * loaded. In which order is for the version policy to say; how, for each version's loader.
 *
 * Each version goes through the phases of its `Version` below; a change of phase publishes a state and makes the
 * manager ask the policy again. Everything happens on one thread: between two awaits the maps are consistent.
 */
import { Code, notFound, StatusError } from "@servable/formats";
import { type Clock, systemClock } from "./clock.js";
import type { Loader } from "./loader.js";
import { Semaphore } from "./semaphore.js";
import { requestText, type ServableId, type ServableRequest } from "./servable.js";
import { HandleCount, type ServableHandle } from "./servable-handle.js";
import type { AspiredVersion } from "./source.js";
import type { StateMonitor } from "./state-monitor.js";
import { availabilityPreserving, type VersionPolicy } from "./version-policy.js";

export interface ManagerOptions {
  readonly monitor: StateMonitor;
  /** Default: availability-preserving. */
  readonly policy?: VersionPolicy;
  /** Versions loaded at the same time, at most. */
  readonly maxParallelLoads: number;
  readonly maxParallelUnloads: number;
  /** Further attempts after a load failed in a way that may pass. */
  readonly maxLoadRetries: number;
  readonly loadRetryIntervalMs: number;
  readonly clock?: Clock;
}

/** Where a version stands. A field exists only in the phases that have it. */
type Phase<T> =
  | { readonly kind: "new" }
  | { readonly kind: "loading"; readonly abort: AbortController }
  | { readonly kind: "ready"; readonly servable: T; readonly handles: HandleCount<T> }
  | { readonly kind: "unloading" }
  | { readonly kind: "error"; readonly error: StatusError };

interface Version<T> {
  readonly id: ServableId;
  readonly loader: Loader<T>;
  readonly revision: string | undefined;
  isAspired: boolean;
  phase: Phase<T>;
  /** What takes its place once it is gone: the version was wanted again while on its way out. */
  successor?: AspiredVersion<Loader<T>> | undefined;
}

export class Manager<T> {
  readonly #servables = new Map<string, Map<bigint, Version<T>>>();
  readonly #loads: Semaphore;
  readonly #unloads: Semaphore;
  readonly #clock: Clock;
  readonly #policy: VersionPolicy;
  /** Loads and unloads that are under way. */
  readonly #work = new Set<Promise<void>>();

  constructor(private readonly options: ManagerOptions) {
    this.#loads = new Semaphore(options.maxParallelLoads);
    this.#unloads = new Semaphore(options.maxParallelUnloads);
    this.#clock = options.clock ?? systemClock;
    this.#policy = options.policy ?? availabilityPreserving;
  }

  /** Takes the complete list of the versions of one servable that ought to be loaded. */
  setAspiredVersions(name: string, aspired: readonly AspiredVersion<Loader<T>>[]): void {
    let versions = this.#servables.get(name);
    if (versions === undefined) {
      versions = new Map();
      this.#servables.set(name, versions);
    }
    const wanted = new Map(aspired.map((one) => [one.id.version, one]));
    for (const version of versions.values()) {
      version.isAspired = wanted.has(version.id.version);
      if (!version.isAspired) this.#dismiss(version);
    }
    for (const one of wanted.values()) this.#aspire(versions, one);
    this.#advance(name);
  }

  /** A handle on the version that the request asks for. NOT_FOUND when no such version is ready. */
  handle(request: ServableRequest): ServableHandle<T> {
    const phase = this.#ready(request)?.phase;
    if (phase?.kind !== "ready") {
      throw notFound(`Servable not found for request: ${requestText(request)}`);
    }
    return phase.handles.take();
  }

  /** The versions that handles can be had for. */
  available(): ServableId[] {
    return [...this.#servables.values()]
      .flatMap((versions) => [...versions.values()])
      .filter(({ phase }) => phase.kind === "ready")
      .map(({ id }) => id);
  }

  /** Whether a version that the request means is on its way to be ready, be it that its predecessor leaves first. */
  isComing({ name, version }: ServableRequest): boolean {
    return [...(this.#servables.get(name)?.values() ?? [])].some(
      ({ id, phase, successor }) =>
        (version === undefined || id.version === version) &&
        (successor !== undefined || phase.kind === "new" || (phase.kind === "loading" && !isLeaving(phase))),
    );
  }

  /** Unloads everything, after the last handle on each version is released. */
  async close(): Promise<void> {
    for (const name of this.#servables.keys()) this.setAspiredVersions(name, []);
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  #ready({ name, version }: ServableRequest): Version<T> | undefined {
    const versions = this.#servables.get(name);
    if (versions === undefined) return undefined;
    if (version !== undefined) return versions.get(version);
    let newest: Version<T> | undefined;
    for (const candidate of versions.values()) {
      const isNewer = newest === undefined || candidate.id.version > newest.id.version;
      if (candidate.phase.kind === "ready" && isNewer) newest = candidate;
    }
    return newest;
  }

  #aspire(versions: Map<bigint, Version<T>>, aspired: AspiredVersion<Loader<T>>): void {
    const { id, data, revision } = aspired;
    const known = versions.get(id.version);
    if (known !== undefined && isLeaving(known.phase)) {
      known.successor = aspired;
      return;
    }
    const hasNewContents = known?.phase.kind === "error" && known.revision !== revision;
    if (known !== undefined && !hasNewContents) return;
    versions.set(id.version, { id, loader: data, revision, isAspired: true, phase: { kind: "new" } });
    this.options.monitor.publish(id, { kind: "start" });
  }

  /** A version that nobody wants any more and that is not ready: what is ready leaves when the policy says so. */
  #dismiss(version: Version<T>): void {
    const { phase } = version;
    version.successor = undefined;
    if (phase.kind === "loading") phase.abort.abort();
    if (phase.kind === "new") this.options.monitor.publish(version.id, { kind: "end" });
    if (phase.kind === "new" || phase.kind === "error") this.#forget(version);
  }

  #forget({ id, successor }: Version<T>): void {
    const versions = this.#servables.get(id.name);
    versions?.delete(id.version);
    if (versions !== undefined && successor !== undefined) this.#aspire(versions, successor);
  }

  /** Carries out what the policy decides, until it decides on nothing. */
  #advance(name: string): void {
    const versions = this.#servables.get(name);
    if (versions === undefined) return;
    for (;;) {
      const decision = this.#policy(
        [...versions.values()].map(({ id, isAspired, phase }) => ({
          version: id.version,
          isAspired,
          phase: phase.kind,
        })),
      );
      const version = decision && versions.get(decision.version);
      if (version === undefined) return;
      const work = decision?.action === "load" ? this.#load(version) : this.#unload(version);
      this.#work.add(work);
      work.finally(() => {
        this.#work.delete(work);
        this.#advance(name);
      });
    }
  }

  async #load(version: Version<T>): Promise<void> {
    const abort = new AbortController();
    version.phase = { kind: "loading", abort };
    this.options.monitor.publish(version.id, { kind: "loading" });
    try {
      const servable = await this.#loadWithRetries(version, abort.signal);
      version.phase = { kind: "ready", servable, handles: new HandleCount(version.id, servable) };
      this.options.monitor.publish(version.id, { kind: "available" });
    } catch (reason) {
      const error = StatusError.from(reason);
      version.phase = { kind: "error", error };
      this.options.monitor.publish(version.id, { kind: "end", error });
      if (abort.signal.aborted) this.#forget(version);
    }
  }

  async #loadWithRetries({ id, loader }: Version<T>, signal: AbortSignal): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      if (signal.aborted) throw new StatusError(Code.CANCELLED, "no longer aspired");
      try {
        return await this.#loads.run(() => loader.load(signal));
      } catch (reason) {
        const error = StatusError.from(reason);
        if (signal.aborted || !mayPass(error) || attempt >= this.options.maxLoadRetries) throw error;
        this.options.monitor.publish(id, { kind: "loading", lastError: error });
        await this.#clock.sleep(this.options.loadRetryIntervalMs, signal);
      }
    }
  }

  async #unload(version: Version<T>): Promise<void> {
    if (version.phase.kind !== "ready") return;
    const { handles } = version.phase;
    version.phase = { kind: "unloading" };
    this.options.monitor.publish(version.id, { kind: "unloading" });
    await handles.idle();
    let error: StatusError | undefined;
    try {
      await this.#unloads.run(() => version.loader.unload());
    } catch (reason) {
      error = StatusError.from(reason);
    }
    this.options.monitor.publish(version.id, error === undefined ? { kind: "end" } : { kind: "end", error });
    this.#forget(version);
  }
}

/** Whether another attempt may succeed. What is wrong with the files stays wrong until they change. */
function mayPass({ code }: StatusError): boolean {
  return (
    code === Code.UNAVAILABLE ||
    code === Code.RESOURCE_EXHAUSTED ||
    code === Code.ABORTED ||
    code === Code.DEADLINE_EXCEEDED
  );
}

/** Whether a version will be gone soon, whatever happens. */
function isLeaving<T>(phase: Phase<T>): boolean {
  return phase.kind === "unloading" || (phase.kind === "loading" && phase.abort.signal.aborted);
}
