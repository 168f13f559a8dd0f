/** What has come of one answer: compared, as it comes, with the first answer of all, which is right by definition. */

export class Answer {
  /** @param {Buffer | undefined} expected the body of the first answer; undefined where anything goes, or until it is there */
  constructor(expected) {
    this.startedAt = performance.now();
    this.size = 0;
    this.isDifferent = false;
    this.expected = expected;
    /** Kept while there is nothing to compare with. @type {Buffer[]} */
    this.pieces = [];
  }

  /** @param {Buffer} piece */
  add(piece) {
    const { expected, size } = this;
    this.size += piece.length;
    if (expected === undefined) this.pieces.push(Buffer.from(piece));
    else if (this.size > expected.length) this.isDifferent = true;
    else if (expected.compare(piece, 0, piece.length, size, this.size) !== 0) this.isDifferent = true;
  }

  get body() {
    return Buffer.concat(this.pieces);
  }

  /** Whether it is the same as the first. @param {Buffer} first */
  equals(first) {
    if (this.expected === undefined) return this.body.equals(first);
    return !this.isDifferent && this.size === first.length;
  }
}
