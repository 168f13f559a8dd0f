/** What the stops of the tour share: a folder of their own to write into, and how tensors are printed. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { runProgram } from "@servable/example-kit/command-line";
import { invalidArgument, type Tensor } from "@servable/formats";

/**
 * Runs a stop with a fresh folder of its name, below the folder that the command line names.
 *
 * @param stop gets the folder's path, without a slash at its end
 */
export async function runStop(name: string, stop: (folder: string) => void): Promise<void> {
  await runProgram(async ([base, ...rest]) => {
    if (base === undefined || base.startsWith("-") || rest.length > 0) {
      throw invalidArgument(
        `Usage: ${name} folder\n\nWrites into folder/${name}, in place of what is there.`,
      );
    }
    const folder = path.join(base, name);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    stop(folder);
  });
}

/** "v1 = 1 1 1". */
export function printTensor(name: string, { data }: Tensor): void {
  console.log(`${name} = ${Array.from(data, Number).map(shortNumber).join(" ")}`);
}

/** With four decimals at most. */
export function shortNumber(value: number): string {
  return String(Number(value.toFixed(4)));
}

/** The names of the files in a folder, sorted. */
export function printFiles(folder: string): void {
  console.log(`Files: ${readdirSync(folder).sort().join(", ")}`);
}
