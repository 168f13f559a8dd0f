/**
 * Downloads a file over HTTP, with its progress. It goes to disk as it comes, under another name, and appears when it
 * is complete.
 */
import { randomBytes } from "node:crypto";
import { createWriteStream, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { resourceExhausted, StatusError, unavailable } from "@servable/formats";
import { Progress } from "./progress.js";

export interface DownloadOptions {
  /** More than this is refused. */
  readonly maxBytes: number;
  /** What to do where there is no network, as a sentence. */
  readonly advice: string;
}

/**
 * UNAVAILABLE, with the advice, when the server can't be reached or answers with an error;
 * RESOURCE_EXHAUSTED when what it sends is too large.
 */
export async function download(url: string, file: string, options: DownloadOptions): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString("hex")}`;
  try {
    await fetchInto(url, temporary, path.basename(file), options.maxBytes);
    renameSync(temporary, file);
  } catch (reason) {
    rmSync(temporary, { force: true });
    if (reason instanceof StatusError) throw reason;
    const { message, cause } = reason as Error;
    const detail = cause instanceof Error ? `${message}: ${cause.message}` : message;
    throw unavailable(`Cannot download ${url} (${detail}). ${options.advice}`, { cause: reason });
  }
}

async function fetchInto(url: string, file: string, label: string, maxBytes: number): Promise<void> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
  const total = Number(response.headers.get("content-length"));
  const meter = new ByteMeter(url, total, maxBytes, new Progress(`Downloading ${label}`));
  await pipeline(response.body, meter, createWriteStream(file));
}

/** Passes bytes on and counts them. */
class ByteMeter extends Transform {
  private size = 0;

  /** @param total bytes expected, 0 or NaN when the server did not say */
  constructor(
    private readonly url: string,
    private readonly total: number,
    private readonly maxBytes: number,
    private readonly progress: Progress,
  ) {
    super();
  }

  override _transform(
    chunk: Uint8Array,
    _encoding: string,
    done: (error: Error | null, data?: unknown) => void,
  ) {
    this.size += chunk.length;
    if (this.size > this.maxBytes) {
      done(resourceExhausted(`${this.url} sends more than ${this.maxBytes} bytes`));
      return;
    }
    if (this.total > 0) this.progress.show(this.size / this.total, `${(this.size / 1e6).toFixed(1)} MB`);
    done(null, chunk);
  }
}
