/**
 * Damages a protocol buffer where it hurts: the bytes stay well-formed, what they say becomes absurd. Numbers become
 * negative or huge, names become those of other things (a function then calls itself, a graph gets a cycle), parts
 * are dropped, doubled, exchanged for others of their type.
 */
import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

export type Random = (limit: number) => number;

/** Sizes, offsets and counts that no model has a use for. */
const hostileIntegers = [
  -(2n ** 63n),
  -(2n ** 31n),
  -2n,
  -1n,
  0n,
  1n,
  2n,
  7n,
  1000n,
  65_536n,
  10_000_019n,
].concat([2n ** 31n - 1n, 2n ** 31n, 2n ** 32n, 2n ** 40n, 2n ** 53n, 2n ** 63n - 1n]);

const hostileFloats = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
  1e-45,
  -1,
  3.4e38,
  0.5,
];

const hostileTexts = [
  "",
  "/",
  "../../../../etc/passwd",
  "__proto__",
  "constructor",
  ":",
  "^",
  ":0",
  "\0",
  "[(*",
].concat(["x:99999999999", "x".repeat(70_000)]);

/** A field of some message inside of the whole. */
interface Site {
  readonly message: ReflectMessage;
  readonly field: DescField;
}

/** Everything in a message that can be changed, and the material to change it with. */
interface Survey {
  readonly sites: Site[];
  readonly texts: string[];
  readonly parts: Map<string, Message[]>;
}

/** Changes one place of a message; says which. */
export function damageMessage(schema: DescMessage, message: Message, random: Random): string {
  const survey: Survey = { sites: [], texts: [], parts: new Map() };
  explore(reflect(schema, message), survey);
  const site = pick(survey.sites, random);
  return site === undefined ? "an empty message" : damageField(site, survey, random);
}

function explore(message: ReflectMessage, survey: Survey): void {
  const parts = survey.parts.get(message.desc.typeName) ?? [];
  survey.parts.set(message.desc.typeName, parts);
  parts.push(message.message);
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    survey.sites.push({ message, field });
    exploreValue(message.get(field), survey);
  }
}

function exploreValue(value: unknown, survey: Survey): void {
  if (typeof value === "string") survey.texts.push(value);
  else if (isReflected(value)) explore(value, survey);
  else if (isMap(value)) {
    for (const [key, inner] of value) {
      exploreValue(key, survey);
      exploreValue(inner, survey);
    }
  } else if (isIterable(value)) for (const inner of value) exploreValue(inner, survey);
}

function isReflected(value: unknown): value is ReflectMessage {
  return typeof value === "object" && value !== null && "desc" in value && "message" in value;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return (
    typeof value === "object" && value !== null && Symbol.iterator in value && !(value instanceof Uint8Array)
  );
}

function isMap(
  value: unknown,
): value is Iterable<[unknown, unknown]> & { set(key: unknown, value: unknown): void } {
  return isIterable(value) && "set" in value && "keys" in value && "delete" in value;
}

function damageField({ message, field }: Site, survey: Survey, random: Random): string {
  const where = `${message.desc.typeName}.${field.name}`;
  if (random(12) === 0) {
    message.clear(field);
    return `${where} left out`;
  }
  switch (field.fieldKind) {
    case "scalar":
      message.set(field, scalar(field.scalar, message.get(field), survey, random));
      return `${where} changed`;
    case "enum":
      message.set(field, random(140));
      return `${where} changed`;
    case "message":
      message.set(field, reflect(field.message, otherPart(field.message, survey, random)));
      return `${where} exchanged`;
    case "list":
      return damageList(message, field, survey, random, where);
    case "map":
      return damageMap(message, field, survey, random, where);
  }
}

function otherPart(type: DescMessage, survey: Survey, random: Random): Message {
  return structuredClone(pick(survey.parts.get(type.typeName) ?? [], random) as Message);
}

function scalar(type: ScalarType, old: unknown, survey: Survey, random: Random): unknown {
  switch (type) {
    case ScalarType.STRING:
      return random(3) === 0 ? pick(hostileTexts, random) : pick(survey.texts, random);
    case ScalarType.BYTES:
      return damagedBytes(old as Uint8Array, random);
    case ScalarType.BOOL:
      return !old;
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return pick(hostileFloats, random);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return pick(hostileIntegers, random);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return BigInt.asUintN(64, pick(hostileIntegers, random) as bigint);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return Number(BigInt.asUintN(32, pick(hostileIntegers, random) as bigint));
    default:
      return Number(BigInt.asIntN(32, pick(hostileIntegers, random) as bigint));
  }
}

function damagedBytes(old: Uint8Array, random: Random): Uint8Array {
  switch (random(4)) {
    case 0:
      return old.slice(0, random(old.length + 1));
    case 1:
      return Uint8Array.from({ length: old.length }, () => random(256));
    case 2:
      return Uint8Array.from([...old.subarray(0, 1000), ...old.subarray(0, 1000)]);
    default:
      return new Uint8Array(random(64));
  }
}

function damageList(
  message: ReflectMessage,
  field: DescField & { fieldKind: "list" },
  survey: Survey,
  random: Random,
  where: string,
): string {
  const list = message.get(field);
  const at = random(Math.max(list.size, 1));
  const chosen = list.get(at);
  switch (random(5)) {
    case 0: {
      const kept = [...list].filter((_, i) => i !== at);
      list.clear();
      for (const item of kept) list.add(item);
      return `${where}[${at}] left out`;
    }
    case 1:
      if (list.size > 0) list.add(chosen);
      return `${where}[${at}] twice`;
    case 2: {
      for (let i = 0; i < 300 && list.size > 0; i++) list.add(chosen);
      return `${where}[${at}] 300 times`;
    }
    default:
      if (list.size === 0) return `${where} is empty`;
      list.set(at, item(field, chosen, survey, random));
      return `${where}[${at}] changed`;
  }
}

function item(
  field: DescField & { fieldKind: "list" | "map" },
  old: unknown,
  survey: Survey,
  random: Random,
): unknown {
  const kind = field.fieldKind === "list" ? field.listKind : field.mapKind;
  if (kind === "message")
    return reflect(field.message as DescMessage, otherPart(field.message as DescMessage, survey, random));
  if (kind === "enum") return random(140);
  return scalar(field.scalar as ScalarType, old, survey, random);
}

function damageMap(
  message: ReflectMessage,
  field: DescField & { fieldKind: "map" },
  survey: Survey,
  random: Random,
  where: string,
): string {
  const map = message.get(field);
  const key = pick([...map.keys()], random);
  if (key === undefined) return `${where} is empty`;
  const value = map.get(key);
  switch (random(4)) {
    case 0:
      map.delete(key);
      return `${where}["${key}"] left out`;
    case 1:
      map.delete(key);
      map.set(typeof key === "string" ? (pick(survey.texts, random) as string) : key, value);
      return `${where}["${key}"] renamed`;
    default:
      map.set(key, item(field, value, survey, random));
      return `${where}["${key}"] changed`;
  }
}

function pick<T>(from: readonly T[], random: Random): T | undefined {
  return from[random(Math.max(from.length, 1))];
}
