/** Frames of HTTP/2 (RFC 9113), the header block of a gRPC request (HPACK, RFC 7541) and gRPC's own message frame. */

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
};
export const Flag = { ACK: 1, END_STREAM: 1, END_HEADERS: 4 };
export const Setting = { ENABLE_PUSH: 2, MAX_CONCURRENT_STREAMS: 3, INITIAL_WINDOW_SIZE: 4 };
export const FRAME_HEADER = 9;
export const MAX_FRAME = 16_384;
export const DEFAULT_WINDOW = 65_535;
export const MAX_WINDOW = 2 ** 31 - 1;
/**
 * @param {number} type
 * @param {number} frameFlags
 * @param {number} stream
 * @param {Uint8Array} payload
 */
export function frame(type, frameFlags, stream, payload) {
  const bytes = Buffer.alloc(FRAME_HEADER + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = frameFlags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER);
  return bytes;
}

/** @param {[number, number][]} settings */
export function settingsFrame(settings) {
  const payload = Buffer.alloc(6 * settings.length);
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  }
  return frame(FrameType.SETTINGS, 0, 0, payload);
}

/** @param {number} bytes */
export function windowUpdate(bytes) {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(FrameType.WINDOW_UPDATE, 0, 0, payload);
}

/**
 * Request headers in HPACK (RFC 7541), literals without indexing, so that the block is the same for every request.
 * @param {string} path
 * @param {string} authority
 */
export function headerBlock(path, authority) {
  const text = (/** @type {string} */ value) => {
    if (value.length > 126) throw new Error(`header value of ${value.length} characters is too long`);
    return [value.length, ...Buffer.from(value)];
  };
  return Buffer.from([
    ...[0x83, 0x86], // :method POST, :scheme http
    ...[0x04, ...text(path)], // :path
    ...[0x01, ...text(authority)], // :authority
    ...[0x0f, 0x10, ...text("application/grpc")], // content-type
    ...[0x00, ...text("te"), ...text("trailers")],
  ]);
}

/** @param {Uint8Array} message */
export function grpcFrame(message) {
  const bytes = Buffer.alloc(5 + message.length);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}
