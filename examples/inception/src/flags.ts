/** The network's size on the command line: the real one, or a smaller one of the same form, to try things quickly. */
import { invalidArgument } from "@servable/formats";
import { CLASSES, type NetworkOptions } from "./inception-v3.js";

/** INVALID_ARGUMENT unless it is above 0 and at most 1. */
export function networkOf(depth: string): Omit<NetworkOptions, "useResource"> {
  const number = Number(depth);
  if (!(number > 0 && number <= 1))
    throw invalidArgument(`--depth must be above 0 and at most 1, got "${depth}"`);
  return { classes: CLASSES, depth: number };
}
