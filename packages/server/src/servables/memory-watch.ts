/**
 * What versions take of the memory: told for each once it is loaded, and bounded, if the operator says so. A version
 * that would not fit is refused before anything of it is read, with RESOURCE_EXHAUSTED: it is tried again later, and
 * what is loaded stays.
 *
 * A version is taken to need what its files have in bytes: weights are most of a model, and of most files.
 */
import { freemem } from "node:os";
import { resourceExhausted } from "@servable/formats";
import type { Loader } from "../core/loader.js";
import { idText, type ServableId } from "../core/servable.js";
import { modelFiles } from "./model-files.js";

export interface MemoryWatchOptions {
  /** Of the whole process; undefined for none. */
  readonly limitBytes?: number | undefined;
  /** Told what the process had grown by when a version was loaded; undefined once it is unloaded. */
  readonly onMemory: (id: ServableId, bytes: number | undefined) => void;
  /** The process's resident memory, in bytes. */
  readonly residentBytes?: () => number;
  /** What the system, or the container, has left, in bytes. */
  readonly availableBytes?: () => number;
}

const MIB = 2 ** 20;
/** While ONNX Runtime packs weights there are two copies of them. */
const PEAK = 2;
const SMALL_PART = 4;

/** Node 20.13 and newer heed a container's limit. */
function availableBytes(): number {
  const { availableMemory = freemem } = process as { availableMemory?: () => number };
  return availableMemory();
}

export class MemoryWatch {
  /** What the versions that are being loaded are going to need. */
  #reserved = 0;
  readonly #residentBytes: () => number;
  readonly #availableBytes: () => number;

  constructor(private readonly options: MemoryWatchOptions) {
    this.#residentBytes = options.residentBytes ?? (() => process.memoryUsage.rss());
    this.#availableBytes = options.availableBytes ?? availableBytes;
  }

  /**
   * Whether instances of a model that is loaded already may take so much in weights, which is never needed: within the
   * limit, and a small part of what there is, as loading takes more and so does every run.
   */
  hasRoom(bytes: number): boolean {
    const { limitBytes = Number.POSITIVE_INFINITY } = this.options;
    const taken = PEAK * bytes;
    return this.#used + taken <= limitBytes && taken <= this.#availableBytes() / SMALL_PART;
  }

  /** What the process has, and what the versions that are being loaded are going to need. */
  get #used(): number {
    return this.#residentBytes() + this.#reserved;
  }

  /** The loader, watched. @param path the version's folder */
  watch<T>(id: ServableId, path: string, loader: Loader<T>): Loader<T> {
    return {
      load: async (signal) => {
        const needed = (await modelFiles(path))?.bytes ?? 0;
        this.#checkRoom(id, needed);
        this.#reserved += needed;
        const before = this.#residentBytes();
        try {
          const servable = await loader.load(signal);
          this.options.onMemory(id, Math.max(0, this.#residentBytes() - before));
          return servable;
        } finally {
          this.#reserved -= needed;
        }
      },
      unload: async () => {
        await loader.unload();
        this.options.onMemory(id, undefined);
      },
    };
  }

  #checkRoom(id: ServableId, needed: number): void {
    const { limitBytes } = this.options;
    const used = this.#used;
    if (limitBytes === undefined || used + needed <= limitBytes) return;
    const mib = (bytes: number) => `${Math.ceil(bytes / MIB)} MiB`;
    throw resourceExhausted(
      `Servable ${idText(id)} needs about ${mib(needed)}, and ${mib(used)} of the limit of ${mib(limitBytes)} are in use`,
    );
  }
}
