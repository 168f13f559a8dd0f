/**
 * Which of the checkpoints that a saver wrote are kept: the last ones, and for good one for every so many hours. After
 * tf.compat.v1.train.Saver (tensorflow/python/training/saver.py).
 */

/** A checkpoint and when it was saved, in seconds since 1970. */
export interface SavedCheckpoint {
  readonly prefix: string;
  readonly time: number;
}

const SECONDS_PER_HOUR = 3600;

export class Retention {
  private recent: SavedCheckpoint[] = [];
  private nextPreserved: number;

  /**
   * @param maxToKeep how many of the last ones; 0 keeps all
   * @param start when the first hours begin, in seconds
   */
  constructor(
    private readonly maxToKeep: number,
    private readonly hours: number,
    start: number,
  ) {
    this.nextPreserved = start + hours * SECONDS_PER_HOUR;
  }

  /** The checkpoints that a later one may displace, the oldest first. */
  get last(): readonly SavedCheckpoint[] {
    return this.recent;
  }

  set last(checkpoints: readonly SavedCheckpoint[]) {
    this.recent = [...checkpoints];
  }

  /** Takes note of a checkpoint; those that it displaces, to be removed. */
  record(saved: SavedCheckpoint): SavedCheckpoint[] {
    this.recent = this.recent.filter(({ prefix }) => prefix !== saved.prefix);
    this.recent.push(saved);
    if (this.maxToKeep === 0) return [];
    const displaced = this.recent.splice(0, Math.max(0, this.recent.length - this.maxToKeep));
    return displaced.filter((each) => !this.preserves(each));
  }

  private preserves({ time }: SavedCheckpoint): boolean {
    if (time <= this.nextPreserved) return false;
    this.nextPreserved += this.hours * SECONDS_PER_HOUR;
    return true;
  }
}
