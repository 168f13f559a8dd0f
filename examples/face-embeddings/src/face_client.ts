/**
 * Prints how far two photographs are apart.
 *
 *     node dist/face_client.js --server=localhost:8500 one.jpg other.jpg
 */
import { existsSync, readFileSync } from "node:fs";
import { connect } from "@servable/client";
import { readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument, notFound } from "@servable/formats";
import { faceDistance } from "./face-distance.js";

const USAGE = `Usage: face_client --server=host:port photograph photograph

Prints how far two faces are apart: 0 is the same picture, 2 the most.

  --server=host:port   gRPC address of the server
  --model=faces        name of the model`;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, { server: "", model: "faces" });
  const [one, other] = positionals;
  if (one === undefined || other === undefined || positionals.length > 2) throw invalidArgument(USAGE);
  if (flags.server === "") throw invalidArgument("Please specify the server: --server=host:port");
  const read = (file: string) => {
    if (!existsSync(file)) throw notFound(`There is no file ${file}`);
    return readFileSync(file);
  };
  const client = connect({ grpc: flags.server });
  try {
    const { distance, version } = await faceDistance(client, flags.model, [read(one), read(other)]);
    console.log(`distance ${distance.toFixed(3)} (version ${version})`);
  } finally {
    client.close();
  }
}

await runProgram(main);
