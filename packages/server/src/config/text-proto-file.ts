/** Configuration files: protobuf messages in text format. */
import { readFile } from "node:fs/promises";
import type { DescMessage, MessageShape, Registry } from "@bufbuild/protobuf";
import { parseText, StatusError } from "@servable/formats";

/** The message in a file. INVALID_ARGUMENT, naming the file, line and column, when it holds none. */
export async function readTextProtoFile<Desc extends DescMessage>(
  schema: Desc,
  path: string,
  registry?: Registry,
): Promise<MessageShape<Desc>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (reason) {
    const { code, message } = StatusError.from(reason);
    throw new StatusError(code, `Cannot read ${path}: ${message}`, { cause: reason });
  }
  return parseText(schema, text, {
    what: `${schema.typeName} in ${path}`,
    ...(registry === undefined ? {} : { registry }),
  });
}
