import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeText } from "../tensor.js";
import { isArray, isObject, JsonNumber, JsonString, type JsonValue, NumberRun } from "./json-document.js";
import { parseJson } from "./json-parser.js";

const parse = (text: string) => parseJson(encodeText(text));

/** The document as plain values; integers outside ±(2^53 - 1) as bigint. */
function plain(value: JsonValue): unknown {
  if (value instanceof JsonString) return value.text();
  if (value instanceof JsonNumber) return plainNumber(value);
  if (value instanceof NumberRun) {
    return Array.from({ length: value.length }, (_, i) => plainNumber(value.pool.at(value.start + i)));
  }
  if (isArray(value)) return value.map(plain);
  if (isObject(value)) return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
  return value;
}

function plainNumber(number: JsonNumber): unknown {
  if (!number.isInteger || Number.isSafeInteger(number.value)) return number.value;
  return number.integer;
}

describe("a JSON text", () => {
  const texts = [
    "null",
    "[]",
    "{}",
    '""',
    "[true, false, null]",
    '{"a": {"b": [1, "x", {"c": []}]}, "": -0.5}',
    "[1, 2.5, -3e2, 1E+2, 1e-7, 0.1, 123456789.987654321, 5e-324, 1.7976931348623157e308]",
    "[0.30000000000000004, 9007199254740993.5, 3.141592653589793238462643383279]",
    '["\\u0041\\n\\"\\\\\\/\\b\\f\\r\\t", "\\ud83d\\ude00", "über 東京 😀", "\\u0000"]',
    " [ 1 , 2 ]\n",
  ];
  for (const text of texts) {
    it(`reads ${text.trim()} as JSON.parse does`, () =>
      assert.deepEqual(plain(parse(text)), JSON.parse(text)));
  }

  const beyondJson: [string, unknown][] = [
    ["[NaN, Inf, Infinity, -Inf, -Infinity]", [Number.NaN, Infinity, Infinity, -Infinity, -Infinity]],
    [
      "[9223372036854775807, -9223372036854775808, 18446744073709551615, 9007199254740993]",
      [9223372036854775807n, -9223372036854775808n, 18446744073709551615n, 9007199254740993n],
    ],
    ["[18446744073709551616]", [2 ** 64]],
    ['{"twice": 1, "twice": 2}', { twice: 1 }],
    ["\ufeff7", 7],
  ];
  for (const [text, expected] of beyondJson) {
    it(`reads ${text}`, () => assert.deepEqual(plain(parse(text)), expected));
  }

  it("tells 1 from 1.0", () => {
    const [integer, decimal] = ["1", "1.0"].map((text) => (parse(text) as JsonNumber).isInteger);
    assert.deepEqual([integer, decimal], [true, false]);
  });

  it("keeps bytes that are not UTF-8", () => {
    const text = new Uint8Array([0x22, 0xff, 0xfe, 0x22]);
    assert.deepEqual((parseJson(text) as JsonString).bytes(), new Uint8Array([0xff, 0xfe]));
  });

  const malformed: [string, string][] = [
    ["", "The document is empty. at offset: 0"],
    ["  ", "The document is empty. at offset: 2"],
    ["[1] 2", "The document root must not be followed by other values. at offset: 4"],
    ["{1: 2}", "Missing a name for object member. at offset: 1"],
    ['{"a" 1}', "Missing a colon after a name of object member. at offset: 5"],
    ['{"a": 1 "b"}', "Missing a comma or } after an object member. at offset: 8"],
    ["[1 2]", "Missing a comma or ] after an array element. at offset: 3"],
    ["[1,", "Invalid value. at offset: 3"],
    ["[1,]", "Invalid value. at offset: 3"],
    ["tru", "Invalid value. at offset: 0"],
    ["[-]", "Invalid value. at offset: 1"],
    ["1.", "Missing fraction part in number. at offset: 2"],
    ["1e", "Missing exponent in number. at offset: 2"],
    ["1e400", "Number too big to be stored in double. at offset: 0"],
    ['"a', "Missing a closing quotation mark in string. at offset: 2"],
    ['"\\', "Missing a closing quotation mark in string. at offset: 2"],
    ['"\\x"', "Invalid escape character in string. at offset: 1"],
    ['"\\u12g4"', "Incorrect hex digit after \\u escape in string. at offset: 1"],
    ['"\\ud800"', "The surrogate pair in string is invalid. at offset: 1"],
    ['"a\nb"', "Invalid encoding in string. at offset: 2"],
    ["[".repeat(100_000), "Nesting is deeper than 512 levels. at offset: 512"],
  ];
  for (const [text, message] of malformed) {
    it(`is refused: ${text.slice(0, 20)}`, () => {
      assert.throws(() => parse(text), {
        codeName: "INVALID_ARGUMENT",
        message: `JSON Parse error: ${message}`,
      });
    });
  }
});
