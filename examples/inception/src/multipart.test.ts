import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code } from "@servable/formats";
import { readUploads } from "./multipart.js";

const TYPE = "multipart/form-data; boundary=----b42";

function form(...parts: string[]): Buffer {
  return Buffer.from(`${parts.map((part) => `------b42\r\n${part}\r\n`).join("")}------b42--\r\n`, "latin1");
}

const file = (name: string, content: string) =>
  `Content-Disposition: form-data; name="pictures"; filename="${name}"\r\nContent-Type: image/png\r\n\r\n${content}`;

const read = (type: string | undefined, body: Buffer) =>
  readUploads(type, body).map(({ fileName, bytes }) => [fileName, bytes.toString("latin1")]);

describe("a form with files", () => {
  const forms: [what: string, body: Buffer, expected: [name: string, content: string][]][] = [
    [
      "gives its files in order",
      form(file("a.png", "one"), file("b.png", "two")),
      [
        ["a.png", "one"],
        ["b.png", "two"],
      ],
    ],
    ["keeps every byte", form(file("a", "\r\n--\0\xff------b4")), [["a", "\r\n--\0\xff------b4"]]],
    ["may hold an empty file", form(file("a", "")), [["a", ""]]],
    ["passes over a field that was left out", form(file("", "")), []],
    ["passes over fields that are no files", form('Content-Disposition: form-data; name="x"\r\n\r\n1'), []],
    ["unescapes quotes in names", form(file("a%22b.png", "x")), [['a"b.png', "x"]]],
    ["may be empty", form(), []],
  ];
  for (const [what, body, expected] of forms) it(what, () => assert.deepEqual(read(TYPE, body), expected));

  it("may quote its boundary", () => {
    assert.deepEqual(read('multipart/form-data; boundary="----b42"', form(file("a", "x"))), [["a", "x"]]);
  });

  const refused: [situation: string, type: string | undefined, body: Buffer][] = [
    ["of another type", "text/plain", form()],
    ["without type", undefined, form()],
    ["without boundary", "multipart/form-data", form()],
    ["of nothing", TYPE, Buffer.alloc(0)],
    ["without end", TYPE, form(file("a", "x")).subarray(0, -10)],
    ["cut within headers", TYPE, Buffer.from("------b42\r\nContent-Dis")],
  ];
  for (const [situation, type, body] of refused) {
    it(`is refused: ${situation}`, () => {
      assert.throws(() => readUploads(type, body), { code: Code.INVALID_ARGUMENT });
    });
  }
});
