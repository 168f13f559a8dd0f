/**
 * Reads messages in the protocol buffer text format: saved_model.pbtxt, graph.pbtxt, the `checkpoint` state file,
 * model config files, batching parameters. Accepts and refuses what C++'s TextFormat::Parser does
 * (google/protobuf/text_format.cc), with the message's descriptors for a grammar:
 *
 *     field: value   field { … }   field < … >   field: [a, b]   [type.googleapis.com/pkg.Message] { … }
 *
 * A "," or ";" may follow a field. A field that is not repeated may come once. Nesting is bounded at 100 messages.
 */
import {
  create,
  type DescField,
  type DescMessage,
  type MessageShape,
  type Registry,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect, scalarZeroValue } from "@bufbuild/protobuf/reflect";
import { MAX_MESSAGE_DEPTH } from "../protobuf/binary.js";
import { type NumericScalar, readEnum, readNumber } from "./scalar.js";
import { LiteralBytes } from "./string-literal.js";
import { Kind, Tokenizer } from "./tokenizer.js";

export interface ParseTextOptions {
  /** Resolves the types of google.protobuf.Any in its expanded form. */
  readonly registry?: Registry;
  /** Names the text in errors, such as a file. The message's type by default. */
  readonly what?: string;
}

/**
 * The message of a text.
 * INVALID_ARGUMENT with line, column and what was expected when the text is not one of this message.
 *
 * @example
 * import { VersionDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/versions_pb";
 * assert.equal(parseText(VersionDefSchema, "producer: 27").producer, 27);
 * assert.throws(() => parseText(VersionDefSchema, "produce: 27"), { codeName: "INVALID_ARGUMENT" });
 */
export function parseText<Desc extends DescMessage>(
  schema: Desc,
  text: string,
  options: ParseTextOptions = {},
): MessageShape<Desc> {
  const message = create(schema);
  const tokens = new Tokenizer(text, options.what ?? schema.typeName);
  new Parser(tokens, options.registry).fields(reflect(schema, message), "");
  return message;
}

/** The fields of a message by their names in texts. */
const fieldsByName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

function fieldNamed(desc: DescMessage, name: string): DescField | undefined {
  let fields = fieldsByName.get(desc);
  if (fields === undefined) {
    fields = new Map(desc.fields.map((field) => [field.name, field]));
    fieldsByName.set(desc, fields);
  }
  return fields.get(name);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Parser {
  private readonly literal = new LiteralBytes();
  private depth = 0;

  constructor(
    private readonly tokens: Tokenizer,
    private readonly registry: Registry | undefined,
  ) {}

  /** The fields up to a closing symbol, "" for the end of the text. Leaves the tokenizer behind it. */
  fields(message: ReflectMessage, close: string): void {
    const { tokens } = this;
    if (++this.depth > MAX_MESSAGE_DEPTH) {
      throw tokens.error(`more than ${MAX_MESSAGE_DEPTH} messages inside each other`);
    }
    const seen = new Set<string>();
    while (close === "" ? tokens.kind !== Kind.END : !tokens.skip(close)) {
      this.field(message, seen, close);
      if (!tokens.skip(";")) tokens.skip(",");
    }
    this.depth--;
  }

  private field(message: ReflectMessage, seen: Set<string>, close: string): void {
    const { tokens } = this;
    const { start } = tokens;
    if (tokens.skip("[")) {
      this.expandedAny(message, seen, start);
      return;
    }
    const name = tokens.identifier(close === "" ? "a field name" : `a field name or "${close}"`);
    const field = fieldNamed(message.desc, name);
    if (field === undefined) {
      if (!message.desc.proto.reservedName.includes(name)) {
        throw tokens.error(`message type "${message.desc.typeName}" has no field named "${name}"`, start);
      }
      this.skipValue();
      return;
    }
    if (field.fieldKind !== "list" && field.fieldKind !== "map") this.requireFirst(field, seen, start);
    this.value(message, field);
  }

  private requireFirst(field: DescField, seen: Set<string>, start: number): void {
    const { tokens } = this;
    if (seen.has(field.name)) {
      throw tokens.error(`non-repeated field "${field.name}" is specified multiple times`, start);
    }
    const other = field.oneof?.fields.find((member) => seen.has(member.name));
    if (other !== undefined) {
      throw tokens.error(
        `field "${field.name}" is specified along with field "${other.name}", another member of oneof ` +
          `"${field.oneof?.name}"`,
        start,
      );
    }
    seen.add(field.name);
  }

  private value(message: ReflectMessage, field: DescField): void {
    const { tokens } = this;
    const isMessage =
      field.fieldKind === "map" ||
      (field.fieldKind === "list" ? field.listKind === "message" : field.message);
    if (isMessage) tokens.skip(":");
    else tokens.expect(":");
    switch (field.fieldKind) {
      case "scalar":
        message.set(field, this.scalar(field.scalar));
        break;
      case "enum":
        message.set(field, readEnum(tokens, field.enum));
        break;
      case "message":
        message.set(field, this.message(field.message));
        break;
      case "list":
        this.list(message, field);
        break;
      case "map":
        this.eachElement(() => this.mapEntry(message, field));
        break;
    }
  }

  private list(message: ReflectMessage, field: DescField & { fieldKind: "list" }): void {
    const list = message.get(field);
    if (field.listKind === "message") {
      this.eachElement(() => list.add(this.message(field.message)));
    } else if (field.listKind === "enum") {
      this.eachElement(() => list.add(readEnum(this.tokens, field.enum)));
    } else {
      // Values are in range already: they go into the list's array without another check, for speed.
      const array = (message.message as unknown as Record<string, unknown[]>)[field.localName] as unknown[];
      const plain = !field.longAsString;
      this.eachElement(() =>
        plain ? array.push(this.scalar(field.scalar)) : list.add(this.scalar(field.scalar)),
      );
    }
  }

  /** One element, or "[" elements with "," between "]". */
  private eachElement(read: () => unknown): void {
    const { tokens } = this;
    if (!tokens.skip("[")) {
      read();
      return;
    }
    if (tokens.skip("]")) return;
    do read();
    while (tokens.skip(","));
    if (!tokens.skip("]")) throw tokens.unexpected('"," or "]"');
  }

  private message(desc: DescMessage): ReflectMessage {
    const message = reflect(desc);
    this.fields(message, this.open());
    return message;
  }

  /** Goes past the symbol that opens a message and returns the one that closes it. */
  private open(): string {
    const { tokens } = this;
    if (tokens.skip("<")) return ">";
    tokens.expect("{");
    return "}";
  }

  private mapEntry(message: ReflectMessage, field: DescField & { fieldKind: "map" }): void {
    const { tokens } = this;
    const close = this.open();
    let key: unknown = scalarZeroValue(field.mapKey, false);
    let value = defaultMapValue(field);
    const seen = new Set<string>();
    while (!tokens.skip(close)) {
      const { start } = tokens;
      const name = tokens.identifier(`"key", "value" or "${close}"`);
      if (name !== "key" && name !== "value")
        throw tokens.error(`a map entry has no field named "${name}"`, start);
      if (seen.has(name))
        throw tokens.error(`non-repeated field "${name}" is specified multiple times`, start);
      seen.add(name);
      if (name === "key") {
        tokens.expect(":");
        key = this.scalar(field.mapKey);
      } else {
        value = this.mapValue(field);
      }
      if (!tokens.skip(";")) tokens.skip(",");
    }
    message.get(field).set(key as string, value);
  }

  private mapValue(field: DescField & { fieldKind: "map" }): unknown {
    if (field.mapKind === "message") {
      this.tokens.skip(":");
      return this.message(field.message);
    }
    this.tokens.expect(":");
    return field.mapKind === "enum" ? readEnum(this.tokens, field.enum) : this.scalar(field.scalar);
  }

  private scalar(type: ScalarType): unknown {
    if (type === ScalarType.STRING) return this.string();
    if (type === ScalarType.BYTES) return this.bytes();
    return readNumber(this.tokens, type as NumericScalar);
  }

  private string(): string {
    const { start } = this.tokens;
    const bytes = this.bytes();
    try {
      return decoder.decode(bytes);
    } catch {
      throw this.tokens.error("a string is not UTF-8", start);
    }
  }

  /** One string literal or several after each other. */
  private bytes(): Uint8Array {
    const { tokens, literal } = this;
    if (tokens.kind !== Kind.STRING) throw tokens.unexpected("a string");
    while (tokens.kind === Kind.STRING) {
      const problem = literal.add(tokens.text, tokens.start + 1, tokens.end - 1);
      if (problem !== undefined) throw tokens.error(problem.problem, problem.offset);
      tokens.next();
    }
    return literal.take();
  }

  /** `[type.googleapis.com/pkg.Message] { … }` after its "[": the content of a google.protobuf.Any. */
  private expandedAny(message: ReflectMessage, seen: Set<string>, start: number): void {
    const { tokens } = this;
    const url = this.typeUrl();
    if (message.desc.typeName !== "google.protobuf.Any") {
      throw tokens.error(`message type "${message.desc.typeName}" has no extension "[${url}]"`, start);
    }
    if (seen.size > 0) throw tokens.error("a google.protobuf.Any has one content", start);
    const [, typeName] = /^type\.google(?:apis|prod)\.com\/(.*)$/.exec(url) ?? [];
    const desc = typeName === undefined ? undefined : this.registry?.getMessage(typeName);
    if (desc === undefined) throw tokens.error(`unknown message type "${url}" in google.protobuf.Any`, start);
    tokens.skip(":");
    const content = this.message(desc);
    message.set(fieldNamed(message.desc, "type_url") as DescField, url);
    message.set(fieldNamed(message.desc, "value") as DescField, toBinary(desc, content.message));
    seen.add("type_url").add("value");
  }

  private typeUrl(): string {
    const { tokens } = this;
    let url = tokens.identifier("a type name");
    while (!tokens.skip("]")) {
      const symbol = [".", "/", "-"].find((candidate) => tokens.skip(candidate));
      if (symbol === undefined) throw tokens.unexpected('"]"');
      url += symbol + tokens.identifier("a type name");
    }
    return url;
  }

  /** Goes past the value of a field whose name is reserved: it was removed from the message. */
  private skipValue(): void {
    this.tokens.skip(":");
    this.eachElement(() => this.skipElement());
  }

  private skipElement(): void {
    const { tokens } = this;
    if (tokens.at("{") || tokens.at("<")) {
      this.skipMessage();
      return;
    }
    if (tokens.kind === Kind.STRING) {
      while (tokens.kind === Kind.STRING) tokens.next();
      return;
    }
    tokens.skip("-");
    if (tokens.kind === Kind.SYMBOL || tokens.kind === Kind.END) throw tokens.unexpected("a value");
    tokens.next();
  }

  private skipMessage(): void {
    const { tokens } = this;
    if (++this.depth > MAX_MESSAGE_DEPTH) {
      throw tokens.error(`more than ${MAX_MESSAGE_DEPTH} messages inside each other`);
    }
    const close = this.open();
    while (!tokens.skip(close)) {
      if (tokens.skip("[")) this.typeUrl();
      else tokens.identifier(`a field name or "${close}"`);
      this.skipValue();
      if (!tokens.skip(";")) tokens.skip(",");
    }
    this.depth--;
  }
}

/** What a map entry without "value" holds. */
function defaultMapValue(field: DescField & { fieldKind: "map" }): unknown {
  if (field.mapKind === "message") return reflect(field.message);
  return field.mapKind === "enum" ? field.enum.values[0]?.number : scalarZeroValue(field.scalar, false);
}
