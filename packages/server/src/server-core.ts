/**
 * The server without its wires: watches the configured models' folders, keeps the right versions loaded, finds the
 * one that a request means, and tells how each is doing.
 *
 *     FileSystemSource ─ paths ─▶ adapter ─ loaders ─▶ Manager ─ states ─▶ StateMonitor
 */
import { Code, failedPrecondition, invalidArgument, notFound, StatusError } from "@servable/formats";
import type { CallSignal } from "./call-abort.js";
import { checkModelConfigs, type ModelConfig } from "./config/model-config.js";
import type { LifeCycleSettings, VersionTransition } from "./config/server-settings.js";
import type { Loader } from "./core/loader.js";
import { Manager } from "./core/manager.js";
import type { ServableId } from "./core/servable.js";
import type { ServableHandle } from "./core/servable-handle.js";
import { adaptVersions } from "./core/source.js";
import { StateMonitor, type VersionState } from "./core/state-monitor.js";
import { availabilityPreserving, resourcePreserving, type VersionPolicy } from "./core/version-policy.js";
import type { ModelSpec, Models } from "./inference/model-spec.js";
import type { ServedModel } from "./servables/served-model.js";
import { FileSystemSource, type MonitoredServable } from "./sources/file-system.js";

export interface ServerCoreOptions extends LifeCycleSettings {
  /** Makes the loader of a version's folder. */
  readonly loaderOf: (id: ServableId, path: string) => Loader<ServedModel>;
  /** Told of the configuration that takes effect. */
  readonly onConfig: (configs: readonly ModelConfig[]) => void;
  readonly log: { info(message: string): void; warn(message: string): void };
}

const policies: Readonly<Record<VersionTransition, VersionPolicy>> = {
  availability_preserving: availabilityPreserving,
  resource_preserving: resourcePreserving,
};

export class ServerCore implements Models {
  readonly monitor = new StateMonitor();
  readonly #manager: Manager<ServedModel>;
  readonly #source: FileSystemSource;
  #configs: readonly ModelConfig[] = [];

  constructor(private readonly options: ServerCoreOptions) {
    this.#manager = new Manager({
      monitor: this.monitor,
      maxParallelLoads: options.maxParallelLoads,
      maxParallelUnloads: options.maxParallelUnloads,
      maxLoadRetries: options.maxLoadRetries,
      loadRetryIntervalMs: options.loadRetryIntervalMs,
      policy: policies[options.transition],
    });
    this.#source = new FileSystemSource({
      pollIntervalMs: options.pollIntervalMs,
      isSettled: (id) => this.monitor.state(id)?.kind === "available",
      warn: (message) => options.log.warn(message),
    });
  }

  /** Starts to serve the models. Resolves when their folders were looked at once; loading goes on. */
  async start(configs: readonly ModelConfig[]): Promise<void> {
    checkModelConfigs(configs);
    this.#configs = configs;
    this.options.onConfig(configs);
    for (const { name } of configs) this.options.log.info(`(Re-)adding model: ${name}`);
    const { loaderOf } = this.options;
    const target = adaptVersions<string, Loader<ServedModel>>(
      ({ id, data }) => loaderOf(id, data),
      (name, versions) => this.#manager.setAspiredVersions(name, versions),
    );
    await this.#source.start(configs.map(monitored), target);
  }

  /**
   * Serves other models from now on. Resolves when each has a version available; UNKNOWN, naming them, when some have
   * none and never will, as things are.
   */
  async reload(configs: readonly ModelConfig[], signal?: CallSignal): Promise<void> {
    checkModelConfigs(configs);
    const before = this.#configs;
    // Labels move only once what they point at is there.
    this.#configs = configs.map((config) => ({ ...config, labels: labelsOf(before, config.name) }));
    this.options.onConfig(configs);
    for (const { name } of configs) this.options.log.info(`(Re-)adding model: ${name}`);
    await this.#source.update(configs.map(monitored));
    await this.monitor.waitUntil(
      () => configs.every((config) => this.#isSettled(config.name) && this.#areLabelsSettled(config)),
      signal,
    );
    this.#checkAvailable(configs);
    for (const config of configs) this.#checkLabels(config);
    this.#configs = configs;
  }

  /** Resolves when each configured model has a version available, or none that may still become so. */
  settled(signal?: CallSignal): Promise<void> {
    return this.monitor.waitUntil(() => this.#configs.every(({ name }) => this.#isSettled(name)), signal);
  }

  /** The names of the configured models. */
  get modelNames(): string[] {
    return this.#configs.map(({ name }) => name);
  }

  /** Whether a configured model has a version that answers requests. */
  isAvailable(name: string): boolean {
    return this.monitor.versions(name).some(({ state }) => state.kind === "available");
  }

  handle(spec: ModelSpec): ServableHandle<ServedModel> {
    const version = this.#versionOf(spec);
    return this.#manager.handle(version === undefined ? { name: spec.name } : { name: spec.name, version });
  }

  /** The state of the version that the spec means, or of all versions when it names none. NOT_FOUND for none. */
  status(spec: ModelSpec): VersionState[] {
    const version = this.#versionOf(spec);
    const versions = this.monitor.versions(spec.name);
    if (version === undefined) {
      if (versions.length === 0) throw notFound(`Could not find any versions of model ${spec.name}`);
      return versions;
    }
    const state = versions.find((one) => one.version === version);
    if (state === undefined) {
      throw notFound(`Could not find version ${version} of model ${spec.name}`);
    }
    return [state];
  }

  /** Stops watching and unloads everything, after the requests that run. */
  async close(): Promise<void> {
    this.#source.stop();
    await this.#manager.close();
  }

  #versionOf({ name, version, label }: ModelSpec): bigint | undefined {
    if (name === "") throw invalidArgument("ModelSpec has no name specified.");
    if (version !== undefined) return version;
    if (label === undefined || label === "") return undefined;
    const labelled = labelsOf(this.#configs, name).get(label);
    if (labelled === undefined) throw invalidArgument(`Unrecognized servable version label: ${label}`);
    return labelled;
  }

  /** Whether there is a version, and none that is still on its way to being available while none is. */
  #isSettled(name: string): boolean {
    return this.isAvailable(name) || (!this.#source.isPending(name) && !this.#manager.isComing({ name }));
  }

  /** Whether no labelled version is still on its way. */
  #areLabelsSettled({ name, labels }: ModelConfig): boolean {
    return [...labels.values()].every((version) => !this.#manager.isComing({ name, version }));
  }

  #checkAvailable(configs: readonly ModelConfig[]): void {
    const missing = configs.filter(({ name }) => !this.isAvailable(name));
    if (missing.length === 0) return;
    const reasons = missing.map(({ name, basePath }) => {
      const [newest] = this.monitor.versions(name);
      if (newest === undefined) return `{name: ${name}} no version found under ${basePath}`;
      const error = newest.state.kind === "end" ? newest.state.error : undefined;
      return `{name: ${name} version: ${newest.version}} ${error === undefined ? "" : `due to error: ${error.codeName}: ${error.message}`}`;
    });
    throw new StatusError(
      Code.UNKNOWN,
      `${missing.length} servable(s) did not become available: ${reasons.join("; ")}`,
    );
  }

  #checkLabels({ name, labels }: ModelConfig): void {
    for (const [label, version] of labels) {
      if (this.monitor.state({ name, version })?.kind === "available") continue;
      const existing = labelsOf(this.#configs, name).get(label);
      const isMoved = existing !== undefined && existing !== version;
      const allowed = this.options.labelsForUnavailable;
      if (allowed === "any" || (allowed === "new" && !isMoved)) continue;
      throw failedPrecondition(
        `Request to assign label to version ${version} of model ${name}, which is not currently available for inference`,
      );
    }
  }
}

function monitored({ name, basePath, versions }: ModelConfig): MonitoredServable {
  return { name, basePath, choice: versions };
}

function labelsOf(configs: readonly ModelConfig[], name: string): ReadonlyMap<string, bigint> {
  return configs.find((config) => config.name === name)?.labels ?? new Map();
}
