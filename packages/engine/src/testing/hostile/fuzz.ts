/** Loads damaged copies of good models, one after the other, and reports those that end as no load may end. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { caseNames, loadCase } from "@servable/formats/testing";
import { seededRandom } from "@servable/formats/testing/mutations";
import { damageModel } from "./damage-files.js";
import { LoadProcess, type Outcome } from "./load-process.js";
import { smallModels } from "./small-models.js";

/** Golden models with larger files take too long to copy thousands of times. */
const MAX_GOLDEN_OPS = 80;
/** A fresh process now and then, so that memory which adds up slowly is not taken for one model's. */
const LOADS_PER_PROCESS = 250;

export interface FuzzOptions {
  /** Case i is the same in every run with this seed. */
  readonly seed: number;
  readonly first?: number;
  readonly count: number;
  /** Damage recorded models too, where the folder `shared` is. */
  readonly withGolden?: boolean;
  readonly onFailure?: (failure: Failure) => void;
  readonly onProgress?: (done: number) => void;
}

export interface Failure {
  readonly index: number;
  /** The model and what was done to it. */
  readonly label: string;
  readonly outcome: Outcome;
  /** The damaged model; kept for who wants to look at it. */
  readonly dir: string;
}

/** How often each kind of outcome occurred. */
export type FuzzResult = Readonly<Record<Outcome["kind"], number>>;

/** Runs the cases first … first + count − 1. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const folder = mkdtempSync(path.join(tmpdir(), "servable-hostile-"));
  const good = writeGoodModels(folder, options.withGolden ?? false);
  const process = new LoadProcess();
  const counts = { loaded: 0, refused: 0, defect: 0, crash: 0, hang: 0, memory: 0, slow: 0 };
  const first = options.first ?? 0;
  try {
    for (let index = first; index < first + options.count; index++) {
      const failure = await fuzzOne(index, options.seed, good, folder, process, counts);
      if (failure !== undefined) options.onFailure?.(failure);
      if ((index - first) % LOADS_PER_PROCESS === LOADS_PER_PROCESS - 1) process.stop();
      options.onProgress?.(index - first + 1);
    }
  } finally {
    process.stop();
    for (const { dir } of good) if (dir.startsWith(folder)) rmSync(dir, { recursive: true });
    removeIfEmpty(folder, good);
  }
  return counts;
}

async function fuzzOne(
  index: number,
  seed: number,
  good: readonly GoodModel[],
  folder: string,
  process: LoadProcess,
  counts: Record<Outcome["kind"], number>,
): Promise<Failure | undefined> {
  const random = seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const model = good[random(good.length)] as GoodModel;
  const dir = path.join(folder, String(index), "1");
  mkdirSync(path.dirname(dir));
  const label = `${model.name}, ${damageModel(model.dir, dir, random)}`;
  const outcome = await process.load(dir);
  counts[outcome.kind]++;
  if (outcome.kind !== "loaded" && outcome.kind !== "refused") return { index, label, outcome, dir };
  rmSync(path.dirname(dir), { recursive: true });
  return undefined;
}

interface GoodModel {
  readonly name: string;
  readonly dir: string;
}

function writeGoodModels(folder: string, withGolden: boolean): GoodModel[] {
  const small = smallModels.map(({ name, write }) => {
    const dir = path.join(folder, name, "1");
    write(dir);
    return { name, dir };
  });
  return withGolden ? [...small, ...goldenModels(), ...goldenKerasModels(folder)] : small;
}

function goldenModels(): GoodModel[] {
  return caseNames().flatMap((name) => {
    const golden = loadCase(name);
    const fits = golden.kind === "saved_model" && golden.ops.length <= MAX_GOLDEN_OPS;
    return fits && !name.startsWith("broken_") ? [{ name, dir: path.join(golden.dir, golden.path) }] : [];
  });
}

/** A Keras file lies beside its case's description: it gets a folder of its own. */
function goldenKerasModels(folder: string): GoodModel[] {
  return caseNames().flatMap((name) => {
    const golden = loadCase(name);
    if (golden.kind !== "keras_h5" && golden.kind !== "keras_v3") return [];
    const dir = path.join(folder, name, "1");
    mkdirSync(dir, { recursive: true });
    copyFileSync(path.join(golden.dir, golden.path), path.join(dir, path.basename(golden.path)));
    return [{ name, dir }];
  });
}

function removeIfEmpty(folder: string, good: readonly GoodModel[]): void {
  for (const { name } of good) rmSync(path.join(folder, name), { recursive: true, force: true });
  try {
    rmSync(folder, { recursive: false });
  } catch {
    // What failed is in there.
  }
}
