/** Downloads a file over HTTP, with its progress; the file appears when it is complete. */
import { randomBytes } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { resourceExhausted, unavailable } from "@servable/formats";
import { Progress } from "./progress.js";

/** No file of the data set comes near this. */
const MAX_BYTES = 64 * 2 ** 20;

/**
 * UNAVAILABLE, saying what to do instead, when the server can't be reached or answers with an error;
 * RESOURCE_EXHAUSTED when what it sends is far too large.
 */
export async function download(url: string, file: string): Promise<void> {
  const bytes = await fetchBytes(url, file);
  const temporary = `${file}.${randomBytes(4).toString("hex")}`;
  writeFileSync(temporary, bytes);
  renameSync(temporary, file);
}

async function fetchBytes(url: string, file: string): Promise<Buffer> {
  try {
    const response = await fetch(url);
    if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
    const total = Number(response.headers.get("content-length"));
    return await collect(response.body, total, new Progress(`Downloading ${path.basename(file)}`));
  } catch (reason) {
    const { message, cause } = reason as Error;
    const detail = cause instanceof Error ? `${message}: ${cause.message}` : message;
    throw unavailable(
      `Cannot download ${url} (${detail}). Put the file into ${path.dirname(file)} by other means, ` +
        "or name another source with --data_url.",
      { cause: reason },
    );
  }
}

/** @param total bytes expected, 0 or NaN when the server did not say */
async function collect(body: ReadableStream<Uint8Array>, total: number, progress: Progress): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_BYTES) throw resourceExhausted(`more than ${MAX_BYTES} bytes`);
    if (total > 0) progress.show(size / total, `${(size / 1e6).toFixed(1)} MB`);
  }
  return Buffer.concat(chunks);
}
