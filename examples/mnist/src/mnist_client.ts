/**
 * Asks a model server what the MNIST test images show and tells how often it errs, as TensorFlow Serving's
 * mnist_client.py does.
 *
 *     node dist/mnist_client.js --num_tests=1000 --server=localhost:8500
 */
import { connect, type Tensor } from "@servable/client";
import { positiveInteger, readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import { DEFAULT_DATA_DIR, DEFAULT_DATA_URL, readDataSet } from "./data-set.js";
import { measureErrorRate, type Predict } from "./error-rate.js";

const USAGE = `Usage: mnist_client --server=host:port [flags]

Sends MNIST test images to the model "mnist" of a server and prints how often it errs.

  --server=host:port   gRPC address of the server
  --num_tests=1000     number of test images, at most 10000
  --concurrency=1      requests in flight at once
  --version=n          the version to ask; by default the newest one that is served
  --label=name         the same by a label of the server's configuration, such as stable
  --data_dir=dir       folder with the MNIST files; by default one in the system's temporary folder
  --data_url=url       where files that are missing there are downloaded from`;

const defaults = {
  server: "",
  num_tests: "1000",
  concurrency: "1",
  version: "",
  label: "",
  data_dir: DEFAULT_DATA_DIR,
  data_url: DEFAULT_DATA_URL,
} as const;

const DEADLINE_MS = 5000;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, defaults);
  if (positionals.length > 0) throw invalidArgument(USAGE);
  if (flags.server === "") throw invalidArgument("Please specify the server: --server=host:port");
  const tests = positiveInteger("num_tests", flags.num_tests);
  const concurrency = positiveInteger("concurrency", flags.concurrency);
  const target = {
    ...(flags.version !== "" && { version: positiveInteger("version", flags.version) }),
    ...(flags.label !== "" && { label: flags.label }),
  };
  const data = await readDataSet("t10k", { dataDir: flags.data_dir, dataUrl: flags.data_url });
  if (tests > data.count) throw invalidArgument(`--num_tests should not be greater than ${data.count}`);
  const client = connect({ grpc: flags.server });
  try {
    const predict: Predict = async (images) => {
      const request = {
        model: "mnist",
        ...target,
        signature: "predict_images",
        inputs: { images },
        deadlineMs: DEADLINE_MS,
      };
      return (await client.predict(request)).outputs.get("scores") as Tensor;
    };
    const onAnswer = () => void process.stdout.write(".");
    const { rate, failures } = await measureErrorRate(predict, data, { tests, concurrency, onAnswer });
    console.log(`\nInference error rate: ${Number((100 * rate).toFixed(4))}%`);
    report(failures);
  } finally {
    client.close();
  }
}

/** Failed requests count as errors, but say nothing about the model. */
function report(failures: ReadonlyMap<string, number>): void {
  for (const [message, count] of failures) console.error(`${count} requests failed: ${message}`);
  if (failures.size > 0) process.exitCode = 1;
}

await runProgram(main);
