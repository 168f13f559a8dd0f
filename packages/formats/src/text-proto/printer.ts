/**
 * Writes messages in the protocol buffer text format as C++'s TextFormat does: fields by number, map entries by key,
 * one value a line, two spaces a level, everything outside of ASCII escaped. Unknown fields are left out, for no
 * parser takes them.
 */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromBinary,
  type MessageShape,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { MAX_MESSAGE_DEPTH } from "../protobuf/binary.js";
import { invalidArgument } from "../status.js";
import { encodeText } from "../tensor.js";
import { quoteBytes } from "./string-literal.js";

export interface PrintTextOptions {
  /** Writes a google.protobuf.Any of a type in here in its expanded form. */
  readonly registry?: Registry;
}

/**
 * The text of a message; parseText gives the message back.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { VersionDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/versions_pb";
 * assert.equal(printText(VersionDefSchema, create(VersionDefSchema, { producer: 27 })), "producer: 27\n");
 */
export function printText<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  options: PrintTextOptions = {},
): string {
  const printer = new Printer(options.registry);
  printer.fields(reflect(schema, message));
  return printer.lines.join("");
}

class Printer {
  readonly lines: string[] = [];
  private indent = "";

  constructor(private readonly registry: Registry | undefined) {}

  fields(message: ReflectMessage): void {
    if (this.indent.length > 2 * MAX_MESSAGE_DEPTH) {
      throw invalidArgument(
        `${message.desc.typeName}: more than ${MAX_MESSAGE_DEPTH} messages inside each other`,
      );
    }
    if (this.expandedAny(message)) return;
    for (const field of [...message.fields].sort((a, b) => a.number - b.number)) {
      if (message.isSet(field)) this.field(message, field);
    }
  }

  private field(message: ReflectMessage, field: DescField): void {
    switch (field.fieldKind) {
      case "scalar":
        this.line(field.name, scalarText(field.scalar, message.get(field)));
        break;
      case "enum":
        this.line(field.name, enumText(field.enum, message.get(field)));
        break;
      case "message":
        this.block(field.name, () => this.fields(message.get(field)));
        break;
      case "list":
        for (const element of message.get(field)) this.element(field, element);
        break;
      case "map":
        this.mapEntries(message, field);
        break;
    }
  }

  private element(field: DescField & { fieldKind: "list" }, element: unknown): void {
    if (field.listKind === "message") this.block(field.name, () => this.fields(element as ReflectMessage));
    else if (field.listKind === "enum") this.line(field.name, enumText(field.enum, element as number));
    else this.line(field.name, scalarText(field.scalar, element));
  }

  private mapEntries(message: ReflectMessage, field: DescField & { fieldKind: "map" }): void {
    const entries = [...message.get(field)].sort(([a], [b]) => compareKeys(a, b));
    for (const [key, value] of entries) {
      this.block(field.name, () => {
        this.line("key", scalarText(field.mapKey, key));
        if (field.mapKind === "message") this.block("value", () => this.fields(value as ReflectMessage));
        else if (field.mapKind === "enum") this.line("value", enumText(field.enum, value as number));
        else this.line("value", scalarText(field.scalar, value));
      });
    }
  }

  /** Whether the message was an Any that could be written with its content. */
  private expandedAny(message: ReflectMessage): boolean {
    if (message.desc.typeName !== "google.protobuf.Any") return false;
    const { typeUrl, value } = message.message as unknown as { typeUrl: string; value: Uint8Array };
    const desc = this.registry?.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
    const content = desc && decoded(desc, value);
    if (content === undefined) return false;
    this.block(`[${typeUrl}]`, () => this.fields(content));
    return true;
  }

  private line(name: string, value: string): void {
    this.lines.push(`${this.indent}${name}: ${value}\n`);
  }

  private block(name: string, content: () => void): void {
    const { indent } = this;
    this.lines.push(`${indent}${name} {\n`);
    this.indent = `${indent}  `;
    content();
    this.indent = indent;
    this.lines.push(`${indent}}\n`);
  }
}

/** An Any's content; undefined when its bytes are not of its type: then they are written as they are. */
function decoded(desc: DescMessage, bytes: Uint8Array): ReflectMessage | undefined {
  try {
    return reflect(desc, fromBinary(desc, bytes, { recursionLimit: MAX_MESSAGE_DEPTH }));
  } catch {
    return undefined;
  }
}

function compareKeys(a: unknown, b: unknown): number {
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(encodeText(a), encodeText(b));
  return (a as number) < (b as number) ? -1 : 1;
}

function scalarText(type: ScalarType, value: unknown): string {
  switch (type) {
    case ScalarType.STRING:
      return quoteBytes(encodeText(value as string));
    case ScalarType.BYTES:
      return quoteBytes(value as Uint8Array);
    case ScalarType.FLOAT:
      return floatText(value as number, shortestFloat32);
    case ScalarType.DOUBLE:
      return floatText(value as number, String);
    default:
      return String(value);
  }
}

function enumText(desc: DescEnum, value: number): string {
  return desc.value[value]?.name ?? String(value);
}

function floatText(value: number, finite: (value: number) => string): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : finite(value);
}

/** The shortest decimal that is read back as the same float32. Nine digits always are. */
function shortestFloat32(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return String(candidate);
  }
  return String(Number(value.toPrecision(9)));
}
