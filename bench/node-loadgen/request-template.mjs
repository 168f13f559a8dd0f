/** Request headers never change, so a request is one prepared buffer with the stream's number written into it. */
import { Flag, FrameType, frame, grpcFrame, headerBlock, MAX_FRAME } from "./frames.mjs";

/** One request: its frames, and where the stream's number stands in them. */
export class RequestTemplate {
  /**
   * @param {Uint8Array} message
   * @param {string} path
   * @param {string} authority
   */
  constructor(message, path, authority) {
    const body = grpcFrame(message);
    const frames = [frame(FrameType.HEADERS, Flag.END_HEADERS, 0, headerBlock(path, authority))];
    for (let from = 0; from < body.length; from += MAX_FRAME) {
      const last = from + MAX_FRAME >= body.length;
      frames.push(
        frame(FrameType.DATA, last ? Flag.END_STREAM : 0, 0, body.subarray(from, from + MAX_FRAME)),
      );
    }
    this.bytes = Buffer.concat(frames);
    /** What counts against the flow-control window. */
    this.bodySize = body.length;
    /** @type {number[]} */
    this.streamAt = [];
    let offset = 0;
    for (const one of frames) {
      this.streamAt.push(offset + 5);
      offset += one.length;
    }
  }

  /** @param {number} stream */
  forStream(stream) {
    const bytes = Buffer.from(this.bytes);
    for (const at of this.streamAt) bytes.writeUInt32BE(stream, at);
    return bytes;
  }
}
