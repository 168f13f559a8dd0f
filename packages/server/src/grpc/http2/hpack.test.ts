/** The examples of RFC 7541, appendix C. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeHeaders, HpackDecoder, integerBytes } from "./hpack.js";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

const decode = (decoder: HpackDecoder, hex: string) =>
  decoder.decode(bytes(hex)).map(({ name, value }) => `${name}: ${value}`);

describe("integers", () => {
  const cases: readonly (readonly [number, number, readonly number[]])[] = [
    [10, 5, [0b01010]],
    [1337, 5, [0b11111, 0b10011010, 0b00001010]],
    [42, 8, [42]],
  ];
  for (const [value, prefix, expected] of cases) {
    it(`${value} behind ${prefix} bits`, () => assert.deepEqual(integerBytes(value, prefix), expected));
  }
});

describe("header fields", () => {
  const cases: readonly { about: string; hex: string; header: string; tableBytes: number }[] = [
    {
      about: "literal with indexing",
      hex: "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      header: "custom-key: custom-header",
      tableBytes: 55,
    },
    {
      about: "literal without indexing",
      hex: "040c 2f73 616d 706c 652f 7061 7468",
      header: ":path: /sample/path",
      tableBytes: 0,
    },
    {
      about: "literal never indexed",
      hex: "1008 7061 7373 776f 7264 0673 6563 7265 74",
      header: "password: secret",
      tableBytes: 0,
    },
    { about: "indexed", hex: "82", header: ":method: GET", tableBytes: 0 },
  ];
  for (const { about, hex, header, tableBytes } of cases) {
    it(about, () => {
      const decoder = new HpackDecoder(1000);
      assert.deepEqual(decode(decoder, hex), [header]);
      assert.equal(decoder.tableBytes, tableBytes);
    });
  }
});

const requests = [
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
  [
    ":method: GET",
    ":scheme: https",
    ":path: /index.html",
    ":authority: www.example.com",
    "custom-key: custom-value",
  ],
];

describe("requests on one connection", () => {
  const cases = [
    {
      about: "plain",
      blocks: [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
    },
    {
      about: "Huffman-coded",
      blocks: [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
    },
  ];
  for (const { about, blocks } of cases) {
    it(about, () => {
      const decoder = new HpackDecoder(1000);
      const sizes: number[] = [];
      for (const [i, block] of blocks.entries()) {
        assert.deepEqual(decode(decoder, block), requests[i]);
        sizes.push(decoder.tableBytes);
      }
      assert.deepEqual(sizes, [57, 110, 164]);
    });
  }
});

describe("a table that is too small for all", () => {
  const date = "date: Mon, 21 Oct 2013 20:13:21 GMT";
  const location = "location: https://www.example.com";
  const cookie = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
  const cases = [
    {
      about: "plain",
      blocks: [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
      ],
    },
    {
      about: "Huffman-coded",
      blocks: [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
      ],
    },
  ];
  const expected = [
    [":status: 302", "cache-control: private", date, location],
    [":status: 307", "cache-control: private", date, location],
    [
      ":status: 200",
      "cache-control: private",
      date.replace(":21 GMT", ":22 GMT"),
      location,
      "content-encoding: gzip",
      cookie,
    ],
  ];
  for (const { about, blocks } of cases) {
    it(`drops the oldest (${about})`, () => {
      const decoder = new HpackDecoder(1000);
      // The examples are for a table of 256 bytes: the size update that says so comes first.
      decode(decoder, "3fe101");
      const sizes: number[] = [];
      for (const [i, block] of blocks.entries()) {
        assert.deepEqual(decode(decoder, block), expected[i]);
        sizes.push(decoder.tableBytes);
      }
      assert.deepEqual(sizes, [222, 222, 215]);
    });
  }
});

describe("a block that comes again", () => {
  it("means what the table says by then", () => {
    const decoder = new HpackDecoder(1000);
    decode(decoder, "4001 6101 31");
    assert.deepEqual(decode(decoder, "be"), ["a: 1"]);
    assert.deepEqual(decode(decoder, "be"), ["a: 1"]);
    decode(decoder, "4001 6201 32");
    assert.deepEqual(decode(decoder, "be"), ["b: 2"]);
  });
});

describe("damage", () => {
  const COMPRESSION_ERROR = 9;
  const cases = [
    { about: "index 0", hex: "80" },
    { about: "an index beyond the table", hex: "be" },
    { about: "a string that goes on after the block", hex: "0003 6162" },
    { about: "an integer without an end", hex: "ff ff ff ff ff ff ff ff" },
    { about: "an integer of many zeros", hex: "ff 80 80 80 80 80 80 00" },
    { about: "a table size beyond what was offered", hex: "3fe2 1f" },
    { about: "a table size update behind a header", hex: "82 20" },
    { about: "Huffman padding of zeros", hex: "0081 00 00" },
    { about: "Huffman padding of more than seven bits", hex: "0082 1fff 00" },
    { about: "Huffman code for the end of the string", hex: "0084 ffff ffff 00" },
  ];
  for (const { about, hex } of cases) {
    it(`refuses ${about}`, () => {
      assert.throws(() => new HpackDecoder(1000).decode(bytes(hex)), { code: COMPRESSION_ERROR });
    });
  }

  it("refuses a few bytes that stand for a long list", () => {
    const decoder = new HpackDecoder(10_000);
    decoder.decode(Buffer.concat([bytes("4001 61 7fa1 1e"), Buffer.alloc(4000)]));
    assert.throws(() => decoder.decode(Buffer.alloc(100, 0xbe)), { code: 11 });
  });
});

describe("headers of responses", () => {
  it("can be read back", () => {
    const headers = [
      { name: ":status", value: "200" },
      { name: "grpc-message", value: "x".repeat(300) },
    ];
    assert.deepEqual(new HpackDecoder(1000).decode(encodeHeaders(headers)), headers);
  });
});
