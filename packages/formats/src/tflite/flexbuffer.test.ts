import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeText } from "../tensor.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { type FlexValue, readFlexBuffer } from "./flexbuffer.js";

const hex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));

/** What the flexbuffers package of Python wrote, in hexadecimal. */
const written: readonly [title: string, bytes: string, value: FlexValue][] = [
  ["nothing", "000001", null],
  ["-1 in one byte", "ff0401", -1],
  ["1000 in two", "e8030502", 1000],
  ["-70000 in four", "90eefeff0604", -70000],
  ["2^40 in eight", "00000000000100000708", 2 ** 40],
  ["0.5 in four", "0000003f0e04", 0.5],
  ["0.1 in eight", "9a9999999999b93f0f08", 0.1],
  ["true", "016801", true],
  ["a string", "086772c3b6c39f657200091401", encodeText("größer")],
  [
    "a vector of all kinds",
    "0161000001000000000020400e04010e00090414002a082801",
    [1, encodeText("a"), null, [2.5]],
  ],
  ["a vector whose elements need two bytes", "0300010002002c01050505092901", [1, 2, 300]],
  ["a vector of one type", "0201fe022c01", [1, -2]],
  ["a vector of keys", "6b31006b3200020705023801", [encodeText("k1"), encodeText("k2")]],
  ["an empty vector", "00002801", []],
  [
    "a map in a map",
    "61006e657374656400620001780002010468146300020d040200000001000000020000001500000000002040280e7a0003656e" +
      "64000336350a03010301190d042614062401",
    new Map<string, FlexValue>([
      ["a", 1],
      [
        "nested",
        new Map<string, FlexValue>([
          ["b", [true, encodeText("x")]],
          ["c", 2.5],
        ]),
      ],
      ["z", encodeText("end")],
    ]),
  ],
  [
    "the options of an operator of TensorFlow's",
    "0345726600030001ff0209051464042801",
    [encodeText("Erf"), Uint8Array.of(0, 1, 255)],
  ],
  ["a number somewhere else", "0000803e042201", 0.25],
];

describe("a FlexBuffer holds", () => {
  for (const [title, bytes, value] of written) {
    it(title, () => assert.deepEqual(readFlexBuffer(hex(bytes), "options"), value));
  }
});

describe("bytes that are no FlexBuffer are DATA_LOSS, with the place", () => {
  const cases: [string, string, RegExp][] = [
    ["too few", "0101", /options, byte 0: no FlexBuffer/],
    ["a width that is none", "000503", /a number of 3 bytes|not there/],
    ["a type that is none", "01fc01", /a value of type 63/],
    ["an offset out of them", "ff1401", /options, byte -2\d\d: 1 bytes are not there/],
    ["a vector that holds itself", "010028022801", /too many values/],
  ];
  for (const [title, bytes, message] of cases) {
    it(title, () => {
      assert.throws(() => readFlexBuffer(hex(bytes), "options"), { codeName: "DATA_LOSS", message });
    });
  }

  it("or any other way", () => {
    for (const [title, bytes] of written) {
      for (const mutation of mutations(hex(bytes), 5, 300)) {
        readOrRefuse(`${title}: ${mutation.label}`, () => readFlexBuffer(mutation.bytes, "options"));
      }
    }
  });
});
