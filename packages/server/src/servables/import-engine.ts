/** The engine, imported when it is needed: that takes a tenth of a second. */
import type { Engine } from "./engine-contract.js";

/** @param other module specifier of another engine than ours, for tests */
export function importEngine(other: string | undefined): Promise<Engine> {
  return other === undefined ? import("@servable/engine") : import(other);
}
