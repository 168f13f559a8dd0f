/**
 * Where the time of a run goes: while a recorder is active, every step of every plan is timed, those of loops and
 * branches below the step that runs them. Without one, a plan pays a single comparison.
 */

/** A step, or several of one title: they are counted together. */
export interface RecordedStep {
  readonly title: string;
  readonly side: "onnx" | "host";
  /** How often it ran. */
  readonly count: number;
  /** All its runs together, what it called included. */
  readonly micros: number;
  readonly children: readonly RecordedStep[];
}

interface Recording {
  readonly title: string;
  readonly side: "onnx" | "host";
  count: number;
  micros: number;
  readonly children: Map<string, Recording>;
}

export interface StepTitle {
  readonly title: string;
  readonly side: "onnx" | "host";
}

export class StepRecorder {
  readonly #root: Recording = { title: "", side: "host", count: 0, micros: 0, children: new Map() };
  #parent = this.#root;

  /** Runs a step of a plan, and times it. */
  record({ title, side }: StepTitle, run: () => void): void {
    const parent = this.#parent;
    let recording = parent.children.get(title);
    if (recording === undefined) {
      recording = { title, side, count: 0, micros: 0, children: new Map() };
      parent.children.set(title, recording);
    }
    this.#parent = recording;
    const start = performance.now();
    try {
      run();
    } finally {
      recording.micros += (performance.now() - start) * 1000;
      recording.count++;
      this.#parent = parent;
    }
  }

  /** In the order in which they first ran. */
  get steps(): readonly RecordedStep[] {
    return stepsOf(this.#root);
  }
}

function stepsOf({ children }: Recording): RecordedStep[] {
  return [...children.values()].map((each) => ({ ...each, children: stepsOf(each) }));
}

/** A run is synchronous, so that what is active while it goes on is its own. */
let active: StepRecorder | undefined;

export function activeRecorder(): StepRecorder | undefined {
  return active;
}

/** Runs models with a recorder active, which sees all that they do. */
export function recordSteps<T>(recorder: StepRecorder, run: () => T): T {
  const before = active;
  active = recorder;
  try {
    return run();
  } finally {
    active = before;
  }
}
