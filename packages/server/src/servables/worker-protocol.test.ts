import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { internal, type NumericTensor, stringTensor, type Tensor, tensor } from "@servable/formats";
import { packError, packTensors, unpackError, unpackTensors } from "./worker-protocol.js";

/** What arrives at the other side. */
function sent(
  tensors: Record<string, Tensor>,
  movable: Parameters<typeof packTensors>[1],
): Map<string, Tensor> {
  const packing = packTensors(new Map(Object.entries(tensors)), movable);
  return unpackTensors(structuredClone(packing.tensors, { transfer: packing.transfer }));
}

describe("tensors on their way to a worker", () => {
  const tensors = (): Record<string, Tensor> => ({
    floats: tensor("float32", [2, 2], Float32Array.of(1, 2, 3, 4)),
    longs: tensor("int64", [1], BigInt64Array.of(2n ** 63n - 1n)),
    scalar: tensor("bool", [], Uint8Array.of(1)),
    nothing: tensor("float64", [0, 3], new Float64Array(0)),
    strings: stringTensor([3], ["a", "", Uint8Array.of(0xff, 0)]),
    noStrings: stringTensor([0], []),
  });

  const none = new Set<ArrayBufferLike>();
  for (const [what, movable] of [
    ["moved", "all"],
    ["copied", none],
  ] as const) {
    it(`arrive as they were, ${what}`, () => {
      assert.deepEqual(sent(tensors(), movable), new Map(Object.entries(tensors())));
    });
  }

  it("move memory that they have to themselves", () => {
    const { floats } = tensors() as { floats: Tensor };
    sent({ floats }, "all");
    assert.equal(floats.data.length, 0);
  });

  it("leave alone what is only a view: the rest of a request goes on being read", () => {
    const request = new Float32Array([0, 1, 2, 3]);
    const view = tensor("float32", [2], request.subarray(1, 3));
    assert.deepEqual(sent({ view }, "all").get("view"), tensor("float32", [2], Float32Array.of(1, 2)));
    assert.deepEqual([...request], [0, 1, 2, 3]);
  });

  it("leave alone what is not to be moved", () => {
    const { floats, longs } = tensors() as { floats: NumericTensor; longs: NumericTensor };
    sent({ floats, longs }, new Set([longs.data.buffer]));
    assert.deepEqual([floats.data.length, longs.data.length], [4, 0]);
  });

  it("may share memory", () => {
    const data = Float32Array.of(1, 2);
    const [a, b] = [tensor("float32", [2], data), tensor("float32", [1, 2], data)];
    assert.deepEqual(
      sent({ a, b }, "all"),
      new Map([
        ["a", tensor("float32", [2], Float32Array.of(1, 2))],
        ["b", tensor("float32", [1, 2], Float32Array.of(1, 2))],
      ] as [string, Tensor][]),
    );
  });
});

describe("errors on their way from a worker", () => {
  it("keep code and message", () => {
    const { codeName, message } = unpackError(structuredClone(packError(internal("broken"))));
    assert.deepEqual([codeName, message], ["INTERNAL", "broken"]);
    assert.equal(unpackError(packError(new Error("foreign"))).codeName, "INTERNAL");
  });
});
