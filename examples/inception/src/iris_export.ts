/** Exports the Iris model: `node dist/iris_export.js /tmp/iris`. */
import path from "node:path";
import { runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import { exportIris } from "./iris.js";

const USAGE = `Usage: iris_export folder

Writes a model that tells Iris flowers apart, as version 1 below the folder.`;

async function main([folder, ...rest]: readonly string[]): Promise<void> {
  if (folder === "--help") return console.log(USAGE);
  if (folder === undefined || rest.length > 0) throw invalidArgument(USAGE);
  const versionDir = path.join(folder, "1");
  exportIris(versionDir);
  console.log(`Exported ${versionDir}`);
}

await runProgram(main);
