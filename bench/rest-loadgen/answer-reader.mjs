/** HTTP/1.1 answers from the bytes of a connection, with a Content-Length or chunked, one after the other. */

/** @typedef {{ status: number, body: Buffer }} Answer */

const END_OF_HEAD = "\r\n\r\n";

export class AnswerReader {
  constructor() {
    /** @type {Buffer} */
    this.bytes = Buffer.alloc(0);
  }

  /**
   * The answer, once it is complete. A connection has no more than one under way.
   * @param {Buffer} chunk
   * @returns {Answer | undefined}
   */
  add(chunk) {
    this.bytes = this.bytes.length === 0 ? chunk : Buffer.concat([this.bytes, chunk]);
    const headEnd = this.bytes.indexOf(END_OF_HEAD);
    if (headEnd < 0) return undefined;
    const head = this.bytes.toString("latin1", 0, headEnd);
    const body = bodyOf(head, this.bytes.subarray(headEnd + END_OF_HEAD.length));
    if (body === undefined) return undefined;
    this.bytes = Buffer.alloc(0);
    return { status: Number(head.slice(9, 12)), body };
  }
}

/**
 * @param {string} head
 * @param {Buffer} bytes behind it
 */
function bodyOf(head, bytes) {
  const length = /content-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) return dechunked(bytes);
  return bytes.length < Number(length) ? undefined : bytes.subarray(0, Number(length));
}

/** @param {Buffer} bytes @returns {Buffer | undefined} */
function dechunked(bytes) {
  const parts = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (end > bytes.length) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}
