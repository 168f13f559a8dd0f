/** How far a load is, for those who wait for a large model: its weights are read once to be verified, then signatures are compiled. */

export type LoadProgress =
  /** Bytes of weights that have been read and verified so far. */
  | { readonly stage: "weights"; readonly bytes: number }
  /** Signatures that are compiled, of how many; those that compute the same are compiled once. */
  | { readonly stage: "signatures"; readonly compiled: number; readonly total: number };

export type ProgressListener = (progress: LoadProgress) => void;

/** Weights are reported in steps of this many bytes. */
const STEP_BYTES = 2 ** 25;

/** Counts verified weights, and reports them now and then. */
export class WeightProgress {
  private bytes = 0;
  private reported = 0;

  constructor(private readonly listener: ProgressListener | undefined) {}

  add(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes - this.reported < STEP_BYTES) return;
    this.reported = this.bytes;
    this.listener?.({ stage: "weights", bytes: this.bytes });
  }
}
