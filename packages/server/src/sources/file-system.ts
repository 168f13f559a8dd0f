/**
 * Finds servable versions in the file system: below the base path of each servable, the folders whose names are
 * numbers. Which of them to aspire to is for the servable's version policy to say. The rules are those of TensorFlow
 * Serving's sources/storage_path/file_system_storage_path_source.cc; beyond them, a folder that is still being
 * written is not aspired to:
 *
 * - A folder that is new since the last poll is aspired to once it looks the same in two polls, whether it holds a
 *   model or not (a folder without one then fails to load, which is visible). One that stood there before anyone
 *   looked, because this is the first poll or the policy left it out, is taken at once when it holds a model, or
 *   nothing has changed in it for a while.
 * - Its contents' fingerprint goes along as the revision, so that a version that failed is tried again when it
 *   changes.
 *
 * Until a new folder is ready, the policy chooses among the others: the version before it stays.
 *
 * A base path that is missing or can't be read changes nothing: what is loaded stays.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, systemClock } from "../core/clock.js";
import type { ServableId } from "../core/servable.js";
import type { AspiredVersion, AspiredVersionsCallback } from "../core/source.js";
import { type FolderSnapshot, snapshotFolder } from "./version-folder.js";

/** Which versions of a servable to aspire to: the newest `count`, all, or those named. */
export type VersionChoice =
  | { readonly kind: "latest"; readonly count: number }
  | { readonly kind: "all" }
  | { readonly kind: "specific"; readonly versions: readonly bigint[] };

export interface MonitoredServable {
  readonly name: string;
  readonly basePath: string;
  readonly choice: VersionChoice;
}

export interface FileSystemSourceOptions {
  /** Between two polls. 0: poll once. Negative: never poll by itself. */
  readonly pollIntervalMs: number;
  /** Whether a version needs no further look at its files, because it is loaded. */
  readonly isSettled: (id: ServableId) => boolean;
  readonly warn: (message: string) => void;
  readonly clock?: Clock;
}

/** A folder as a poll saw it. */
interface SeenFolder {
  readonly path: string;
  readonly fingerprint: string;
  /** The fingerprint with which it is ready to be aspired to, if it is. */
  readonly aspired: string | undefined;
}

/** What a poll saw of a servable. */
interface SeenServable {
  /** All versions that stood there, whether the policy wanted them or not. */
  readonly standing: ReadonlySet<bigint>;
  readonly folders: ReadonlyMap<bigint, SeenFolder>;
}

/** A folder in which nothing has changed for so long is not being copied. */
const QUIET_MS = 5000;

interface Candidate {
  readonly version: bigint;
  readonly path: string;
}

export class FileSystemSource {
  #servables: readonly MonitoredServable[] = [];
  #target: AspiredVersionsCallback<string> = () => {};
  /** By name, of each servable that was polled. */
  readonly #seen = new Map<string, SeenServable>();
  /** What was last warned of, by subject. */
  readonly #warnings = new Map<string, string>();
  readonly #stop = new AbortController();
  #polling: Promise<void> = Promise.resolve();

  constructor(private readonly options: FileSystemSourceOptions) {}

  /** Starts to watch, with a first poll, and resolves after it. */
  async start(
    servables: readonly MonitoredServable[],
    target: AspiredVersionsCallback<string>,
  ): Promise<void> {
    this.#servables = servables;
    this.#target = target;
    if (this.options.pollIntervalMs < 0) return;
    await this.poll();
    if (this.options.pollIntervalMs > 0) void this.#pollForever();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Watches other servables from now on. Those that are no longer among them are unloaded; polls at once. */
  async update(servables: readonly MonitoredServable[]): Promise<void> {
    const removed = this.#servables.filter(({ name }) => !servables.some((one) => one.name === name));
    const moved = servables.filter(({ name, basePath }) =>
      this.#servables.some((one) => one.name === name && one.basePath !== basePath),
    );
    this.#servables = servables;
    for (const { name } of [...removed, ...moved]) this.#seen.delete(name);
    for (const { name } of removed) this.#target(name, []);
    await this.poll();
  }

  /** Whether a folder was seen that is not ready yet. */
  isPending(name: string): boolean {
    return [...(this.#seen.get(name)?.folders.values() ?? [])].some(({ aspired }) => aspired === undefined);
  }

  /** Looks at all base paths once. Polls don't overlap. */
  poll(): Promise<void> {
    this.#polling = this.#polling.then(async () => {
      await Promise.all(this.#servables.map((servable) => this.#pollServable(servable)));
    });
    return this.#polling;
  }

  async #pollForever(): Promise<void> {
    const { signal } = this.#stop;
    const clock = this.options.clock ?? systemClock;
    while (!signal.aborted) {
      await clock.sleep(this.options.pollIntervalMs, signal);
      if (!signal.aborted) await this.poll();
    }
  }

  async #pollServable(servable: MonitoredServable): Promise<void> {
    const { name, choice } = servable;
    const candidates = await this.#candidates(servable);
    if (candidates === undefined) return;
    this.#warnOfMissing(servable, candidates);
    const before = this.#seen.get(name);
    const folders = new Map<bigint, SeenFolder>();
    const aspired: AspiredVersion<string>[] = [];
    for (const candidate of wanted(candidates, choice)) {
      if (choice.kind === "latest" && aspired.length === Math.max(choice.count, 1)) break;
      const { version, path } = candidate;
      const isNew = before !== undefined && !before.standing.has(version);
      const folder = await this.#look({ name, version }, path, before?.folders.get(version), isNew);
      folders.set(version, folder);
      if (folder.aspired !== undefined) {
        aspired.push({ id: { name, version }, data: path, revision: folder.aspired });
      }
    }
    // While polling, the configuration may have changed.
    if (this.#stop.signal.aborted || !this.#servables.includes(servable)) return;
    this.#seen.set(name, { standing: new Set(candidates.map(({ version }) => version)), folders });
    this.#target(name, aspired);
  }

  /** All version folders, newest first, or undefined when the base path can't be read. */
  async #candidates({ name, basePath }: MonitoredServable): Promise<Candidate[] | undefined> {
    const versions = new Map<bigint, string>();
    try {
      for (const entry of (await readdir(basePath)).sort()) {
        const version = versionNumber(entry);
        if (version === undefined || !(await isFolder(join(basePath, entry)))) continue;
        const other = versions.get(version);
        if (other !== undefined) {
          this.#warnOnce(
            `${name} ${version}`,
            `Duplicate version directories detected. Version ${version} of servable ${name} will be loaded ` +
              `from ${entry}, ${other} will be ignored.`,
          );
        }
        versions.set(version, entry);
      }
    } catch (reason) {
      this.#warnOnce(
        name,
        `FileSystemStoragePathSource encountered a filesystem access error: Could not find base path ` +
          `${basePath} for servable ${name} with error ${(reason as Error).message}`,
      );
      return undefined;
    }
    return [...versions]
      .map(([version, entry]) => ({ version, path: join(basePath, entry) }))
      .sort((a, b) => (a.version < b.version ? 1 : -1));
  }

  #warnOfMissing({ name, basePath, choice }: MonitoredServable, candidates: readonly Candidate[]): void {
    if (choice.kind === "specific") {
      const missing = choice.versions.filter((version) => !candidates.some((one) => one.version === version));
      if (missing.length > 0) {
        this.#warnOnce(
          name,
          `Version ${missing.join(", ")} of servable ${name}, which was requested to be served as a 'specific' ` +
            "version in the servable's version policy, was not found in the file system",
        );
        return;
      }
    } else if (candidates.length === 0) {
      this.#warnOnce(
        name,
        `No versions of servable ${name} found under base path ${basePath}. ` +
          "Did you forget to name your leaf directory as a number (eg. '/1/')?",
      );
      return;
    }
    this.#warnings.delete(name);
  }

  /** Says a thing about a subject once, and again only after something else was to be said. */
  #warnOnce(subject: string, message: string): void {
    if (this.#warnings.get(subject) === message) return;
    this.#warnings.set(subject, message);
    this.options.warn(message);
  }

  async #look(
    id: ServableId,
    path: string,
    before: SeenFolder | undefined,
    isNew: boolean,
  ): Promise<SeenFolder> {
    const known = before?.path === path ? before : undefined;
    if (known?.aspired !== undefined && this.options.isSettled(id)) return known;
    const folder = await snapshotFolder(path);
    const fingerprint = folder?.fingerprint ?? "";
    const isFirstLook = known === undefined && !isNew;
    const isReady = known?.fingerprint === fingerprint || (isFirstLook && this.#isComplete(folder));
    return { path, fingerprint, aspired: isReady ? fingerprint : known?.aspired };
  }

  #isComplete(folder: FolderSnapshot | undefined): boolean {
    // Without a second poll there is nothing to wait for.
    if (folder === undefined || this.options.pollIntervalMs <= 0) return true;
    const clock = this.options.clock ?? systemClock;
    return folder.hasModel || clock.now() - folder.changedAt >= QUIET_MS;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

/** The number that a folder is named, leading zeros allowed; undefined for other names and beyond int64. */
export function versionNumber(name: string): bigint | undefined {
  if (!/^\d{1,40}$/.test(name)) return undefined;
  const version = BigInt(name);
  return version < 2n ** 63n ? version : undefined;
}

/** Those of `candidates` that the policy may want. */
function wanted(candidates: readonly Candidate[], choice: VersionChoice): readonly Candidate[] {
  return choice.kind === "specific"
    ? candidates.filter(({ version }) => choice.versions.includes(version))
    : candidates;
}
