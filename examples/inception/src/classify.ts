/**
 * Asks the classification server.
 *
 *     node dist/classify.js localhost:9000 picture.jpg
 *     node dist/classify.js localhost:9001 5.1,3.5,1.4,0.2
 */
import { existsSync, readFileSync } from "node:fs";
import { runProgram } from "@servable/example-kit/command-line";
import { invalidArgument, notFound } from "@servable/formats";
import { ClassificationClient } from "./classification-service.js";

const USAGE = `Usage: classify <host:port> <input>

Prints the classes of an input, the best first.

The input is a picture's file, or numbers with commas between.`;

const DEADLINE_MS = 10_000;

async function main(args: readonly string[]): Promise<void> {
  const [address, input] = args;
  if (args.includes("--help")) return console.log(USAGE);
  if (address === undefined || input === undefined || args.length > 2) throw invalidArgument(USAGE);
  const client = new ClassificationClient(address);
  try {
    for (const { name, score } of await client.classify(inputBytes(input), DEADLINE_MS)) {
      console.log(`${score.toFixed(4).padStart(9)}  ${name}`);
    }
  } finally {
    client.close();
  }
}

function inputBytes(input: string): Uint8Array {
  if (existsSync(input)) return readFileSync(input);
  const numbers = input.split(",").map(Number);
  if (numbers.some(Number.isNaN)) throw notFound(`There is no file ${input}, and numbers it is not`);
  const bytes = new Uint8Array(4 * numbers.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => {
    view.setFloat32(4 * i, number, true);
  });
  return bytes;
}

await runProgram(main);
