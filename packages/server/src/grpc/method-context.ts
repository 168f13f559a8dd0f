/**
 * What the contexts of both transports share: why a call should stop, and the metadata that a method sends of its own
 * (Custom-Metadata in doc/PROTOCOL-HTTP2.md of gRPC). Most methods send none, which costs them nothing.
 */
import { internal } from "@servable/formats";
import { CallAbort } from "../call-abort.js";

export interface MetadataEntry {
  readonly name: string;
  /** Base64 where the name ends in "-bin". */
  readonly value: string;
}

const NONE: readonly MetadataEntry[] = [];
/** Of initial or trailing metadata, in HTTP/2's measure. gRPC's clients take no more by default. */
const MAX_METADATA_BYTES = 8192;
/** What HTTP/2 counts for an entry, beside its name and value (RFC 9113, section 6.5.2). */
const ENTRY_BYTES = 32;

export class MethodContext extends CallAbort {
  readonly deadline?: number;
  initialMetadata = NONE;
  trailingMetadata = NONE;
  /** The initial metadata is sent. */
  hasStarted = false;

  constructor(deadline: number | undefined) {
    super();
    if (deadline !== undefined) this.deadline = deadline;
  }

  get hasMetadata(): boolean {
    return this.initialMetadata !== NONE || this.trailingMetadata !== NONE;
  }

  addInitialMetadata(name: string, value: string): void {
    if (this.hasStarted) throw internal(`The initial metadata "${name}" comes behind the first message`);
    this.initialMetadata = extended(this.initialMetadata, { name, value });
  }

  addTrailingMetadata(name: string, value: string): void {
    this.trailingMetadata = extended(this.trailingMetadata, { name, value });
  }
}

function extended(before: readonly MetadataEntry[], entry: MetadataEntry): readonly MetadataEntry[] {
  const { name, value } = entry;
  if (!/^[0-9a-z_.-]+$/.test(name) || name.startsWith("grpc-")) {
    throw internal(`Metadata of a method's own can't have the name "${name}"`);
  }
  const isValid = name.endsWith("-bin") ? /^[0-9A-Za-z+/]*={0,2}$/.test(value) : /^[ -~]*$/.test(value);
  if (!isValid) {
    throw internal(`The value of metadata "${name}" is not ${name.endsWith("-bin") ? "base64" : "ASCII"}`);
  }
  const entries = [...before, entry];
  const bytes = entries.reduce((sum, each) => sum + each.name.length + each.value.length + ENTRY_BYTES, 0);
  if (bytes > MAX_METADATA_BYTES) {
    throw internal(`With "${name}" the metadata has ${bytes} bytes; ${MAX_METADATA_BYTES} are allowed`);
  }
  return entries;
}
