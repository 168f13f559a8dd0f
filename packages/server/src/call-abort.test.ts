import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, StatusError } from "@servable/formats";
import { CallAbort } from "./call-abort.js";

const late = new StatusError(Code.DEADLINE_EXCEEDED, "late");
const gone = new StatusError(Code.CANCELLED, "gone");

describe("the signal of a call", () => {
  it("tells everyone who listens, once, and keeps the first reason", () => {
    const abort = new CallAbort();
    const told: string[] = [];
    abort.signal.addEventListener("abort", () => told.push("first"));
    abort.signal.addEventListener("abort", () => told.push("second"));
    assert.equal(abort.signal.aborted, false);
    abort.abort(late);
    abort.abort(gone);
    assert.deepEqual(told, ["first", "second"]);
    assert.equal(abort.signal.aborted, true);
    assert.equal(abort.signal.reason, late);
  });

  it("does not tell who no longer listens, nor through another call", () => {
    const [one, other] = [new CallAbort(), new CallAbort()];
    const told: string[] = [];
    const listener = () => void told.push("one");
    one.signal.addEventListener("abort", listener);
    other.signal.addEventListener("abort", () => told.push("other"));
    one.signal.removeEventListener("abort", listener);
    one.abort(gone);
    assert.deepEqual(told, []);
  });

  it("tells all, though one of them stops listening when it is told", () => {
    const abort = new CallAbort();
    const told: string[] = [];
    const first = () => {
      abort.signal.removeEventListener("abort", first);
      told.push("first");
    };
    abort.signal.addEventListener("abort", first);
    abort.signal.addEventListener("abort", () => told.push("second"));
    abort.abort(gone);
    assert.deepEqual(told, ["first", "second"]);
  });
});
