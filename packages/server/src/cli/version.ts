/** `--version` */
import { readFile } from "node:fs/promises";
import { ExitCode } from "./command.js";

export async function printVersion(): Promise<number> {
  const manifest = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  process.stdout.write(`Servable ModelServer: ${manifest.version}\n`);
  return ExitCode.OK;
}
