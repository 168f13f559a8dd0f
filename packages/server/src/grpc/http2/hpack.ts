/**
 * HPACK (RFC 7541): decodes the header blocks of requests, with the dynamic table that the client fills; writes those
 * of responses without one, so that constant blocks can be made once and sent again and again.
 */
import { ConnectionError, ErrorCode } from "./frames.js";
import { huffmanDecode } from "./huffman.js";

export interface Header {
  readonly name: string;
  readonly value: string;
}

/** RFC 7541, appendix A, from index 1. */
const staticTable: readonly Header[] = [
  [":authority"],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  ...["200", "204", "206", "304", "400", "404", "500"].map((status) => [":status", status]),
  ["accept-charset"],
  ["accept-encoding", "gzip, deflate"],
  ...["accept-language", "accept-ranges", "accept", "access-control-allow-origin", "age", "allow"].map(one),
  ...["authorization", "cache-control", "content-disposition", "content-encoding", "content-language"].map(
    one,
  ),
  ...["content-length", "content-location", "content-range", "content-type", "cookie", "date", "etag"].map(
    one,
  ),
  ...["expect", "expires", "from", "host", "if-match", "if-modified-since", "if-none-match"].map(one),
  ...["if-range", "if-unmodified-since", "last-modified", "link", "location", "max-forwards"].map(one),
  ...["proxy-authenticate", "proxy-authorization", "range", "referer", "refresh", "retry-after"].map(one),
  ...["server", "set-cookie", "strict-transport-security", "transfer-encoding", "user-agent", "vary"].map(
    one,
  ),
  ...["via", "www-authenticate"].map(one),
].map(([name = "", value = ""]) => ({ name, value }));

function one(name: string): string[] {
  return [name];
}

/** The dynamic table's size that the client may use: the default of SETTINGS_HEADER_TABLE_SIZE. */
const MAX_TABLE_BYTES = 4096;
/** What an entry counts beyond its name and value. */
const ENTRY_OVERHEAD = 32;
const sizeOf = ({ name, value }: Header) => name.length + value.length + ENTRY_OVERHEAD;

function compressionError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, message);
}

export class HpackDecoder {
  /** Newest first. */
  readonly #dynamic: Header[] = [];
  #bytes = 0;
  #maxBytes = MAX_TABLE_BYTES;
  #last: { readonly block: Uint8Array; readonly headers: readonly Header[] } | undefined;

  /** @param maxListBytes names and values of one block, counted as in the table */
  constructor(private readonly maxListBytes: number) {}

  /** The size of the dynamic table, as RFC 7541 counts it. */
  get tableBytes(): number {
    return this.#bytes;
  }

  /**
   * Decodes a complete header block. COMPRESSION_ERROR for damage, ENHANCE_YOUR_CALM for more than fits the limit;
   * both end the connection, as the table is then lost.
   */
  decode(block: Uint8Array): readonly Header[] {
    // Clients send the same block again for call after call, once all of it is in the table.
    if (this.#last !== undefined && Buffer.compare(this.#last.block, block) === 0) return this.#last.headers;
    const reader = new BlockReader(block);
    const headers: Header[] = [];
    let listBytes = 0;
    let isRepeatable = true;
    while (!reader.isAtEnd) {
      const first = reader.peek();
      if ((first & 0xe0) === 0x20) {
        if (headers.length > 0) throw compressionError("a table size update must come first");
        this.#resize(reader.integer(5));
        isRepeatable = false;
        continue;
      }
      const header = first >= 0x80 ? this.#entry(reader.integer(7)) : this.#literal(reader, first);
      if (first >= 0x40 && first < 0x80) {
        this.#add(header);
        isRepeatable = false;
      }
      listBytes += sizeOf(header);
      if (listBytes > this.maxListBytes) {
        throw new ConnectionError(
          ErrorCode.ENHANCE_YOUR_CALM,
          `header list of more than ${this.maxListBytes} bytes`,
        );
      }
      headers.push(header);
    }
    this.#last = isRepeatable ? { block: Uint8Array.from(block), headers } : undefined;
    return headers;
  }

  #literal(reader: BlockReader, first: number): Header {
    const index = reader.integer(first >= 0x40 ? 6 : 4);
    const name = index === 0 ? reader.string() : this.#entry(index).name;
    return { name, value: reader.string() };
  }

  #entry(index: number): Header {
    const entry = staticTable[index - 1] ?? this.#dynamic[index - 1 - staticTable.length];
    if (entry === undefined) throw compressionError(`there is no header at index ${index}`);
    return entry;
  }

  #add(header: Header): void {
    const size = sizeOf(header);
    this.#evict(this.#maxBytes - size);
    if (size > this.#maxBytes) return;
    this.#dynamic.unshift(header);
    this.#bytes += size;
  }

  #resize(maxBytes: number): void {
    if (maxBytes > MAX_TABLE_BYTES) {
      throw compressionError(`table size ${maxBytes}, at most ${MAX_TABLE_BYTES} was offered`);
    }
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  #evict(maxBytes: number): void {
    while (this.#bytes > maxBytes) {
      const oldest = this.#dynamic.pop();
      if (oldest === undefined) return;
      this.#bytes -= sizeOf(oldest);
    }
  }
}

/** Integers and strings of a header block (RFC 7541, section 5). */
class BlockReader {
  #at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get isAtEnd(): boolean {
    return this.#at >= this.bytes.length;
  }

  peek(): number {
    const byte = this.bytes[this.#at];
    if (byte === undefined) throw compressionError("the header block is cut off");
    return byte;
  }

  integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    let value = this.peek() & mask;
    this.#at++;
    if (value < mask) return value;
    for (let factor = 1; ; factor *= 128) {
      // Four more bytes are enough for whatever fits a block, and keep padding with zeros out.
      if (factor > 128 ** 3) throw compressionError("an integer is too large");
      const byte = this.peek();
      this.#at++;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  string(): string {
    const isHuffman = this.peek() >= 0x80;
    const length = this.integer(7);
    const end = this.#at + length;
    if (end > this.bytes.length) throw compressionError("a string is longer than the header block");
    const bytes = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return isHuffman ? huffmanDecode(bytes) : latin1(bytes);
  }
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString("latin1");
}

/** A header block that leaves no trace in the client's table. Names are lower case; values are bytes as latin1. */
export function encodeHeaders(headers: readonly Header[]): Buffer {
  return Buffer.concat(headers.map(encodeHeader));
}

function encodeHeader({ name, value }: Header): Buffer {
  const index = staticTable.findIndex((entry) => entry.name === name && entry.value === value);
  if (index >= 0) return Buffer.of(0x80 | (index + 1));
  return Buffer.concat([Buffer.of(0), literal(name), literal(value)]);
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([Buffer.from(integerBytes(bytes.length, 7)), bytes]);
}

/** An integer behind a prefix of so many bits, whose other bits are zero. */
export function integerBytes(value: number, prefixBits: number): number[] {
  const mask = 2 ** prefixBits - 1;
  if (value < mask) return [value];
  const bytes = [mask];
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}
