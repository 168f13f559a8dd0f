/** The one order of swaps that TensorFlow shuffles by: each place with one of those from it on. */
import type { Words } from "./philox.js";

/** Shuffles a list in place and returns it. */
export function shuffle<T>(list: T[], words: Words): T[] {
  for (let i = 0; i + 1 < list.length; i++) {
    const j = i + (words.next() % (list.length - i));
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}
