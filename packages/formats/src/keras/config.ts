/**
 * Keras configurations: the JSON that a layer is made from. Keras 2 and 3 write the same things in two ways
 * (keras/src/saving/serialization_lib.py, tf_keras/src/saving/legacy/serialization.py); here they are read as one.
 */
import { invalidArgument, unimplemented } from "../status.js";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

/** A layer, function or other object as it is written. */
export interface KerasObject {
  readonly className: string;
  /** Such as "keras.layers"; Keras 2 often has none. */
  readonly module: string | undefined;
  /** Set for classes that are no part of Keras, such as "my_package>MyLayer". */
  readonly registeredName: string | undefined;
  readonly config: Config;
  /** The object as it was read. */
  readonly json: JsonObject;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Nesting of values in a configuration, at most: what reads them calls itself. */
const MAX_DEPTH = 200;

/**
 * JSON as Python writes it, which has NaN and Infinity.
 *
 * @throws INVALID_ARGUMENT, naming `what`, for text that is no JSON or nested too deep
 */
export function parseConfig(text: string, what: string): Json {
  const value = parse(text, what);
  requireDepth(value, what, 0);
  return value;
}

function parse(text: string, what: string): Json {
  try {
    return JSON.parse(text);
  } catch (reason) {
    const plain = text.replace(/(?<=[[:,]\s{0,100})(-?Infinity|NaN)(?=\s{0,100}[\],}])/g, (name) =>
      name === "NaN" ? "null" : name.startsWith("-") ? "-1e999" : "1e999",
    );
    if (plain !== text) return parse(plain, what);
    throw invalidArgument(`${what} is no JSON: ${(reason as Error).message.slice(0, 200)}`, {
      cause: reason,
    });
  }
}

function requireDepth(value: Json, what: string, depth: number): void {
  if (depth > MAX_DEPTH) throw invalidArgument(`${what} is nested more than ${MAX_DEPTH} deep`);
  if (typeof value !== "object" || value === null) return;
  for (const inner of Object.values(value)) requireDepth(inner, what, depth + 1);
}

/** The object that a configuration writes: `{class_name, config, module?, registered_name?}`. */
export function kerasObject(value: Json | undefined, where: string): KerasObject {
  if (!isJsonObject(value) || typeof value.class_name !== "string") {
    throw invalidArgument(`${where}: expected an object with class_name and config, got ${kindOf(value)}`);
  }
  const { class_name: className, config, module, registered_name: registeredName } = value;
  return {
    className,
    module: typeof module === "string" ? module : undefined,
    registeredName: typeof registeredName === "string" ? registeredName : undefined,
    config: new Config(isJsonObject(config) ? config : {}, `${where} (${className})`),
    json: value,
  };
}

function kindOf(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : typeof value;
}

/** The values of one configuration by name; what is absent has the default that is given, or is an error. */
export class Config {
  constructor(
    readonly values: JsonObject,
    /** Names the layer in errors. */
    readonly where: string,
  ) {}

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** Null when absent. Python's tuples and wrapped values are as lists and plain values. */
  get(name: string): Json {
    return Object.hasOwn(this.values, name) ? plainValue(this.values[name] as Json) : null;
  }

  string(name: string, otherwise?: string): string {
    return this.typed(name, "a string", (value) => typeof value === "string", otherwise);
  }

  number(name: string, otherwise?: number): number {
    return this.typed(name, "a number", (value) => typeof value === "number", otherwise);
  }

  boolean(name: string, otherwise?: boolean): boolean {
    const value = this.get(name);
    if (typeof value === "number") return value !== 0;
    return this.typed(name, "true or false", (value) => typeof value === "boolean", otherwise);
  }

  /** A list of numbers; one number counts as a list of one. */
  numbers(name: string, otherwise?: readonly number[]): readonly number[] {
    const value = this.get(name);
    if (typeof value === "number") return [value];
    const isNumbers = (value: Json) =>
      Array.isArray(value) && value.every((each) => typeof each === "number");
    return this.typed(name, "a list of numbers", isNumbers, otherwise);
  }

  /** One number for each of `rank` dimensions; a single one counts for all. */
  perDimension(name: string, rank: number, otherwise?: number): readonly number[] {
    const numbers = this.numbers(name, otherwise === undefined ? undefined : [otherwise]);
    if (numbers.length === rank) return numbers;
    if (numbers.length === 1) return new Array<number>(rank).fill(numbers[0] as number);
    throw invalidArgument(`${this.where}: "${name}" must have ${rank} numbers, got ${numbers.length}`);
  }

  list(name: string): readonly Json[] {
    return this.typed<readonly Json[]>(name, "a list", Array.isArray, []);
  }

  object(name: string): KerasObject {
    return kerasObject(this.get(name), `${this.where}, "${name}"`);
  }

  private typed<T>(
    name: string,
    kind: string,
    accepts: (value: Json) => boolean,
    otherwise: T | undefined,
  ): T {
    const value = this.get(name);
    if (accepts(value)) return value as T;
    if (value === null && otherwise !== undefined) return otherwise;
    throw invalidArgument(`${this.where}: "${name}" must be ${kind}, got ${kindOf(value)}`);
  }

  /** An error about a value of this configuration that can't be served. */
  refuse(what: string): never {
    throw unimplemented(`${this.where}: ${what} is not supported`);
  }
}

/** Tuples are written as {"class_name": "__tuple__", "items": […]}, arrays as {"class_name": "__numpy__" …}. */
function plainValue(value: Json): Json {
  if (!isJsonObject(value)) return value;
  const { class_name: kind, config, items } = value;
  if (kind === "__tuple__" && Array.isArray(items)) return items.map(plainValue);
  if ((kind === "__numpy__" || kind === "__tensor__") && isJsonObject(config)) return config.value ?? null;
  if (value.type === "tuple" && Array.isArray(items)) return items.map(plainValue);
  return value;
}
