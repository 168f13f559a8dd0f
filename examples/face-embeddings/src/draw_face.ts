/** Draws a face: `node dist/draw_face.js --person=1 --light=0.5 /tmp/face.jpg`. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { positiveInteger, readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import { drawFace } from "./drawn-face.js";

const USAGE = `Usage: draw_face [flags] file

Draws a face and writes it as JPEG.

  --person=1   another number is another person
  --light=1    less is darker`;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, { person: "1", light: "1" });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw invalidArgument(USAGE);
  const light = Number(flags.light);
  if (!(light > 0 && light <= 2))
    throw invalidArgument(`--light must be above 0 and at most 2, got "${flags.light}"`);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, drawFace(positiveInteger("person", flags.person), light));
  console.log(`Wrote ${file}`);
}

await runProgram(main);
