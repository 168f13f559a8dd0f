/** Progress of long work: a bar that moves on a terminal, a line for each tenth elsewhere. */

const BAR_WIDTH = 30;
const PARTS = 10;

/** Where progress is shown; process.stdout is one. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class Progress {
  private partsShown = 0;

  constructor(
    private readonly label: string,
    private readonly output: ProgressOutput = process.stdout,
  ) {}

  /**
   * Shows how far the work is.
   *
   * @param done from 0 to 1
   * @param detail what else is to be said, such as "loss 0.31"
   */
  show(done: number, detail = ""): void {
    const line =
      `${this.label} ${String(Math.floor(done * 100)).padStart(3)}% ${bar(done)} ${detail}`.trimEnd();
    const parts = Math.floor(done * PARTS);
    if (this.output.isTTY) this.output.write(`\r\x1b[K${line}${done >= 1 ? "\n" : ""}`);
    else if (parts > this.partsShown) this.output.write(`${line}\n`);
    this.partsShown = parts;
  }
}

function bar(done: number): string {
  const filled = Math.round(done * BAR_WIDTH);
  return `[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}]`;
}
