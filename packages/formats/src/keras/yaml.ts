/** The yaml package, loaded when a model needs it: only old Keras files hold YAML. */
import { createRequire } from "node:module";

let library: typeof import("yaml") | undefined;

export function yaml(): typeof import("yaml") {
  library ??= createRequire(import.meta.url)("yaml") as typeof import("yaml");
  return library;
}
