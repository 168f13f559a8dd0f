/** Programs that tests use where they are installed. */
import { existsSync } from "node:fs";
import path from "node:path";

/** Whether a program is in the path. */
export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "")
    .split(path.delimiter)
    .some((folder) => existsSync(path.join(folder, program)));
}
