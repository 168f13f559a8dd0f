/** "Did you mean …?" */
import { editDistance } from "../config/parse-flags.js";

/** The name that was probably meant; undefined when none is near. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  if (given === "") return undefined;
  const near = names
    .map((name) => ({ name, distance: editDistance(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.min(name.length, given.length) / 3)
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.name ?? names.find((name) => name.startsWith(given));
}
