import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, notFound, unavailable } from "@servable/formats";
import { type CallContext, startCall } from "./call-context.js";
import { NO_RETRY, withRetry } from "./retry.js";

const unlimited: CallContext = { deadline: Number.POSITIVE_INFINITY, signal: undefined };

/** Fails with UNAVAILABLE so many times, then answers with the number of tries. */
function failing(times: number): () => Promise<number> {
  let tries = 0;
  return async () => {
    tries++;
    if (tries <= times) throw unavailable("down");
    return tries;
  };
}

describe("retries", () => {
  it("are not made unless asked for", async () => {
    await assert.rejects(withRetry(NO_RETRY, unlimited, failing(1)), { code: Code.UNAVAILABLE });
  });

  it("go on until the call succeeds", async () => {
    assert.equal(await withRetry({ attempts: 3, backoffMs: 1 }, unlimited, failing(2)), 3);
  });

  it("end with the policy's number of attempts", async () => {
    await assert.rejects(withRetry({ attempts: 3, backoffMs: 1 }, unlimited, failing(3)), {
      code: Code.UNAVAILABLE,
    });
  });

  it("are not made for other codes than the policy's", async () => {
    let tries = 0;
    const attempt = async () => {
      tries++;
      throw notFound("no such model");
    };
    await assert.rejects(withRetry({ attempts: 3, backoffMs: 1 }, unlimited, attempt), {
      code: Code.NOT_FOUND,
    });
    assert.equal(tries, 1);
  });

  it("end with the call's deadline, also in between", async () => {
    const context = startCall({ deadlineMs: 30 }, undefined);
    const started = Date.now();
    await assert.rejects(withRetry({ attempts: 2, backoffMs: 10_000 }, context, failing(2)), {
      code: Code.DEADLINE_EXCEEDED,
    });
    assert.ok(Date.now() - started < 5_000);
  });

  it("end when the caller cancels, with the reason for a cause", async () => {
    const abort = new AbortController();
    const context = startCall({ signal: abort.signal }, undefined);
    const call = withRetry({ attempts: 2, backoffMs: 10_000 }, context, failing(2));
    setTimeout(() => abort.abort("enough"), 10);
    await assert.rejects(call, { code: Code.CANCELLED, cause: "enough" });
  });

  it("need at least one attempt", async () => {
    await assert.rejects(withRetry({ attempts: 0 }, unlimited, failing(0)), { code: Code.INVALID_ARGUMENT });
  });
});

describe("a deadline", () => {
  for (const deadlineMs of [0, -1, Number.NaN]) {
    it(`can't be ${deadlineMs} ms`, () => {
      assert.throws(() => startCall({ deadlineMs }, undefined), { code: Code.INVALID_ARGUMENT });
    });
  }

  it("of the call goes before that of the client", () => {
    const soon = startCall({ deadlineMs: 10 }, 1e9).deadline;
    assert.ok(soon < Date.now() + 1_000);
  });
});
