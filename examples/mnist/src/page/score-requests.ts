/**
 * Asks for scores while one draws: one question at a time, and when it is answered the newest one that has come since.
 * What lies between is skipped, so that answers never fall behind the pen, however slow the server is.
 */

export interface Question {
  /** [28 × 28], from 0 to 1. */
  readonly pixels: Float32Array;
  /** Empty for the newest. */
  readonly version: string;
}

export interface Answer {
  /** One for each digit. */
  readonly scores: readonly number[];
  /** That answered. */
  readonly version: string;
  /** From the page's server to the model server and back. */
  readonly ms: number;
}

export type Ask = (question: Question) => Promise<Answer>;

export interface AnswerSink {
  answered(answer: Answer): void;
  failed(message: string): void;
}

export class ScoreRequests {
  private waiting: Question | undefined;
  private isAsking = false;
  /** Answers to questions from before the last `forget` are for nobody. */
  private round = 0;

  constructor(
    private readonly ask: Ask,
    private readonly sink: AnswerSink,
  ) {}

  /** Asks as soon as the answer under way is there. */
  put(question: Question): void {
    this.waiting = question;
    if (!this.isAsking) void this.askAll();
  }

  /** Drops what waits and what is under way. */
  forget(): void {
    this.waiting = undefined;
    this.round++;
  }

  private async askAll(): Promise<void> {
    this.isAsking = true;
    while (this.waiting !== undefined) {
      const question = this.waiting;
      const round = this.round;
      this.waiting = undefined;
      try {
        const answer = await this.ask(question);
        if (round === this.round) this.sink.answered(answer);
      } catch (reason) {
        if (round === this.round) this.sink.failed(reason instanceof Error ? reason.message : String(reason));
      }
    }
    this.isAsking = false;
  }
}
