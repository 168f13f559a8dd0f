/**
 * A file that is written from beginning to end and appears under its name only when it is complete: until then it is
 * a sibling with a name of its own. Renaming is atomic within a file system, so readers see all of it or none; the
 * content is on the disk before the name is, so that this holds after a power failure too.
 */
import { randomBytes } from "node:crypto";
import { closeSync, copyFileSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { StatusError } from "../status.js";

/**
 * One write call transfers at most this much. More than 2 GiB would fail; from 1 MiB on Linux takes large pages for the
 * file's content, which virtual machines are slow to give: 4 MiB a call take five times as long.
 */
export const WRITE_BYTES = 2 ** 18;

export class NewFile {
  private bytesWritten = 0;

  private constructor(
    readonly path: string,
    private readonly temporaryPath: string,
    private readonly descriptor: number,
  ) {}

  /** Begins a file. NOT_FOUND when its folder is missing, PERMISSION_DENIED where it can't be written. */
  static create(path: string): NewFile {
    const temporaryPath = `${path}.tempstate${randomBytes(8).toString("hex")}`;
    try {
      return new NewFile(path, temporaryPath, openSync(temporaryPath, "wx"));
    } catch (reason) {
      throw StatusError.from(reason);
    }
  }

  /** How many bytes have been appended. */
  get size(): number {
    return this.bytesWritten;
  }

  append(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.byteLength; ) {
        const written = writeSync(this.descriptor, bytes, at, Math.min(bytes.byteLength - at, WRITE_BYTES));
        at += written;
        this.bytesWritten += written;
      }
    } catch (reason) {
      throw StatusError.from(reason);
    }
  }

  /** No more bytes will come, and those that came are on the disk; the file stays under its temporary name. */
  close(): void {
    try {
      fsyncSync(this.descriptor);
    } catch (reason) {
      throw StatusError.from(reason);
    } finally {
      closeSync(this.descriptor);
    }
  }

  /** Gives the closed file its name, in place of what had it before. */
  publish(): void {
    try {
      renameSync(this.temporaryPath, this.path);
    } catch (reason) {
      throw StatusError.from(reason);
    }
  }

  /** Removes the file, closed or not, unless it is published. */
  discard(): void {
    rmSync(this.temporaryPath, { force: true });
  }
}

/** Writes a small file as a whole, or leaves what was there. The codes of the file system's errors. */
export function writeNewFile(path: string, content: Uint8Array): void {
  const file = NewFile.create(path);
  try {
    try {
      file.append(content);
    } finally {
      file.close();
    }
    file.publish();
  } catch (reason) {
    file.discard();
    throw reason;
  }
  syncFolder(path);
}

/** Copies a file to where nothing can read it yet; its content is on the disk then. The file system's errors as they are. */
export function copyToDisk(from: string, to: string): void {
  copyFileSync(from, to);
  // The copy may be read-only, as the original; Windows can't flush such a file, and does so by itself soon.
  const descriptor = openSync(to, "r");
  try {
    if (process.platform !== "win32") fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Puts the names in a file's folder on the disk. Where a system can't do that, names are safe by themselves. */
export function syncFolder(file: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path.dirname(file), "r");
    fsyncSync(descriptor);
  } catch {
    // Windows opens no folders.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
