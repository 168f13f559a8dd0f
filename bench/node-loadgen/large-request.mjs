/**
 * A request whose body is more than one flow-control window (RFC 9113, section 5.2): its frames leave as the windows
 * of its stream and of the connection open. The bytes are prepared once and used again for later requests.
 */
import { FRAME_HEADER, MAX_FRAME } from "./frames.mjs";

export class LargeRequest {
  /** @param {import("./request-template.mjs").RequestTemplate} template */
  constructor(template) {
    this.template = template;
    this.bytes = Buffer.from(template.bytes);
    this.streamAt = template.streamAt;
    this.bodySize = template.bodySize;
    /** Bytes before the first DATA frame. */
    this.headSize = Number(template.streamAt[1]) - 5;
    this.stream = 0;
    this.sentBody = 0;
    this.window = 0;
  }

  /**
   * Makes it a new request. The one before must have been answered, for its bytes are written over.
   * @param {number} stream
   * @param {number} window of the stream
   */
  restart(stream, window) {
    for (const at of this.streamAt) this.bytes.writeUInt32BE(stream, at);
    this.stream = stream;
    this.sentBody = 0;
    this.window = window;
  }

  get isSent() {
    return this.sentBody === this.bodySize;
  }

  /**
   * The frames that fit into both windows, one after the other in memory; none when not one does.
   * @param {number} connectionWindow
   */
  take(connectionWindow) {
    const from = this.sentBody;
    const most = Math.min(this.window, connectionWindow, this.bodySize - from);
    const size = from + most === this.bodySize ? most : most - (most % MAX_FRAME);
    const start = from === 0 ? 0 : this.offsetOf(from);
    this.sentBody += size;
    this.window -= size;
    return { bytes: this.bytes.subarray(start, size === 0 ? start : this.offsetOf(this.sentBody)), size };
  }

  /** Where the frame lies that begins, or ends, at a byte of the body. @param {number} body */
  offsetOf(body) {
    return this.headSize + body + FRAME_HEADER * Math.ceil(body / MAX_FRAME);
  }
}
