/** What metadata a method may send of its own. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code } from "@servable/formats";
import { MethodContext } from "./method-context.js";

describe("Metadata of a method's own", () => {
  const refused: readonly { about: string; name: string; value: string; message: RegExp }[] = [
    { about: "names in capitals", name: "X-Cost", value: "1", message: /the name "X-Cost"/ },
    { about: "pseudo-headers", name: ":status", value: "500", message: /the name ":status"/ },
    { about: "names of gRPC", name: "grpc-status", value: "0", message: /the name "grpc-status"/ },
    { about: "line breaks", name: "x-cost", value: "1\r\n2", message: /"x-cost" is not ASCII/ },
    { about: "other alphabets", name: "x-cost", value: "dünn", message: /"x-cost" is not ASCII/ },
    { about: "bytes not in base64", name: "x-cost-bin", value: "a:b", message: /"x-cost-bin" is not base64/ },
    { about: "more than clients take", name: "x", value: "a".repeat(8160), message: /8193 bytes; 8192 are/ },
  ];
  for (const { about, name, value, message } of refused) {
    it(`has no place for ${about}`, () => {
      const context = new MethodContext(undefined);
      const expected = { code: Code.INTERNAL, message };
      assert.throws(() => context.addInitialMetadata(name, value), expected);
      assert.throws(() => context.addTrailingMetadata(name, value), expected);
      assert.ok(!context.hasMetadata);
    });
  }

  it("may come twice by one name", () => {
    const context = new MethodContext(undefined);
    for (const value of ["1", "2"]) context.addTrailingMetadata("x-cost", value);
    assert.deepEqual(context.trailingMetadata, [
      { name: "x-cost", value: "1" },
      { name: "x-cost", value: "2" },
    ]);
  });

  it("comes too late in front of messages that are sent", () => {
    const context = new MethodContext(undefined);
    context.hasStarted = true;
    assert.throws(() => context.addInitialMetadata("x-cost", "1"), {
      code: Code.INTERNAL,
      message: /"x-cost" comes behind the first message/,
    });
    context.addTrailingMetadata("x-cost", "1");
  });
});
