/**
 * The signatures of served models, each fetched once: under a version number for good, under a label or "the newest"
 * until an answer comes from another version or a request is refused as invalid.
 */
import { Code, type Signature, StatusError } from "@servable/formats";
import { type CallContext, untilEnd } from "./call-context.js";
import type { ModelMetadata } from "./client.js";
import type { ModelTarget } from "./model-target.js";

type FetchMetadata = (target: ModelTarget, context: CallContext) => Promise<ModelMetadata>;
export type Signatures = ReadonlyMap<string, Signature>;

/** A fetch serves every call that waits for it, so it has an end of its own and not that of one caller. */
const FETCH_DEADLINE_MS = 30_000;

export class SignatureCache {
  readonly #entries = new Map<string, Promise<ModelMetadata>>();

  constructor(private readonly fetch: FetchMetadata) {}

  /** The signatures of the model version that a target names. */
  async get(target: ModelTarget, context: CallContext): Promise<Signatures> {
    const key = keyOf(target);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = this.fetch(target, { deadline: Date.now() + FETCH_DEADLINE_MS, signal: undefined });
      this.#entries.set(key, entry);
      entry.catch(() => this.#forget(key));
    }
    return (await untilEnd(context, entry)).signatures;
  }

  /** Like get, but undefined from a server that gives no metadata. */
  async find(target: ModelTarget, context: CallContext): Promise<Signatures | undefined> {
    try {
      return await this.get(target, context);
    } catch (reason) {
      if (StatusError.from(reason).code === Code.UNIMPLEMENTED) return undefined;
      throw reason;
    }
  }

  /** Takes note of the version that has just answered for a target, which may be newer than the one known. */
  async noteAnswer(target: ModelTarget, version: bigint | undefined): Promise<void> {
    const key = keyOf(target);
    const entry = this.#entries.get(key);
    if (entry === undefined || version === undefined) return;
    if ((await entry).model.version !== version) this.#forget(key);
  }

  /** Has the next call fetch anew. A numbered version never changes and stays. */
  forget(target: ModelTarget): void {
    if (target.version === undefined) this.#forget(keyOf(target));
  }

  #forget(key: string): void {
    this.#entries.delete(key);
  }
}

function keyOf({ model, version, label }: ModelTarget): string {
  return JSON.stringify([model, version === undefined ? null : String(version), label ?? null]);
}
