/** Draws a picture: `node dist/draw_picture.js /tmp/picture.jpg`. */
import { writeFileSync } from "node:fs";
import { positiveInteger, readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import { drawJpeg } from "./drawn-picture.js";

const USAGE = `Usage: draw_picture [flags] file

Draws a picture and writes it as JPEG.

  --seed=1       another seed is another picture
  --width=640    in pixels
  --height=480`;

const defaults = { seed: "1", width: "640", height: "480" } as const;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, defaults);
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw invalidArgument(USAGE);
  const number = (name: keyof typeof defaults) => positiveInteger(name, flags[name]);
  const bytes = drawJpeg(number("width"), number("height"), number("seed"));
  writeFileSync(file, bytes);
  console.log(`Wrote ${file}, ${bytes.length} bytes`);
}

await runProgram(main);
