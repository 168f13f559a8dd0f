/** The request messages of one call, from the pieces of its body: exactly one, or a stream of them. */
import { internal, unimplemented } from "@servable/formats";
import { type Message, MessageReader } from "./message.js";

/** A client that is ahead of its call is held back while this much waits. */
const MAX_WAITING_BYTES = 65_536;

/** The request of a unary or server-streaming call. */
export class OneRequest {
  readonly #reader: MessageReader;

  constructor(maxBytes: number) {
    this.#reader = new MessageReader(maxBytes);
  }

  /**
   * Takes a piece, or copies what is lent. RESOURCE_EXHAUSTED for a message beyond the limit, UNIMPLEMENTED for a second
   * one.
   */
  add(piece: Uint8Array, isLent: boolean): void {
    if (piece.length === 0) return;
    const rest = this.#reader.isComplete ? piece : this.#reader.add(piece, isLent);
    if (rest.length > 0) throw unimplemented("The call has more than one request message");
  }

  /** The message, when no more comes. INTERNAL when it is cut off, UNIMPLEMENTED when there is none. */
  finish(): Message {
    if (this.#reader.isEmpty) throw unimplemented("The call has no request message");
    return this.#reader.finish();
  }

  /** Gives the message's memory back, when nobody looks at it any more. */
  release(): void {
    this.#reader.release();
  }
}

/** The requests of a streaming call: added as they come, read by the method as it likes. */
export class RequestStream {
  readonly #messages: Message[] = [];
  #reader: MessageReader;
  #waitingBytes = 0;
  #isEnded = false;
  #failure: unknown;
  #wake = () => {};

  constructor(
    private readonly maxBytes: number,
    /** Called when the method has caught up. */
    private readonly onRead: () => void,
  ) {
    this.#reader = new MessageReader(maxBytes);
  }

  /** The client is far enough ahead. */
  get isFull(): boolean {
    return this.#waitingBytes > MAX_WAITING_BYTES;
  }

  /** The client has begun a message and not completed it. */
  get isWithinMessage(): boolean {
    return !this.#reader.isEmpty;
  }

  /**
   * Takes a piece, or copies what is lent. RESOURCE_EXHAUSTED for a message beyond the limit, INTERNAL for flags that gRPC
   * doesn't know.
   */
  add(piece: Uint8Array, isLent: boolean): void {
    let rest = piece;
    while (rest.length > 0) {
      rest = this.#reader.add(rest, isLent);
      if (!this.#reader.isComplete) continue;
      const message = this.#reader.finish();
      this.#reader = new MessageReader(this.maxBytes);
      this.#messages.push(message);
      // One at the least: messages of no bytes take room as well.
      this.#waitingBytes += message.message.length + 1;
    }
    this.#wake();
  }

  /** The client sends no more. INTERNAL when a message is cut off. */
  end(): void {
    if (this.isWithinMessage) throw internal("The request message is cut off");
    this.#isEnded = true;
    this.#wake();
  }

  /** Ends the stream for who reads it, by an error. */
  fail(reason: unknown): void {
    this.#failure = reason;
    this.#wake();
  }

  /** The messages, as `open` gives them. */
  async *read(open: (message: Message) => Promise<Uint8Array>): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const message = this.#messages.shift();
      if (message !== undefined) {
        this.#waitingBytes -= message.message.length + 1;
        if (!this.isFull) this.onRead();
        yield await open(message);
      } else if (this.#isEnded) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
