/** Numbers, booleans and enums of the text format, read from the tokenizer with the ranges of their types. */
import { type DescEnum, ScalarType } from "@bufbuild/protobuf";
import { Kind, type Tokenizer } from "./tokenizer.js";

/** The scalar types whose values are neither strings nor bytes. */
export type NumericScalar = Exclude<ScalarType, ScalarType.STRING | ScalarType.BYTES>;

/** The value at the tokenizer's place, in the form that protobuf-es keeps it. */
export function readNumber(tokens: Tokenizer, type: NumericScalar): number | bigint | boolean {
  switch (type) {
    case ScalarType.BOOL:
      return readBool(tokens);
    case ScalarType.FLOAT:
      return Math.fround(readFloat(tokens));
    case ScalarType.DOUBLE:
      return readFloat(tokens);
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return Number(readInteger(tokens, -(2n ** 31n), 2n ** 31n - 1n));
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return Number(readInteger(tokens, 0n, 2n ** 32n - 1n));
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return BigInt(readInteger(tokens, -(2n ** 63n), 2n ** 63n - 1n));
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return BigInt(readInteger(tokens, 0n, 2n ** 64n - 1n));
  }
}

/** The number of an enum value, given by its name or its number. A closed enum takes only numbers that it has. */
export function readEnum(tokens: Tokenizer, desc: DescEnum): number {
  const { start } = tokens;
  if (tokens.kind === Kind.IDENTIFIER) {
    const name = tokens.identifier("an enum value");
    const value = desc.values.find((candidate) => candidate.name === name);
    if (value === undefined) throw tokens.error(`${desc.typeName} has no value named "${name}"`, start);
    return value.number;
  }
  if (tokens.kind !== Kind.INTEGER && !tokens.at("-")) throw tokens.unexpected(`a value of ${desc.typeName}`);
  const number = Number(readInteger(tokens, -(2n ** 31n), 2n ** 31n - 1n));
  if (!desc.open && desc.value[number] === undefined) {
    throw tokens.error(`${desc.typeName} has no value ${number}`, start);
  }
  return number;
}

/** An integer; a number where it is small, for speed. */
function readInteger(tokens: Tokenizer, least: bigint, most: bigint): number | bigint {
  const { start } = tokens;
  const negative = least < 0n && tokens.skip("-");
  if (tokens.kind !== Kind.INTEGER) throw tokens.unexpected("an integer");
  const magnitude = magnitudeOf(tokens.token);
  const value = negative ? -magnitude : magnitude;
  if (value < least || value > most) throw tokens.error(`integer out of range: ${least} to ${most}`, start);
  tokens.next();
  // Minus zero is zero.
  return value === 0 ? 0 : value;
}

function magnitudeOf(token: string): number | bigint {
  if (token.length <= 15 && token.charCodeAt(0) !== 0x30) return Number(token);
  const octal = /^0[0-7]+$/.test(token);
  return BigInt(octal ? `0o${token}` : token);
}

function readFloat(tokens: Tokenizer): number {
  const negative = tokens.skip("-");
  const value = readUnsignedFloat(tokens);
  tokens.next();
  return negative ? -value : value;
}

/** The value of the current token. */
function readUnsignedFloat(tokens: Tokenizer): number {
  const { token } = tokens;
  if (tokens.kind === Kind.INTEGER && (token === "0" || token.charCodeAt(0) !== 0x30)) return Number(token);
  if (tokens.kind === Kind.FLOAT) return Number(token.replace(/[fF]$/, ""));
  if (tokens.kind === Kind.IDENTIFIER) {
    const word = token.toLowerCase();
    if (word === "inf" || word === "infinity") return Number.POSITIVE_INFINITY;
    if (word === "nan") return Number.NaN;
  }
  throw tokens.unexpected("a decimal number");
}

const booleans = new Map([
  ["true", true],
  ["True", true],
  ["t", true],
  ["false", false],
  ["False", false],
  ["f", false],
]);

function readBool(tokens: Tokenizer): boolean {
  if (tokens.kind === Kind.INTEGER) {
    const value = magnitudeOf(tokens.token);
    if (value > 1) throw tokens.unexpected('"true" or "false"');
    tokens.next();
    return Number(value) === 1;
  }
  const value = tokens.kind === Kind.IDENTIFIER ? booleans.get(tokens.token) : undefined;
  if (value === undefined) throw tokens.unexpected('"true" or "false"');
  tokens.next();
  return value;
}
