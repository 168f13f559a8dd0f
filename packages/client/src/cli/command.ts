/**
 * `servable-client types`: prints TypeScript interfaces for a served model's signatures, from the server's metadata.
 * Exit status 0; 1 when the server can't be asked; 2 for wrong arguments.
 */
import { parseArgs } from "node:util";
import { notFound, type Signature, StatusError } from "@servable/formats";
import type { ModelMetadata } from "../client.js";
import { type ConnectOptions, connect } from "../connect.js";
import { typesOf } from "../signature-types.js";

const USAGE = `servable-client types (--grpc HOST:PORT | --rest URL) --model NAME
    [--version N | --label LABEL] [--signature NAME]

Prints TypeScript interfaces for the inputs and outputs of a served model, for
client.model<Inputs, Outputs>(name). All signatures unless one is named.
`;

const DEADLINE_MS = 30_000;

const options = {
  grpc: { type: "string" },
  rest: { type: "string" },
  model: { type: "string" },
  version: { type: "string" },
  label: { type: "string" },
  signature: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/** Where the command writes. */
export interface CommandOutput {
  out(text: string): void;
  error(text: string): void;
}

/** Runs the command with the arguments after its name; resolves to the exit status. */
export async function runCommand(args: readonly string[], output: CommandOutput): Promise<number> {
  const parsed = parseTypesArguments(args);
  if (parsed.kind === "help") {
    output.out(USAGE);
    return 0;
  }
  if (parsed.kind === "wrong") {
    output.error(`servable-client: ${parsed.problem}\n\n${USAGE}`);
    return 2;
  }
  try {
    output.out(await typesOfServedModel(parsed));
    return 0;
  } catch (reason) {
    const { codeName, message } = StatusError.from(reason);
    output.error(`servable-client: ${codeName}: ${message}\n`);
    return 1;
  }
}

interface TypesArguments {
  readonly kind: "types";
  readonly server: ConnectOptions;
  readonly model: string;
  readonly version: bigint | undefined;
  readonly label: string | undefined;
  readonly signature: string | undefined;
}

type Parsed =
  | TypesArguments
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problem: string };

function parseTypesArguments(args: readonly string[]): Parsed {
  const wrong = (problem: string) => ({ kind: "wrong", problem }) as const;
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (reason) {
    return wrong((reason as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.help) return { kind: "help" };
  const { grpc, rest, model, version, label, signature } = values;
  if (positionals.length !== 1 || positionals[0] !== "types") return wrong("the command is types");
  if ((grpc === undefined) === (rest === undefined)) return wrong("give either --grpc or --rest");
  if (model === undefined) return wrong("--model is missing");
  if (version !== undefined && !/^\d+$/.test(version)) return wrong("--version must be a number");
  const server = grpc !== undefined ? { grpc } : { rest: rest as string };
  return { kind: "types", server, model, version: version ? BigInt(version) : undefined, label, signature };
}

const parse = (args: readonly string[]) => parseArgs({ args: [...args], options, allowPositionals: true });

async function typesOfServedModel({
  server,
  model,
  version,
  label,
  signature,
}: TypesArguments): Promise<string> {
  const client = connect({ ...server, deadlineMs: DEADLINE_MS });
  try {
    const metadata = await client.getModelMetadata({ model, version, label });
    return typesOf(model, wantedSignatures(metadata, signature));
  } finally {
    client.close();
  }
}

function wantedSignatures(
  { model, signatures }: ModelMetadata,
  name: string | undefined,
): Iterable<Signature> {
  if (name === undefined) return signatures.values();
  const signature = signatures.get(name);
  if (signature !== undefined) return [signature];
  const known = [...signatures.keys()].map((key) => `"${key}"`).join(", ");
  throw notFound(`Model "${model.name}" has no signature "${name}"; it has ${known}`);
}
