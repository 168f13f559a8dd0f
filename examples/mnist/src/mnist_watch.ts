/**
 * Watches a server switch from one version of the model to the next, under load.
 *
 *     node dist/mnist_watch.js --server=localhost:8500 --until_version=2
 */
import { connect } from "@servable/client";
import { positiveInteger, readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import { watchVersions } from "./version-switch.js";

const USAGE = `Usage: mnist_watch --server=host:port [flags]

Asks the model "mnist" without a pause, and tells which version answers and whether a request failed.

  --server=host:port   gRPC address of the server
  --until_version=2    ends when this version has given its answers
  --answers=1000       how many
  --concurrency=4      requests in flight at once`;

const defaults = { server: "", until_version: "2", answers: "1000", concurrency: "4" } as const;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, defaults);
  if (positionals.length > 0) throw invalidArgument(USAGE);
  if (flags.server === "") throw invalidArgument("Please specify the server: --server=host:port");
  const client = connect({ grpc: flags.server });
  try {
    const { answersByVersion, failures } = await watchVersions(client, {
      model: "mnist",
      concurrency: positiveInteger("concurrency", flags.concurrency),
      untilVersion: BigInt(positiveInteger("until_version", flags.until_version)),
      answers: positiveInteger("answers", flags.answers),
      onVersion: (version, before) => console.log(`Version ${version} answers, after ${before} answers`),
    });
    const answers = [...answersByVersion.values()].reduce((sum, count) => sum + count, 0);
    const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
    console.log(`${answers + failed} requests, ${failed} failed`);
    for (const [message, count] of failures) console.error(`${count} requests failed: ${message}`);
    if (failed > 0) process.exitCode = 1;
  } finally {
    client.close();
  }
}

await runProgram(main);
